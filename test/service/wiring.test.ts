/** From a client through the lanes to the service thread and back, with the whole gateway. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { ask, askOnce, errorCode, get, post } from "../harness/ask.ts";
import { type CheckedFetch, checkedFetch } from "../harness/checked-fetch.ts";
import { onBothDatabases } from "../harness/databases.ts";
import { eventually } from "../harness/eventually.ts";
import { type GatewayOptions, startGateway, type TestGateway } from "../harness/gateway.ts";
import { Http2Client } from "../harness/http2-client.ts";
import { Load } from "../harness/load.ts";
import { RawClient, type RawResponse } from "../harness/raw.ts";
import { tempStore } from "../harness/store.ts";

const BASE = new URL("./wiring-config.ts", import.meta.url).href;
const JSON_TYPE = { "Content-Type": "application/json" };
const ADA = { "X-API-Key": "secret of ada", ...JSON_TYPE };
const BOB = { "X-API-Key": "secret of bob", ...JSON_TYPE };
const READER = { "X-API-Key": "reader of ada", ...JSON_TYPE };
const lines = (fields: Readonly<Record<string, string>>): string =>
  Object.entries(fields)
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join("");

const heard = (response: RawResponse) => JSON.parse(response.body.toString());
const note = (text: string, headers: Readonly<Record<string, string>> = ADA) => ({
  method: "POST",
  headers,
  body: JSON.stringify({ text }),
});
const create = (text: string): string => post("/notes", JSON.stringify({ text }), lines(ADA));

/** `store` as the harness of databases names it. */
function startNotes(store: string, options: GatewayOptions = {}): Promise<TestGateway> {
  const records = store.includes("://") ? store : `sqlite:${store}`;
  return startGateway({ lanes: 2, store: { records } }, { base: BASE, ...options });
}

