/** HLT-1, 2, 4: what orchestrators are told. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { RawClient, type RawResponse } from "../harness/raw.ts";
import { assertEnvelope, eventually, get, Stand } from "./stand.ts";

async function ask(port: number, bytes: string): Promise<RawResponse> {
  const client = await RawClient.to(port);
  client.send(bytes);
  try {
    return await client.response();
  } finally {
    client.destroy();
  }
}

const CHECKS = ["/livez", "/readyz", "/healthz"];

describe("the admin port", () => {
  let stand: Stand;
  before(async () => {
    stand = await Stand.open({
      upstreams: { dead: { targets: ["http://127.0.0.1:1"] } },
      routes: [{ name: "all", path: "/*", to: { upstream: "dead" } }],
    });
  });
  after(() => stand.close());

  test("says 200 to GET while the gateway serves, also with a dead upstream, and not to be stored", async () => {
    assert.equal((await stand.ask(get("/x"))).status, 502);
    for (const path of [...CHECKS, "/livez?x=y", "/readyz?"]) {
      const response = await ask(stand.gateway.adminPort, get(path));
      assert.equal(response.status, 200, path);
      assert.deepEqual(response.headers.get("cache-control"), ["no-store"]);
      assert.deepEqual(response.headers.get("content-type"), ["application/health+json"]);
      assert.deepEqual(JSON.parse(response.body.toString()), { status: "pass" });
    }
  });

  test("answers HEAD like GET, without a body", async () => {
    for (const path of CHECKS) {
      const client = await RawClient.to(stand.gateway.adminPort);
      client.send(`HEAD ${path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`);
      await client.untilClosed();
      assert.match(client.text, /^HTTP\/1\.1 200 OK\r\n/);
      assert.match(client.text, /\r\nCache-Control: no-store\r\n/);
      assert.ok(client.text.endsWith("\r\n\r\n"));
      client.destroy();
    }
  });

  test("offers nothing else there: 405 with Allow, 404, and the parser's refusals", async () => {
    for (const method of ["POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH"]) {
      const response = await ask(stand.gateway.adminPort, `${method} /readyz HTTP/1.1\r\nHost: a\r\n\r\n`);
      assert.equal(response.status, 405, method);
      assert.deepEqual(response.headers.get("allow"), ["GET, HEAD"]);
      assertEnvelope(response, "METHOD_NOT_ALLOWED");
    }
    for (const path of [
      "/",
      "/livez/",
      "/livez/x",
      "/LIVEZ",
      "/x/../livez",
      "//livez",
      "/admin",
      "/metrics/../livez",
    ]) {
      const response = await ask(stand.gateway.adminPort, get(path));
      assert.ok([400, 404].includes(response.status), `${path} ${response.status}`);
      assertEnvelope(response);
    }
    assert.equal((await ask(stand.gateway.adminPort, "GET /livez HTTP/1.1\r\nHost : a\r\n\r\n")).status, 400);
  });

  test("is not in the access log", async () => {
    for (const path of CHECKS) await ask(stand.gateway.adminPort, get(path));
    await stand.ask(get("/logged"));
    await stand.gateway.logged((line) => line["path"] === "/logged");
    assert.ok(!(await stand.gateway.log()).some((line) => CHECKS.includes(String(line["path"]))));
  });
});

describe("the data port", () => {
  test("does not have the checks", async () => {
    await using stand = await Stand.open({
      routes: [{ name: "other", path: "/other", to: { upstream: "origin" } }],
    });
    for (const path of CHECKS) assert.equal((await stand.ask(get(path))).status, 404);
  });
});

describe("a gateway that was told to stop", () => {
  test("is not ready at once, stays alive, serves on for the delay, and closes what it has answered", async () => {
    await using stand = await Stand.open({ drain: { delay: "2s", timeout: "5s" } });
    const kept = await stand.client();
    kept.send(get("/before"));
    const [first] = await kept.responses(1);
    assert.equal(first?.headers.get("connection"), undefined);
    void stand.gateway.running.stop("terminate");
    const ready = await ask(stand.gateway.adminPort, get("/readyz"));
    assert.equal(ready.status, 503);
    assert.deepEqual(ready.headers.get("cache-control"), ["no-store"]);
    assert.equal((await ask(stand.gateway.adminPort, get("/livez"))).status, 200);
    await stand.victim();
    kept.send(get("/during"));
    const [, second] = await kept.responses(2);
    assert.equal(second?.status, 200);
    assert.deepEqual(second?.headers.get("connection"), ["close"]);
    assert.equal(await kept.untilClosed(), "fin");
    kept.destroy();
  });

  test("lets what is in flight finish, and refuses new connections once the delay is over", async () => {
    await using stand = await Stand.open({ drain: { delay: "0s", timeout: "5s" } });
    let finish = () => {};
    stand.origin.answer = ({ target }, socket) => {
      finish = () => socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${target.length}\r\n\r\n${target}`);
      return null;
    };
    const client = await stand.client();
    client.send(get("/in-flight"));
    await stand.arrived("/in-flight");
    void stand.gateway.running.stop("terminate");
    await eventually(async () => {
      const late = await stand.client().catch(() => null);
      late?.destroy();
      return late === null || undefined;
    });
    finish();
    const response = await client.response();
    assert.equal(response.body.toString(), "/in-flight");
    assert.deepEqual(response.headers.get("connection"), ["close"]);
    client.destroy();
    assert.equal(await stand.gateway.running.done, 0);
  });

  test("is forced by a second word", async () => {
    await using stand = await Stand.open({ drain: { delay: "2s", timeout: "1h" } }, { answer: () => null });
    const client = await stand.client();
    client.send(get("/for-ever"));
    await stand.arrived("/for-ever");
    const from = performance.now();
    void stand.gateway.running.stop("terminate");
    void stand.gateway.running.stop("terminate");
    assert.equal(await stand.gateway.running.done, 0);
    assert.ok(performance.now() - from < 1_000);
    await client.untilClosed();
    client.destroy();
  });
});
