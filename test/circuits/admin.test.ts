/** Circuits for people: the admin API, metrics and the log (CB-12, CB-14). */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { createAdminToken } from "../../src/identity/admin-token.ts";
import { askOnce, errorCode, get } from "../harness/ask.ts";
import { type ChildGateway, startChildGateway } from "../harness/child-gateway.ts";
import { eventually } from "../harness/eventually.ts";
import { startGateway, type TestGateway } from "../harness/gateway.ts";
import { ok, RecordingOrigin } from "../harness/origin.ts";
import { type TempStore, tempStore } from "../harness/store.ts";

// biome-ignore lint/suspicious/noExplicitAny: answers are looked into by the tests themselves.
type Json = any;

const FAILED = "HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n";
const BREAKER = { consecutiveFailures: 3, openFor: "30s", slowCall: "1m" };

interface Asked {
  readonly status: number;
  readonly json: Json;
}

const adminOf = (port: number, token: string) => ({
  async ask(method: string, path: string, body = ""): Promise<Asked> {
    const content = body === "" ? "" : `Content-Type: application/json\r\nContent-Length: ${body.length}\r\n`;
    const response = await askOnce(
      port,
      `${method} ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer ${token}\r\n${content}\r\n${body}`,
    );
    return { status: response.status, json: JSON.parse(response.body.toString()) };
  },
  /** Lines of `/metrics` that are about circuits, without those that are zero. */
  async metrics(): Promise<string[]> {
    const text = (await askOnce(port, get("/metrics"))).body.toString();
    return text.split("\n").filter((line) => line.startsWith("turnpike_circuit_") && !line.endsWith(" 0"));
  },
});

