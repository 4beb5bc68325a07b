/** Versions of resources by functions of the config (`changes`), around what their definitions say. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { startGateway, type TestGateway } from "../harness/gateway.ts";

const BASE = new URL("./changes-config.ts", import.meta.url).href;

describe("changes of a version on a route to the service", () => {
  let gateway: TestGateway;
  before(async () => {
    gateway = await startGateway({}, { base: BASE });
  });
  after(() => gateway?.stop());

  const post = (path: string, body: unknown): Promise<Response> =>
    fetch(`http://127.0.0.1:${gateway.port}${path}`, {
      method: "POST",
      headers: { "Content-Type": "application/json", "Idempotency-Key": "one" },
      body: JSON.stringify(body),
    });

  test("convert what an older client sends and gets, and the definition's own names hold with them", async () => {
    const made = await post("/v1/people", { name: "Ada Lovelace", email: "ada@example.com" });
    assert.equal(made.status, 201);
    const { id, name, email, ...rest } = (await made.json()) as Record<string, string>;
    assert.deepEqual([name, email], ["Ada Lovelace", "ada@example.com"]);
    assert.deepEqual(Object.keys(rest).sort(), ["created_at", "updated_at"]);
    const newest = await fetch(`http://127.0.0.1:${gateway.port}/people/${id}`);
    const { given, family, mail, country } = (await newest.json()) as Record<string, string>;
    assert.deepEqual([given, family, mail, country], ["Ada", "Lovelace", "ada@example.com", null]);
  });

  test("convert a replay as they converted the first answer", async () => {
    const again = await post("/v1/people", { name: "Ada Lovelace", email: "ada@example.com" });
    assert.equal(again.headers.get("idempotent-replayed"), "true");
    const { name } = (await again.json()) as { name: string };
    assert.equal(name, "Ada Lovelace");
  });
});
