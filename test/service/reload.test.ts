/** Definitions that change while clients are served: a gateway in a process of its own. */
import assert from "node:assert/strict";
import { afterEach, describe, test } from "node:test";
import { askOnce, get, post } from "../harness/ask.ts";
import { type ChildGateway, startChildGateway } from "../harness/child-gateway.ts";
import { eventually } from "../harness/eventually.ts";
import { Load } from "../harness/load.ts";

/** With TURNPIKE_FULL=1 more of the same. */
const RELOADS = process.env["TURNPIKE_FULL"] === "1" ? 40 : 5;

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const PUBLIC = { read: "public", write: "public" };

/** Notes with so many fields more, each with a default of its own. */
function config(more: number, text: Record<string, unknown> = { type: "string", required: true }) {
  const added = Array.from({ length: more }, (_, n) => [`added_${n}`, { type: "integer", default: n }]);
  return {
    lanes: 2,
    resources: { notes: { access: PUBLIC, fields: { text, ...Object.fromEntries(added) } } },
    routes: [{ name: "api", path: "/*", to: { service: true } }],
  };
}

const create = post("/notes", JSON.stringify({ text: "x" }), "Content-Type: application/json\r\n");
const made = async ({ port }: ChildGateway): Promise<Record<string, unknown>> =>
  JSON.parse((await askOnce(port, create)).body.toString());

async function start(first: Record<string, unknown>): Promise<ChildGateway> {
  const gateway = await startChildGateway(first);
  cleanups.push(() => gateway.stop());
  return gateway;
}

describe("a reload", () => {
  test(`that adds a field fails no request, ${RELOADS} times under load`, { timeout: 120_000 }, async () => {
    const gateway = await start(config(0));
    const load = new Load(
      gateway.port,
      8,
      (n) => (n % 2 === 0 ? create : get("/notes?limit=5")),
      ({ status, body }) => (status === 200 || status === 201 ? null : `status ${status}: ${body}`),
    );
    cleanups.push(() => load.stop());
    for (let more = 1; more <= RELOADS; more++) {
      await gateway.rewrite(config(more));
      await eventually(
        `field ${more} is there`,
        async () => `added_${more - 1}` in (await made(gateway)),
        20_000,
      );
    }
    await load.stop();
    assert.deepEqual(load.failed, []);
    assert.ok(load.answered > 50);
  });

  test("that would lose what is stored is refused and says why, and the old definitions go on", async () => {
    const gateway = await start(config(1));
    await made(gateway);
    await gateway.rewrite(config(1, { type: "integer", required: true }));
    await eventually("it is refused", () => gateway.stderr().includes("the new config is refused"), 20_000);
    assert.doesNotMatch(gateway.stderr(), /SQLITE|CREATE TABLE/);
    assert.equal((await made(gateway))["text"], "x");
  });

  test("that brings the first resources opens their database, and one that takes them away leaves it as it is", async () => {
    const none = { lanes: 2, routes: [{ name: "hello", path: "/hello", to: { fixed: { body: "hello" } } }] };
    const gateway = await start(none);
    await gateway.rewrite(config(0));
    await eventually(
      "notes are there",
      async () => (await askOnce(gateway.port, create)).status === 201,
      20_000,
    );
    await gateway.rewrite(none);
    await eventually(
      "they are not",
      async () => (await askOnce(gateway.port, create)).status === 404,
      20_000,
    );
    await gateway.rewrite(config(1));
    await eventually(
      "they are there again",
      async () => (await askOnce(gateway.port, create)).status === 201,
      20_000,
    );
    const list = JSON.parse((await askOnce(gateway.port, get("/notes?total=true"))).body.toString());
    assert.ok(list.total >= 2);
  });
});
