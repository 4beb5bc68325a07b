/** A gateway that is given more than its memory holds, in a process of its own. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { ask, askOnce, errorCode, get } from "../harness/ask.ts";
import { type ChildGateway, startChildGateway } from "../harness/child-gateway.ts";
import { eventually } from "../harness/eventually.ts";
import { RawClient } from "../harness/raw.ts";

const MB = 1024 * 1024;
/** Small beside what is left above `shedAt`: memory is looked at ten times a second. */
const BODY = MB;

/** What `validate` reads before anybody answers has to be kept whole. */
const routes = [
  { path: "/hello", to: { fixed: { body: "hello" } } },
  {
    path: "/documents",
    methods: ["POST"],
    to: { fixed: { status: 204 } },
    limits: { body: "8mb" },
    policies: [{ validate: { body: {}, maxBody: "8mb" } }],
  },
];

/** A request of which all but the last byte has been sent. */
async function sendAlmost(port: number, path: string, body: string, fields = ""): Promise<RawClient> {
  const client = await RawClient.to(port);
  client.send(
    `POST ${path} HTTP/1.1\r\nHost: example\r\nContent-Type: application/json\r\n${fields}Content-Length: ${body.length}\r\n\r\n`,
  );
  client.send(body.slice(0, -1));
  return client;
}

/** Fills the gateway until it refuses, and not only until it has collected its garbage. */
async function fill(more: () => Promise<void>, refused: () => Promise<boolean>, most: number): Promise<void> {
  for (let times = 0; times < most; times++) {
    await more();
    if (!(await refused())) continue;
    const passes = await eventually("a call passes", async () => !(await refused()), 2_500).then(
      () => true,
      () => false,
    );
    if (!passes) return;
  }
  assert.fail(`given ${most} times more, and nothing is refused`);
}

const isLive = async (gateway: ChildGateway): Promise<boolean> =>
  (await fetch(`http://127.0.0.1:${gateway.adminPort}/livez`)).ok;

const metric = async (gateway: ChildGateway, name: string): Promise<number> => {
  const text = await (await fetch(`http://127.0.0.1:${gateway.adminPort}/metrics`)).text();
  return Number(
    text
      .split("\n")
      .find((line) => line.startsWith(name))
      ?.split(" ")
      .at(-1) ?? Number.NaN,
  );
};

describe("a gateway whose memory is filled with bodies", () => {
  const LIMIT = 480 * MB;
  let gateway: ChildGateway;
  const clients: RawClient[] = [];
  let kept: RawClient;
  const body = `"${"x".repeat(BODY - 2)}"`;

  before(async () => {
    gateway = await startChildGateway({
      lanes: 2,
      limits: { requestsPerConnection: 1_000_000 },
      overload: { memory: "480mb", retryAfter: "2s" },
      routes,
    });
    kept = await RawClient.to(gateway.port);
  });

  after(async () => {
    for (const client of clients) client.destroy();
    kept?.destroy();
    await gateway?.stop();
  });

  test("refuses new calls with 503 and Retry-After before it has used it up", async () => {
    const refused = async () => (await ask(kept, get("/hello"))).status === 503;
    const more = async () => void clients.push(await sendAlmost(gateway.port, "/documents", body));
    await fill(more, refused, 600);
    const answer = await ask(kept, get("/hello"));
    assert.deepEqual([answer.status, errorCode(answer)], [503, "OVERLOADED"]);
    assert.deepEqual(answer.headers.get("retry-after"), ["2"]);
    assert.ok((await gateway.rss()) < LIMIT, "the process has stayed within its memory");
    assert.ok((await metric(gateway, 'turnpike_overload_shed_total{reason="memory"}')) > 0);
    assert.ok((await metric(gateway, "turnpike_memory_pressure")) >= 0.8);
  });

  test("keeps the connection that it refuses a call on, and its health checks", async () => {
    assert.equal((await ask(kept, get("/hello"))).status, 503);
    assert.equal((await ask(kept, get("/hello"))).status, 503);
    assert.ok(await isLive(gateway));
  });

  test("ends well what was in flight", async () => {
    const client = clients.find(({ text }) => text === "") as RawClient;
    client.send(body.slice(-1));
    assert.equal((await client.response()).status, 204);
    client.destroy();
  });

  test("takes new calls again when the memory is free", async () => {
    for (const client of clients.splice(0)) client.destroy();
    await eventually("calls pass", async () => (await ask(kept, get("/hello"))).status === 200, 30_000);
    for (const said of ["memory is short: new calls are refused", "memory is no longer short"])
      await eventually(`the log says "${said}"`, () => gateway.stderr().includes(said));
  });
});

describe("a gateway whose heap is filled with calls", () => {
  let gateway: ChildGateway;
  const clients: RawClient[] = [];

  before(async () => {
    gateway = await startChildGateway(
      { lanes: 1, routes },
      { env: { NODE_OPTIONS: "--max-old-space-size=64" }, requests: false },
    );
  });

  after(async () => {
    for (const client of clients) client.destroy();
    await gateway?.stop();
  });

  test("refuses new calls instead of dying of it, and takes them again afterwards", async () => {
    const fields = Array.from({ length: 60 }, (_, i) => `X-Filler-${i}: ${"y".repeat(200)}\r\n`).join("");
    // 503, or no answer at all: a heap that fills faster than it is looked at goes beyond refuseAt.
    const refused = async () => {
      const answer = await askOnce(gateway.port, get("/hello"), 2_000).catch(() => null);
      return answer?.status !== 200;
    };
    const more = async () => {
      const some = Array.from({ length: 100 }, () =>
        sendAlmost(gateway.port, "/documents", '"xxxxxxxx"', fields),
      );
      clients.push(...(await Promise.all(some)));
    };
    await fill(more, refused, 80);
    assert.ok(await isLive(gateway));
    for (const client of clients.splice(0)) client.destroy();
    await eventually("calls pass", async () => !(await refused()), 30_000);
  });
});

describe("a gateway that is beyond refuseAt", () => {
  test("closes new connections at once, and serves again under a config that gives it more", async () => {
    const gateway = await startChildGateway({ lanes: 2, overload: { memory: "64mb" }, routes });
    try {
      await eventually("a connection is closed before it has said anything", async () => {
        const client = await RawClient.to(gateway.port).catch(() => null);
        await client?.untilClosed(50).catch(() => {});
        const closed = client === null || (client.closed !== null && client.text === "");
        client?.destroy();
        return closed;
      });
      assert.ok(await isLive(gateway));
      await gateway.rewrite({ lanes: 2, routes });
      await eventually("connections are served", async () => {
        const answer = await askOnce(gateway.port, get("/hello"), 500).catch(() => null);
        return answer?.status === 200;
      });
    } finally {
      await gateway.stop();
    }
  });
});
