/** RTY-10: a dead target costs no client an error while another one lives. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { askOnce, errorCode, get, post } from "../harness/ask.ts";
import { freePort } from "../harness/child-gateway.ts";
import { startGateway, type TestGateway } from "../harness/gateway.ts";
import { fieldsOf, ok, RecordingOrigin } from "../harness/origin.ts";

const routes = [{ name: "all", path: "/*", to: { upstream: "origin" } }];

describe("an upstream of two targets", () => {
  let living: RecordingOrigin;
  let dead: string;
  let gateway: TestGateway;
  before(async () => {
    living = await RecordingOrigin.start();
    dead = `http://127.0.0.1:${await freePort()}`;
    gateway = await startGateway({
      upstreams: { origin: { targets: [dead, living.url], host: "target" } },
      routes,
    });
  });
  after(async () => {
    await gateway.stop();
    await living.stop();
  });

  test("one of which refuses answers 200 calls of 200, POSTs and streamed bodies included, each once", async () => {
    for (let i = 0; i < 200; i++) {
      const request =
        i % 3 === 0
          ? get(`/n/${i}`)
          : i % 3 === 1
            ? post(`/n/${i}`, "body")
            : `POST /n/${i} HTTP/1.1\r\nHost: e\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n`;
      const response = await askOnce(gateway.port, request);
      assert.equal(response.status, 200, `call ${i}`);
    }
    for (let i = 0; i < 200; i++) {
      const arrived = living.requests.filter(({ target }) => target === `/n/${i}`);
      assert.equal(arrived.length, 1);
      assert.equal(arrived[0]?.body.toString(), i % 3 === 0 ? "" : "body");
    }
  });

  test("sends the other target its own Host, and logs it with two attempts", async () => {
    for (const path of ["/host/1", "/host/2"]) await askOnce(gateway.port, get(path));
    for (const request of living.requests.filter(({ target }) => target.startsWith("/host/"))) {
      assert.deepEqual(fieldsOf(request, "host"), [new URL(living.url).host]);
    }
    const lines = [
      await gateway.logged((line) => line["path"] === "/host/1"),
      await gateway.logged((line) => line["path"] === "/host/2"),
    ];
    assert.deepEqual(lines.map((line) => line["attempts"]).sort(), [1, 2]);
    for (const line of lines) assert.equal(line["upstream"], living.url);
  });

  test("both of which refuse is a 502 for every call", async () => {
    const none = await startGateway({
      upstreams: { origin: { targets: [dead, `http://127.0.0.1:${await freePort()}`] } },
      routes,
    });
    try {
      for (let i = 0; i < 10; i++) {
        const response = await askOnce(none.port, i % 2 === 0 ? get("/") : post("/", "body"));
        assert.equal(response.status, 502);
        assert.equal(errorCode(response), "UPSTREAM_UNREACHABLE");
      }
    } finally {
      await none.stop();
    }
  });

  test("one of which fails after it got the request does not hand that request to the other", async () => {
    const fatal = await RecordingOrigin.start((_request, socket) => {
      socket.destroy();
      return null;
    });
    const mixed = await startGateway({ upstreams: { origin: { targets: [fatal.url, living.url] } }, routes });
    try {
      living.answer = () => ok("ok");
      const seen: number[] = [];
      for (let i = 0; i < 10; i++) seen.push((await askOnce(mixed.port, post(`/once/${i}`, "x"))).status);
      assert.deepEqual(seen.filter((status) => status === 502).length, 5);
      const arrived = [...fatal.requests, ...living.requests].filter(({ target }) =>
        target.startsWith("/once/"),
      );
      assert.equal(arrived.length, 10, "a POST went to two targets");
    } finally {
      await mixed.stop();
      await fatal.stop();
    }
  });
});