onBothDatabases(({ newDatabase }) => {
  // Within, so that the gateway ends before its database does.
  describe("resources behind two lanes", () => {
    let gateway: TestGateway;
    let told: CheckedFetch;
    before(async () => {
      gateway = await startNotes((await newDatabase()).store);
      told = checkedFetch(`http://127.0.0.1:${gateway.port}`, await documentOf(gateway));
    });
    after(() => gateway?.stop());

    test("are there as soon as the gateway listens, made and read through either lane", async () => {
      const made = await told("/notes", note("hello"));
      assert.equal(made.status, 201);
      for (let i = 0; i < 8; i++) {
        const read = await told(made.headers.get("location") ?? "", {
          headers: { ...ADA, Connection: "close" },
        });
        const { text, seen_by: thread } = (await read.json()) as Record<string, unknown>;
        assert.deepEqual([read.status, text], [200, "hello"]);
        assert.notEqual(thread, 0);
      }
    });

    test("answer whoever the gateway has found out, and nobody who only says so", async () => {
      const { id } = (await (await told("/notes", note("for ada alone"))).json()) as { id: string };
      const ada = { kind: "key", id: "x", consumer: "ada", environment: "live", plan: "" };
      const caller = Buffer.from(
        JSON.stringify({ ...ada, scopes: ["notes:read"], roles: [], issuer: null }),
      ).toString("base64url");
      const names = ["X-Turnpike-Caller", "x-turnpike-caller", "X-TURNPIKE-CALLER", "X-Consumer-Id"];
      const forged = names.map((name) => `${name}: ${caller}\r\n`).join("");
      const asked = async (path: string, fields: string) => askOnce(gateway.port, get(path, fields));
      const missing = await asked(`/notes/${id.slice(0, -1)}${id.endsWith("0") ? "1" : "0"}`, lines(BOB));
      const stranger = await asked(`/notes/${id}`, lines(BOB) + forged);
      assert.equal(missing.status, 404);
      const [one, other] = [missing, stranger].map((response) => {
        const { error } = heard(response);
        return { ...error, request_id: "" };
      });
      assert.deepEqual(other, one);
      assert.equal((await asked(`/notes/${id}`, forged)).status, 401);
      assert.equal((await asked(`/notes/${id}`, `${lines(BOB)}X_Turnpike_Caller: a\r\n`)).status, 400);
      assert.equal((await asked(`/notes/${id}`, lines(ADA))).status, 200);
      const refused = await told("/notes", note("no", READER));
      assert.deepEqual([refused.status, refused.headers.get("x-error-code")], [403, "INSUFFICIENT_SCOPE"]);
    });

    test("answer errors with the id that the client, the log and the error agree about", async () => {
      const bad = await told("/notes", {
        method: "POST",
        headers: { ...ADA, "X-Request-Id": "mine" },
        body: "{}",
      });
      assert.equal(bad.status, 422);
      const { error } = (await bad.json()) as { error: { request_id: string } };
      assert.notEqual(error.request_id, "mine");
      assert.equal(bad.headers.get("x-request-id"), error.request_id);
      const line = await gateway.logged(({ id }) => id === error.request_id);
      assert.deepEqual([line["status"], line["route"], line["error"]], [422, "api", "VALIDATION_ERROR"]);
    });

    test("take bodies up to the route's limit, in chunks too, and no larger ones", async () => {
      assert.equal((await told("/notes", note("x".repeat(900_000)))).status, 201);
      const body = JSON.stringify({ text: "in chunks" });
      const chunks = [...body].map((byte) => `1\r\n${byte}\r\n`).join("");
      const start = "POST /notes HTTP/1.1\r\nHost: example\r\nTransfer-Encoding: chunked\r\n";
      assert.equal((await askOnce(gateway.port, `${start}${lines(ADA)}\r\n${chunks}0\r\n\r\n`)).status, 201);
      assert.equal(
        errorCode(await askOnce(gateway.port, create("x".repeat(2_000_000)))),
        "PAYLOAD_TOO_LARGE",
      );
    });

    test("keep the client's connection over GET, HEAD, OPTIONS, POST, DELETE and errors", async () => {
      const client = await RawClient.to(gateway.port);
      const made = await ask(client, create("kept"));
      const path = `/notes/${heard(made).id}`;
      const request = (method: string) => `${method} ${path} HTTP/1.1\r\nHost: example\r\n${lines(ADA)}\r\n`;
      assert.equal((await ask(client, request("GET"))).status, 200);
      client.send(request("HEAD"));
      await client.until(() => client.text.endsWith("\r\n\r\n"));
      assert.match(client.text, /^HTTP\/1\.1 200 /);
      client.received = Buffer.alloc(0);
      const options = await ask(client, request("OPTIONS"));
      assert.equal(options.status, 204);
      assert.match(options.headers.get("allow")?.[0] ?? "", /GET, HEAD.*PATCH.*DELETE/);
      const finish = await ask(client, post(`${path}/finish`, "", lines(ADA)));
      assert.deepEqual([finish.status, heard(finish).state], [200, "done"]);
      assert.equal((await ask(client, request("DELETE"))).status, 204);
      assert.equal((await ask(client, request("GET"))).status, 404);
      assert.equal(client.closed, null);
      client.destroy();
    });

    test("answer clients of HTTP/2 alike", async () => {
      const client = new Http2Client(`http://127.0.0.1:${gateway.port}`);
      const fields = { ":method": "POST", "x-api-key": "secret of ada", "content-type": "application/json" };
      const { status, body } = await client.ask("/notes", fields, JSON.stringify({ text: "by HTTP/2" }));
      client.close();
      assert.deepEqual([status, JSON.parse(body).text], [201, "by HTTP/2"]);
    });

    test("carry out a request with a key once, and the log and the metrics say what became of the key", async () => {
      const keyed = { ...ADA, "Idempotency-Key": "once" };
      const all = await Promise.all(Array.from({ length: 20 }, () => told("/notes", note("keyed", keyed))));
      const bodies = new Set(await Promise.all(all.map((one) => one.text())));
      assert.deepEqual([bodies.size, ...new Set(all.map(({ status }) => status))], [1, 201]);
      const reused = await told("/notes", note("another", keyed));
      assert.deepEqual([reused.status, reused.headers.get("x-error-code")], [422, "IDEMPOTENCY_KEY_REUSED"]);
      const id = reused.headers.get("x-request-id");
      assert.equal((await gateway.logged((line) => line["id"] === id))["idempotency"], "reused");
      const metrics = (await askOnce(gateway.adminPort, get("/metrics"))).body.toString();
      assert.match(metrics, /turnpike_idempotency_total\{[^}]*outcome="stored"[^}]*\} 1\n/);
      assert.match(metrics, /turnpike_idempotency_total\{[^}]*outcome="replayed"[^}]*\} 19\n/);
    });
  });
});

