/** The REST face behind a gateway: what only both together can get right. */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { digestOf } from "../../src/identity/keys/issue.ts";
import { type CheckedFetch, checkedFetch } from "../harness/checked-fetch.ts";
import { startGateway, type TestGateway } from "../harness/gateway.ts";

const key = (consumer: string, scopes: readonly string[], environment = "live"): object => ({
  ...{ id: `${consumer}-${environment}`, consumer, scopes, environment },
  hash: `sha256:${digestOf(`secret of ${consumer} ${environment}`)}`,
});

const CONFIG = {
  listen: { trustedProxies: ["127.0.0.1/32"] },
  keys: [
    key("ada", ["notes:read", "notes:write"]),
    key("ada", ["notes:read", "notes:write"], "test"),
    key("bob", ["notes:read"]),
  ],
  versions: { from: ["path", "header", "query"], default: "2", list: { "1": {}, "2": {} } },
  routes: [
    {
      ...{ name: "api", path: "/*", to: { service: true } },
      policies: [{ "api-key": { optional: true } }, { idempotency: {} }],
    },
  ],
  resources: {
    notes: {
      owner: true,
      fields: {
        text: { type: "string", required: true, was: { "1": "body" } },
        stars: { type: "integer", since: "2" },
      },
    },
    topics: { access: { read: "public", write: "nobody" }, fields: { name: "string" } },
  },
};

describe("the REST face behind a gateway", () => {
  let folder: string;
  let gateway: TestGateway;
  let ask: CheckedFetch;
  const as = (
    who: string,
    more: Readonly<Record<string, string>> = {},
  ): { headers: Record<string, string> } => ({
    headers: { "X-API-Key": `secret of ${who}`, ...more },
  });
  const post = (
    path: string,
    body: unknown,
    more: Readonly<Record<string, string>> = {},
  ): Promise<Response> =>
    ask(path, {
      method: "POST",
      body: JSON.stringify(body),
      ...as("ada live", { "Content-Type": "application/json", ...more }),
    });

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "turnpike-rest-"));
    gateway = await startGateway({
      ...CONFIG,
      lanes: 2,
      store: { records: `sqlite:${join(folder, "rest.db")}` },
    });
    ask = checkedFetch(`http://127.0.0.1:${gateway.port}`);
  });
  after(async () => {
    await gateway?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  test("says where an object is by the path that its client used, and the object is there", async () => {
    for (const [prefix, body] of [
      ["", { text: "a" }],
      ["/v1", { body: "a" }],
      ["/v2", { text: "a" }],
    ] as const) {
      const made = await post(`${prefix}/notes`, body);
      const location = made.headers.get("location") ?? "";
      assert.match(location, new RegExp(`^${prefix}/notes/not_[0-9a-z]{26}$`));
      const read = await ask(location, as("ada live"));
      assert.deepEqual([read.status, await read.text()], [200, await made.text()]);
    }
  });

  test("links pages by the public address, with the version that the query named", async () => {
    for (let n = 0; n < 3; n++) await post("/notes", { text: `n${n}` });
    // The header says the same, for the checker of answers.
    const headers = { "X-Forwarded-Proto": "https", "X-Forwarded-Host": "api.example", "API-Version": "1" };
    const page = await ask("/notes?limit=1&version=1", as("ada live", headers));
    const next = /<([^<>]+)>;\s*rel="next"/.exec(page.headers.get("link") ?? "")?.[1] ?? "";
    assert.ok(next.startsWith("https://api.example/notes?"), next);
    assert.equal(new URL(next).searchParams.get("version"), "1");
    const second = await ask(next.slice("https://api.example".length), as("ada live", headers));
    assert.equal(second.status, 200);
    const { data } = (await second.json()) as { data: readonly object[] };
    assert.ok(data.length === 1 && data.every((note) => "body" in note));
  });

  test("tells who has not said who he is, and who may not, apart", async () => {
    const nobody = await ask("/notes");
    assert.equal(nobody.status, 401);
    assert.match(nobody.headers.get("www-authenticate") ?? "", /^\w+ realm="/);
    assert.equal((await ask("/topics")).status, 200);
    const bob = await ask("/notes", {
      method: "POST",
      body: "{}",
      ...as("bob live", { "Content-Type": "application/json" }),
    });
    assert.equal(bob.status, 403);
  });

  test("keeps what the test environment has apart from live", async () => {
    const { id } = (await (await post("/notes", { text: "live" })).json()) as { id: string };
    assert.equal((await ask(`/notes/${id}`, as("ada test"))).status, 404);
    assert.deepEqual(((await (await ask("/notes", as("ada test"))).json()) as { data: object[] }).data, []);
  });

  test("answers HEAD as GET without the body, and 304 without one", async () => {
    const made = await post("/notes", { text: "h" });
    const at = made.headers.get("location") as string;
    const [get, head] = [await ask(at, as("ada live")), await ask(at, { method: "HEAD", ...as("ada live") })];
    const text = await get.text();
    assert.deepEqual([head.status, await head.text()], [200, ""]);
    assert.equal(head.headers.get("content-length"), String(Buffer.byteLength(text)));
    assert.equal(head.headers.get("etag"), get.headers.get("etag"));
    const known = await ask(at, as("ada live", { "If-None-Match": get.headers.get("etag") as string }));
    assert.deepEqual(
      [known.status, await known.text(), known.headers.get("content-length") ?? "0"],
      [304, "", "0"],
    );
  });

  test("replays a keyed request through either lane, with the id of the first", async () => {
    const headers = { "Idempotency-Key": "once" };
    const first = await post("/notes", { text: "k" }, headers);
    const body = await first.text();
    for (let n = 0; n < 4; n++) {
      const again = await post("/notes", { text: "k" }, { ...headers, Connection: "close" });
      assert.deepEqual([again.status, await again.text()], [201, body]);
      assert.equal(again.headers.get("idempotent-replayed"), "true");
      assert.equal(again.headers.get("original-request"), first.headers.get("x-request-id"));
      assert.notEqual(again.headers.get("x-request-id"), first.headers.get("x-request-id"));
    }
    assert.equal((await post("/notes", { text: "other" }, headers)).status, 422);
  });

  test("leaves no name of a table, no statement and no stack in what it says", async () => {
    const answers = [
      await ask("/notes?sort=owner", as("ada live")),
      await ask("/notes?owner=bob", as("ada live")),
      await ask("/notes/%27%3B%20DROP%20TABLE%20notes", as("ada live")),
      await ask("/notes?cursor=AAAA", as("ada live")),
    ];
    for (const answer of answers) {
      assert.ok(answer.status >= 400 && answer.status < 500);
      assert.ok(!/SELECT|sqlite|revision|\.ts:/i.test(await answer.text()));
    }
  });

  test("serves its description for each version", async () => {
    const [one, two] = [
      await fetch(`http://127.0.0.1:${gateway.port}/v1/openapi.json`),
      await fetch(`http://127.0.0.1:${gateway.port}/v2/openapi.json`),
    ];
    const texts = [await one.text(), await two.text()];
    assert.deepEqual(
      texts.map((text) => text.includes('"stars"')),
      [false, true],
    );
    const known = await fetch(`http://127.0.0.1:${gateway.port}/v2/openapi.json`, {
      headers: { "If-None-Match": two.headers.get("etag") as string },
    });
    assert.equal(known.status, 304);
  });
});