describe("the circuits of a gateway", () => {
  let store: TempStore;
  let origin: RecordingOrigin;
  let other: RecordingOrigin;
  let gateway: TestGateway;
  let admin: ReturnType<typeof adminOf>;
  let target: string;

  before(async () => {
    store = await tempStore();
    const token = await createAdminToken((await store.open()).adminToken, 0, "test");
    origin = await RecordingOrigin.start(() => FAILED);
    other = await RecordingOrigin.start(() => ok("well"));
    gateway = await startGateway(
      {
        store: { records: `sqlite:${store.file}` },
        upstreams: {
          carrier: { targets: [origin.url], circuitBreaker: BREAKER },
          pair: { targets: [origin.url, other.url], circuitBreaker: BREAKER },
          narrow: { targets: [other.url], circuitBreaker: BREAKER, concurrency: { limit: 1 } },
          plain: { targets: [other.url] },
          unused: { targets: [other.url], circuitBreaker: BREAKER },
        },
        routes: ["carrier", "pair", "narrow", "plain"].map((name) => ({
          path: `/${name}`,
          to: { upstream: name },
        })),
      },
      { time: "by hand" },
    );
    admin = adminOf(gateway.adminPort, token);
    target = `pair@127.0.0.1:${origin.port}`;
  });
  after(async () => {
    await gateway.stop();
    await origin.stop();
    await other.stop();
    await store.remove();
  });

  const call = (path: string) => askOnce(gateway.port, get(path));
  const one = async (name: string) => (await admin.ask("GET", `/v1/circuits/${name}`)).json;

  test("are listed by name: of upstreams that a route uses, and of their targets where there are several", async () => {
    const { status, json } = await admin.ask("GET", "/v1/circuits");
    assert.equal(status, 200);
    const names = ["carrier", "pair", target, `pair@127.0.0.1:${other.port}`, "narrow"];
    assert.deepEqual(
      json.data.map(({ name }: Json) => name),
      names,
    );
    assert.deepEqual(json.data[2].target, `http://127.0.0.1:${origin.port}`);
    assert.deepEqual(json.data[0], {
      name: "carrier",
      upstream: "carrier",
      target: null,
      state: "closed",
      since: null,
      reason: "start",
      seen: { calls: 0, failures: 0, slow: 0, consecutive_failures: 0 },
      window: { length: 10_000, calls: 0, failures: 0, slow: 0, consecutive_failures: 0 },
      next_call_at: null,
      refused: 0,
    });
  });

  test("come page by page", async () => {
    const first = (await admin.ask("GET", "/v1/circuits?limit=3")).json;
    assert.deepEqual([first.data.length, first.has_more], [3, true]);
    const second = (await admin.ask("GET", `/v1/circuits?limit=3&cursor=${first.next_cursor}`)).json;
    assert.deepEqual([second.data.length, second.has_more, second.next_cursor], [2, false, null]);
    assert.equal((await admin.ask("GET", "/v1/circuits?cursor=none")).status, 400);
  });

  test("are found by their names, percent-encoded or not, and others are not", async () => {
    assert.equal((await one(target)).name, target);
    assert.equal((await one(encodeURIComponent(target))).name, target);
    for (const name of ["plain", "unused", "nobody", "%zz"]) {
      const { status, json } = await admin.ask("GET", `/v1/circuits/${name}`);
      assert.deepEqual([status, json.error.code], [404, "CIRCUIT_NOT_FOUND"], name);
    }
  });

  test("show what has opened them and until when, and close when a probe succeeds", async () => {
    const start = gateway.clock.wall();
    for (let i = 0; i < 3; i++) assert.equal((await call("/carrier")).status, 500);
    assert.equal(errorCode(await call("/carrier")), "CIRCUIT_OPEN");
    const open = await one("carrier");
    assert.deepEqual([open.state, open.reason, open.refused], ["open", "consecutive-failures", 1]);
    assert.deepEqual(open.seen, { calls: 3, failures: 3, slow: 0, consecutive_failures: 3 });
    assert.deepEqual(
      [open.since, open.next_call_at],
      [new Date(start).toISOString(), new Date(start + 30_000).toISOString()],
    );
    assert.deepEqual(await admin.metrics(), [
      'turnpike_circuit_refused_total{circuit="carrier"} 1',
      'turnpike_circuit_state{circuit="carrier"} 2',
      'turnpike_circuit_transitions_total{circuit="carrier",to="open"} 1',
    ]);
    gateway.clock.advance(30_000);
    origin.answer = () => ok("well");
    assert.equal((await call("/carrier")).status, 200);
    const closed = await one("carrier");
    assert.deepEqual([closed.state, closed.reason, closed.window.calls], ["closed", "probes-succeeded", 0]);
    assert.deepEqual(await admin.metrics(), [
      'turnpike_circuit_refused_total{circuit="carrier"} 1',
      'turnpike_circuit_transitions_total{circuit="carrier",to="closed"} 1',
      'turnpike_circuit_transitions_total{circuit="carrier",to="open"} 1',
      'turnpike_circuit_transitions_total{circuit="carrier",to="half-open"} 1',
    ]);
  });

  test("are moved by hand, over a reload too, and the audit says by whom", async () => {
    const before = origin.requests.length;
    const forced = await admin.ask("POST", "/v1/circuits/carrier/force-open");
    assert.deepEqual([forced.status, forced.json.state, forced.json.reason], [200, "forced-open", "by-hand"]);
    assert.equal(await gateway.running.reload(), true);
    gateway.clock.advance(60_000);
    assert.equal(errorCode(await call("/carrier")), "CIRCUIT_OPEN");
    assert.equal(origin.requests.length, before);

    await admin.ask("POST", "/v1/circuits/carrier/force-close", "{}");
    origin.answer = () => FAILED;
    for (let i = 0; i < 5; i++) assert.equal((await call("/carrier")).status, 500);
    assert.equal((await one("carrier")).state, "forced-closed");

    const reset = await admin.ask("POST", "/v1/circuits/carrier/reset");
    assert.deepEqual([reset.json.state, reset.json.window.calls], ["closed", 0]);
    const audit = (await admin.ask("GET", "/v1/audit?limit=3")).json.data;
    assert.deepEqual(
      audit.map(({ actor, action, subject, before, after }: Json) => [actor, action, subject, before, after]),
      [
        ["circuit.reset", { state: "forced-closed" }, { state: "closed" }],
        ["circuit.force-close", { state: "forced-open" }, { state: "forced-closed" }],
        ["circuit.force-open", { state: "closed" }, { state: "forced-open" }],
      ].map(([action, was, is]) => ["admin@127.0.0.1", action, "carrier", was, is]),
    );
  });

  test("count what they refuse, also where nobody asks them for a permit", async () => {
    const names = [target, `pair@127.0.0.1:${other.port}`, "narrow"];
    for (const name of names) await admin.ask("POST", `/v1/circuits/${name}/force-open`);
    for (const path of ["/pair", "/pair", "/narrow"])
      assert.equal(errorCode(await call(path)), "CIRCUIT_OPEN");
    for (const [i, name] of names.entries()) assert.equal((await one(name)).refused, i < 2 ? 2 : 1, name);
    for (const name of names) await admin.ask("POST", `/v1/circuits/${name}/reset`);
  });

  test("are moved only by a request that is right in every respect", async () => {
    for (const [method, path, body, status] of [
      ["POST", "/v1/circuits/nobody/reset", "", 404],
      ["POST", "/v1/circuits/carrier/explode", "", 404],
      ["POST", "/v1/circuits/carrier/reset", '{"force":true}', 422],
      ["DELETE", "/v1/circuits/carrier", "", 405],
      ["GET", "/v1/circuits/carrier/reset", "", 405],
    ] as const) {
      assert.equal((await admin.ask(method, path, body)).status, status, `${method} ${path}`);
    }
    const stranger = adminOf(gateway.adminPort, "tpa_wrong");
    assert.equal((await stranger.ask("POST", "/v1/circuits/carrier/force-open")).status, 401);
    assert.equal((await one("carrier")).state, "closed");
  });
});

