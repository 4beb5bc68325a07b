/** The example beside the policy does what it says. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { parse } from "yaml";
import { startGateway, type TestGateway } from "../harness/gateway.ts";

const FOLDER = join(import.meta.dirname, "../../src/policies/validate");
const DOCUMENT = "./validate.example.openapi.yaml";

describe("the example of validate", () => {
  let gateway: TestGateway;
  before(async () => {
    const text = readFileSync(join(FOLDER, "validate.example.yaml"), "utf8");
    assert.ok(text.includes(DOCUMENT));
    gateway = await startGateway(
      parse(text.replace(DOCUMENT, join(FOLDER, DOCUMENT))) as Record<string, unknown>,
    );
  });
  after(() => gateway.stop());

  async function fieldsOf(path: string, body?: object): Promise<string[]> {
    const init = body && {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
    };
    const response = await fetch(`http://127.0.0.1:${gateway.port}${path}`, init);
    if (response.status === 200) return [];
    const { error } = (await response.json()) as { error: { details: { field: string }[] } };
    assert.equal(response.status, 422);
    return error.details.map(({ field }) => field);
  }

  test("lists what is wrong with an order, and takes one that is right", async () => {
    assert.deepEqual(await fieldsOf("/orders?limit=0&x=1", { email: "nobody", items: [], note: "" }), [
      "query.limit",
      "query.x",
      "email",
      "items",
      "note",
    ]);
    const items = [{ sku: "ABC-1", quantity: 2 }];
    assert.deepEqual(await fieldsOf("/orders", { email: "a@b.example", items }), []);
    assert.deepEqual(await fieldsOf("/orders?limit=5"), []);
  });

  test("checks pets as their API says", async () => {
    assert.deepEqual(await fieldsOf("/v1/pets?limit=many&tag=a&tag=b"), ["query.limit"]);
    assert.deepEqual(await fieldsOf("/v1/pets/one"), ["path.petId"]);
    assert.deepEqual(
      await fieldsOf("/v1/pets", { name: "Tom", kind: "cat", born: "2026-02-30", mother: { name: "" } }),
      ["born", "mother.name", "mother.kind"],
    );
    assert.deepEqual(await fieldsOf("/v1/pets", { name: "Tom", kind: "cat", mother: null }), []);
  });
});