/** Who may read it needs a key, like everything else here. */
async function documentOf({ port }: TestGateway): Promise<unknown> {
  return heard(await askOnce(port, get("/openapi.json", lines(ADA))));
}

describe("the service thread", () => {
  test("that ends under load is 503 until another has taken its place, and nothing that was acknowledged is lost", async () => {
    const store = await tempStore();
    const gateway = await startNotes(store.file);
    const statuses = new Map<number, number>();
    const load = new Load(
      gateway.port,
      8,
      (n) => create(`load ${n}`),
      ({ status }) => {
        statuses.set(status, (statuses.get(status) ?? 0) + 1);
        return [201, 502, 503].includes(status) ? null : `status ${status}`;
      },
    );
    try {
      await eventually("there is load", () => (statuses.get(201) ?? 0) > 100, 20_000);
      await askOnce(gateway.port, create("die"));
      await eventually("the thread is gone", () => (statuses.get(503) ?? 0) > 0, 20_000);
      const before = statuses.get(201) ?? 0;
      await eventually("another one answers", () => (statuses.get(201) ?? 0) > before + 100, 20_000);
      await load.stop();
      assert.deepEqual(load.failed, []);
      const list = heard(await askOnce(gateway.port, get("/notes?limit=1&total=true", lines(ADA))));
      assert.ok(list.total >= (statuses.get(201) ?? 0), `${list.total} of ${statuses.get(201)}`);
    } finally {
      await load.stop();
      await gateway.stop();
      await store.remove();
    }
  });

  test("goes on where a function of the config fails with nobody waiting for it", async () => {
    const store = await tempStore();
    const gateway = await startNotes(store.file);
    try {
      const threads = new Set<number>();
      for (const text of [
        "before",
        "throw late",
        "reject late",
        ...Array.from({ length: 30 }, () => "behind"),
      ]) {
        const made = await askOnce(gateway.port, create(text));
        assert.equal(made.status, 201, made.body.toString());
        threads.add(heard(made).seen_by);
      }
      assert.equal(threads.size, 1);
    } finally {
      await gateway.stop();
      await store.remove();
    }
  });

  test("answers what it has begun before the gateway stops", async () => {
    const store = await tempStore();
    const gateway = await startNotes(store.file);
    try {
      const slow = askOnce(gateway.port, create("slow"));
      const client = await RawClient.to(gateway.port);
      await ask(client, get("/notes", lines(ADA)));
      client.destroy();
      const stopped = gateway.running.stop("interrupt");
      assert.equal((await slow).status, 201);
      await stopped;
    } finally {
      await gateway.stop();
      await store.remove();
    }
  });

  test("is not left waiting by a client that sends half a body: 408, and nothing is stored", async () => {
    const store = await tempStore();
    const gateway = await startNotes(store.file, { time: "by hand" });
    const client = await RawClient.to(gateway.port);
    try {
      client.send(`POST /notes HTTP/1.1\r\nHost: example\r\n${lines(ADA)}Content-Length: 20\r\n\r\n{"text":`);
      await eventually("the client is told", () => {
        gateway.clock.advance(1_000);
        return client.text.endsWith("}");
      });
      assert.match(client.text, /^HTTP\/1\.1 408 (?:.*\r\n)*.*"code":"REQUEST_TIMEOUT"/);
      const list = await askOnce(gateway.port, get("/notes?total=true", lines(ADA)));
      assert.equal(heard(list).total, 0);
    } finally {
      client.destroy();
      await gateway.stop();
      await store.remove();
    }
  });
});