describe("the circuits of a gateway that keeps no records", () => {
  test("work, and are seen in the metrics: nobody moves what nothing writes down", async () => {
    const origin = await RecordingOrigin.start(() => FAILED);
    const gateway = await startGateway({
      store: { records: "none" },
      upstreams: { carrier: { targets: [origin.url], circuitBreaker: BREAKER } },
      routes: [{ path: "/*", to: { upstream: "carrier" } }],
    });
    try {
      for (let i = 0; i < 3; i++) await askOnce(gateway.port, get("/"));
      assert.equal(errorCode(await askOnce(gateway.port, get("/"))), "CIRCUIT_OPEN");
      const admin = adminOf(gateway.adminPort, "tpa_any");
      assert.equal((await admin.ask("POST", "/v1/circuits/carrier/force-close")).status, 404);
      assert.ok((await admin.metrics()).includes('turnpike_circuit_state{circuit="carrier"} 2'));
    } finally {
      await gateway.stop();
      await origin.stop();
    }
  });
});

describe("the circuits of a gateway with two lanes", () => {
  let origin: RecordingOrigin;
  let gateway: ChildGateway;
  const TOKEN = "tpa_a-token-for-this-test-alone-0123456789";
  const config = (url: string, openFor: string) => ({
    lanes: 2,
    upstreams: { carrier: { targets: [url], circuitBreaker: { ...BREAKER, openFor } } },
    routes: [{ path: "/*", to: { upstream: "carrier" } }],
  });

  before(async () => {
    origin = await RecordingOrigin.start(() => ok("well"));
    gateway = await startChildGateway(config(origin.url, "30s"), {
      env: { TURNPIKE_ADMIN_TOKEN: TOKEN },
    });
  });
  after(async () => {
    await gateway.stop();
    await origin.stop();
  });

  const codes = async (count: number) => {
    const answers = await Promise.all(Array.from({ length: count }, () => askOnce(gateway.port, get("/"))));
    return new Set(answers.map((answer) => errorCode(answer) ?? answer.status));
  };

  test("hold in both at once, from the moment the admin API has answered, and over a reload", async () => {
    const admin = adminOf(gateway.adminPort, TOKEN);
    assert.deepEqual(await codes(40), new Set([200]));
    assert.equal((await admin.ask("GET", "/v1/circuits/carrier")).json.window.calls, 40);
    assert.equal((await admin.ask("POST", "/v1/circuits/carrier/force-open")).status, 200);
    assert.deepEqual(await codes(40), new Set(["CIRCUIT_OPEN"]));

    await gateway.rewrite(config(origin.url, "1s"));
    await eventually(
      "the reload",
      async () =>
        (await gateway.log()).includes("config has been reloaded") ||
        gateway.stderr().includes("config has been reloaded"),
    );
    assert.deepEqual(await codes(40), new Set(["CIRCUIT_OPEN"]));
    assert.deepEqual(await admin.metrics(), [
      'turnpike_circuit_refused_total{circuit="carrier"} 80',
      'turnpike_circuit_state{circuit="carrier"} 3',
      'turnpike_circuit_transitions_total{circuit="carrier",to="forced-open"} 1',
    ]);
    assert.equal(origin.requests.length, 40);
    await admin.ask("POST", "/v1/circuits/carrier/reset");
    assert.deepEqual(await codes(40), new Set([200]));
  });
});
