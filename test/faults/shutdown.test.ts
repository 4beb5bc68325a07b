/** HTTP-34, HLT-4, STR-10: a gateway that is told to stop fails nobody. In a process of its own, started by its command. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { WebSocket, WebSocketServer } from "ws";
import { askOnce, get } from "../harness/ask.ts";
import { type ChildGateway, freePort, runCli, startChildGateway } from "../harness/child-gateway.ts";
import { eventually } from "../harness/eventually.ts";
import { Load } from "../harness/load.ts";
import { ok, RecordingOrigin } from "../harness/origin.ts";
import { RawClient } from "../harness/raw.ts";

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function setUp(
  drain: object,
  target?: string,
): Promise<{ origin: RecordingOrigin; gateway: ChildGateway }> {
  const origin = await RecordingOrigin.start();
  cleanups.push(() => origin.stop());
  const gateway = await startChildGateway({
    drain,
    upstreams: { origin: { targets: [target ?? origin.url] } },
    routes: [{ name: "all", path: "/*", to: { upstream: "origin" } }],
  });
  cleanups.push(() => gateway.stop());
  return { origin, gateway };
}

describe("SIGTERM under load", () => {
  for (const [how, wait] of [
    ["with a delay for load balancers", "300ms"],
    ["without one", "0s"],
  ] as const) {
    test(`${how} fails 0 requests and exits with 0, three times of three`, { timeout: 40_000 }, async () => {
      for (let round = 0; round < 3; round++) {
        const { origin, gateway } = await setUp({ delay: wait, timeout: "10s" });
        origin.answer = () => ok("x".repeat(2000));
        const load = new Load(gateway.port, 48, (n) => get(`/load/${n}`));
        cleanups.push(() => load.stop());
        await eventually("there is load", () => load.answered > 500);
        gateway.signal("SIGTERM");
        assert.equal(await gateway.exited, 0);
        await load.stop();
        assert.deepEqual(load.failed, [], `round ${round}: of ${load.answered}`);
        assert.ok(load.closedPolitely > 0, "nobody was told that the connection closes");
        assert.equal(gateway.stderr(), "");
      }
    });
  }

  test("lets connections that were opened just before still ask and be answered", async () => {
    const { gateway } = await setUp({ delay: "0s", timeout: "10s" });
    const clients = await Promise.all(Array.from({ length: 200 }, () => RawClient.to(gateway.port)));
    cleanups.push(() => {
      for (const client of clients) client.destroy();
    });
    gateway.signal("SIGTERM");
    for (const client of clients) client.send(get("/just-before"));
    const responses = await Promise.all(clients.map((client) => client.response()));
    assert.ok(responses.every(({ status }) => status === 200));
    assert.equal(await gateway.exited, 0);
  });

  test("turns readyz to 503 at once while traffic is still served, with Connection: close", async () => {
    const { gateway } = await setUp({ delay: "1500ms", timeout: "10s" });
    assert.equal((await askOnce(gateway.adminPort, get("/readyz"))).status, 200);
    const begun = performance.now();
    gateway.signal("SIGTERM");
    await eventually(
      "readyz says 503",
      async () => (await askOnce(gateway.adminPort, get("/readyz"))).status === 503,
    );
    assert.equal((await askOnce(gateway.adminPort, get("/livez"))).status, 200);
    const response = await askOnce(gateway.port, get("/still"));
    assert.equal(response.status, 200);
    assert.deepEqual(response.headers.get("connection"), ["close"]);
    assert.equal(await gateway.exited, 0);
    assert.ok(performance.now() - begun >= 1_400, "the delay was not kept");
  });

  test("lets slow answers and uploads in flight complete, then exits with 0", async () => {
    const { origin, gateway } = await setUp({ delay: "0s", timeout: "20s" });
    origin.answer = ({ target }, socket) => {
      if (target === "/slow") setTimeout(() => socket.write(ok("slow but whole")), 1_500);
      else if (target === "/stream") {
        socket.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
        for (let i = 0; i < 8; i++) setTimeout(() => socket.write(`1\r\n${i}\r\n`), i * 200);
        setTimeout(() => socket.write("0\r\n\r\n"), 1_700);
      } else return ok("uploaded");
      return null;
    };
    const [slow, stream, upload] = [
      await RawClient.to(gateway.port),
      await RawClient.to(gateway.port),
      await RawClient.to(gateway.port),
    ];
    cleanups.push(() => {
      for (const client of [slow, stream, upload]) client.destroy();
    });
    slow.send(get("/slow"));
    stream.send(get("/stream"));
    upload.send("POST /upload HTTP/1.1\r\nHost: e\r\nContent-Length: 10\r\n\r\nhello");
    await eventually(
      "they are at the origin",
      () => origin.requests.length === 2 && origin.text.includes("/upload"),
    );
    gateway.signal("SIGTERM");
    await eventually("nobody is accepted any more", async () => {
      const late = await RawClient.to(gateway.port).catch(() => null);
      late?.destroy();
      return late === null;
    });
    upload.send("world");
    assert.equal((await upload.response()).body.toString(), "uploaded");
    const answer = await slow.response();
    assert.equal(answer.body.toString(), "slow but whole");
    assert.deepEqual(answer.headers.get("connection"), ["close"]);
    assert.equal((await stream.response()).body.toString(), "01234567");
    assert.equal(await gateway.exited, 0);
  });

  test("a second time ends at once what is still in flight", async () => {
    const { origin, gateway } = await setUp({ delay: "20s", timeout: "60s" });
    origin.answer = () => null;
    const client = await RawClient.to(gateway.port);
    cleanups.push(() => client.destroy());
    client.send(get("/never"));
    await eventually("it is at the origin", () => origin.requests.length === 1);
    gateway.signal("SIGTERM");
    await eventually(
      "it drains",
      async () => (await askOnce(gateway.adminPort, get("/readyz"))).status === 503,
    );
    const begun = performance.now();
    gateway.signal("SIGTERM");
    await client.untilClosed();
    assert.notEqual(await gateway.exited, null);
    assert.ok(performance.now() - begun < 2_000, `it took ${performance.now() - begun} ms`);
  });

  test("ends a stream of events at the end of the time for draining, visibly cut, and exits", async () => {
    const { origin, gateway } = await setUp({ delay: "0s", timeout: "1500ms" });
    origin.answer = () =>
      "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n9\r\ndata: 1\n\n\r\n";
    const client = await RawClient.to(gateway.port);
    cleanups.push(() => client.destroy());
    client.send(get("/events"));
    await client.until(() => client.text.includes("data: 1"));
    const begun = performance.now();
    gateway.signal("SIGTERM");
    await client.untilClosed();
    assert.ok(!client.text.endsWith("0\r\n\r\n"), "an end was made up");
    await gateway.exited;
    const took = performance.now() - begun;
    assert.ok(took > 1_000 && took < 5_000, `${took} ms`);
  });

  test("closes WebSockets on both ends with 1001", async () => {
    const server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
    await once(server, "listening");
    cleanups.push(() => {
      for (const socket of server.clients) socket.terminate();
      server.close();
    });
    const originCodes: number[] = [];
    server.on("connection", (socket) => {
      socket.on("message", (message) => socket.send(message));
      socket.on("close", (code) => originCodes.push(code));
    });
    const { port } = server.address() as { port: number };
    const { gateway } = await setUp({ delay: "0s", timeout: "10s" }, `http://127.0.0.1:${port}`);
    const clientCodes: number[] = [];
    for (let i = 0; i < 10; i++) {
      const socket = new WebSocket(`ws://127.0.0.1:${gateway.port}/ws`);
      cleanups.push(() => socket.terminate());
      await once(socket, "open");
      socket.send("hello");
      const [echo] = (await once(socket, "message")) as [Buffer];
      assert.equal(echo.toString(), "hello");
      socket.on("close", (code) => clientCodes.push(code));
    }
    const begun = performance.now();
    gateway.signal("SIGTERM");
    assert.equal(await gateway.exited, 0);
    assert.ok(performance.now() - begun < 15_000, "a WebSocket held up the end");
    await eventually("all have closed", () => clientCodes.length === 10 && originCodes.length === 10);
    assert.deepEqual([...new Set(clientCodes)], [1001]);
    assert.deepEqual([...new Set(originCodes)], [1001]);
  });

  test("closes idle connections soon, and not in a request's face", async () => {
    const { gateway } = await setUp({ delay: "0s", timeout: "20s" });
    const idle = await RawClient.to(gateway.port);
    cleanups.push(() => idle.destroy());
    idle.send(get("/once"));
    await idle.response();
    const begun = performance.now();
    gateway.signal("SIGTERM");
    assert.equal(await idle.untilClosed(), "fin");
    assert.equal(await gateway.exited, 0);
    assert.ok(performance.now() - begun < 15_000, "an idle connection held up the end");
  });
});

describe("SIGINT", () => {
  test("stops an idle gateway without the delay for load balancers, with exit code 0", async () => {
    const { gateway } = await setUp({ delay: "20s", timeout: "20s" });
    const begun = performance.now();
    gateway.signal("SIGINT");
    assert.equal(await gateway.exited, 0);
    assert.ok(performance.now() - begun < 15_000);
  });
});

describe("a port that is in use", () => {
  for (const listener of ["listen", "admin"] as const) {
    test(`is one clear sentence that names ${listener}.port, and exit code 1`, async () => {
      const squatter = createServer();
      await new Promise<void>((resolve) => squatter.listen(0, "127.0.0.1", resolve));
      cleanups.push(() => new Promise((resolve) => squatter.close(resolve)));
      const { port } = squatter.address() as { port: number };
      const config = join(tmpdir(), `turnpike-port-${process.pid}-${listener}.yaml`);
      await writeFile(
        config,
        JSON.stringify({
          listen: { port: listener === "listen" ? port : await freePort() },
          admin: { port: listener === "admin" ? port : await freePort() },
          routes: [{ name: "all", path: "/*", to: { fixed: { status: 200 } } }],
        }),
      );
      cleanups.push(() => rm(config));
      const run = runCli(["start", "--config", config]);
      cleanups.push(() => run.child.kill("SIGKILL"));
      const code = await Promise.race([run.exited, delay(10_000, "still running")]);
      assert.equal(code, 1);
      assert.match(run.stderr(), new RegExp(`${port}.*in use.*${listener}\\.port`));
      assert.equal(run.stderr().trim().split("\n").length, 1, run.stderr());
      assert.doesNotMatch(run.stderr(), /\n\s+at /);
    });
  }
});
