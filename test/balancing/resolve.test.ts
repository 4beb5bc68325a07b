/** Names of targets, with a system's look-up that the test answers. The loopback network has many addresses. */
import assert from "node:assert/strict";
import dns from "node:dns";
import { readFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { after, afterEach, describe, mock, test } from "node:test";
import { askOnce, errorCode, get } from "../harness/ask.ts";
import { CertificateFolder } from "../harness/certificates.ts";
import { freePort } from "../harness/child-gateway.ts";
import { eventually } from "../harness/eventually.ts";
import { startGateway, type TestGateway } from "../harness/gateway.ts";
import { Service } from "./service.ts";

type Done = (error: Error | null, found: { address: string; family: number }[]) => void;

describe("a target with a name", () => {
  const cleanups: (() => unknown)[] = [];
  /** What the name stands for now; null where it cannot be looked up. */
  let addresses: readonly string[] | null = [];
  let asked = 0;
  let silent = false;
  /** Ends calls to `/held`. */
  const held: (() => void)[] = [];
  const system = dns.lookup;
  const lookup = mock.method(dns, "lookup", (name: string, options: dns.LookupAllOptions, done: Done) => {
    // Listeners look their own addresses up.
    if (name !== "orders.test") {
      system(name, options, done);
      return;
    }
    asked++;
    if (silent) return;
    if (addresses === null) process.nextTick(() => done(new Error("no such name"), []));
    else
      process.nextTick(() =>
        done(
          null,
          (addresses ?? []).map((address) => ({ address, family: 4 })),
        ),
      );
  });
  afterEach(async () => {
    for (const clean of cleanups.splice(0).reverse()) await clean();
    asked = 0;
    silent = false;
  });
  after(() => lookup.mock.restore());

  /** A service at each address, at one port; it answers with its address. */
  async function startServices(count: number): Promise<Server[]> {
    const port = await freePort();
    const servers: Server[] = [];
    for (let n = 1; n <= count; n++) {
      const server = createServer((request, response) => {
        const address = (server.address() as AddressInfo).address;
        if (request.url === "/held") held.push(() => response.end(address));
        else response.end(address);
      });
      await new Promise<void>((resolve) => server.listen(port, `127.0.0.${n}`, resolve));
      servers.push(server);
      cleanups.push(() => {
        server.closeAllConnections();
        server.close();
      });
    }
    return servers;
  }

  async function start(servers: readonly Server[], more = {}): Promise<TestGateway> {
    const port = (servers[0]?.address() as AddressInfo | undefined)?.port ?? 80;
    const gateway = await startGateway(
      {
        upstreams: {
          orders: { targets: [`http://orders.test:${port}`], keepAlive: "10m", resolve: "30s", ...more },
        },
        routes: [{ name: "all", path: "/*", to: { upstream: "orders" } }],
      },
      { time: "by hand" },
    );
    cleanups.push(() => gateway.stop());
    return gateway;
  }

  const whoAnswers = async (gateway: TestGateway, path = "/"): Promise<string> =>
    (await askOnce(gateway.port, get(path))).body.toString();

  const connectionsOf = (server: Server): Promise<number> =>
    new Promise((resolve) => server.getConnections((_, count) => resolve(count)));

  test("that stands for another address is left for that one, also by connections that are kept", async () => {
    const servers = await startServices(2);
    addresses = ["127.0.0.1"];
    const gateway = await start(servers);
    assert.equal(await whoAnswers(gateway), "127.0.0.1");
    addresses = ["127.0.0.2"];
    gateway.clock.advance(29_000);
    assert.equal(await whoAnswers(gateway), "127.0.0.1");
    // One connection is busy, another one idle.
    const busy = whoAnswers(gateway, "/held");
    await eventually("it is in flight", () => held.length === 1);
    assert.equal(await whoAnswers(gateway), "127.0.0.1");
    const idle = async () => (await connectionsOf(servers[0] as Server)) - 1;
    assert.equal(await idle(), 1);
    gateway.clock.advance(2_000);
    await eventually("the idle one is closed, though nobody calls", async () => (await idle()) === 0);
    assert.equal(await whoAnswers(gateway), "127.0.0.2");
    held.pop()?.();
    assert.equal(await busy, "127.0.0.1");
    for (let n = 0; n < 5; n++) assert.equal(await whoAnswers(gateway), "127.0.0.2");
    await eventually("nothing is kept to it", async () => (await connectionsOf(servers[0] as Server)) === 0);
    assert.equal(asked, 2);
  });

  test("that stands for several shares its new connections among them, and goes on where one refuses", async () => {
    const servers = await startServices(3);
    addresses = ["127.0.0.1", "127.0.0.2", "127.0.0.3", "127.0.0.9"];
    const gateway = await start(servers);
    const all = Array.from({ length: 12 }, () => whoAnswers(gateway, "/held"));
    await eventually("all have arrived", () => held.length === 12);
    for (const end of held.splice(0)) end();
    const answers = await Promise.all(all);
    assert.deepEqual([...new Set(answers)].sort(), ["127.0.0.1", "127.0.0.2", "127.0.0.3"]);
    for (const address of new Set(answers)) {
      assert.ok(answers.filter((other) => other === address).length >= 3, String(answers));
    }
  });

  test("of a TLS service is verified by its name, whichever address answers", async () => {
    const folder = new CertificateFolder();
    cleanups.push(() => folder.remove());
    const { cert, key } = folder.make("orders", ["orders.test"]);
    const service = await Service.start({ cert: readFileSync(cert), key: readFileSync(key) });
    cleanups.push(() => service.down());
    addresses = ["127.0.0.9", "127.0.0.1"];
    const healthCheck = { path: "/health", every: "1s", timeout: "1m" };
    const targets = [`https://orders.test:${service.port}`];
    const gateway = await start([], { targets, healthCheck, tls: { ca: cert } });
    // Each call needs a connection.
    service.answer = (_, response) => void response.writeHead(200, { Connection: "close" }).end("ok");
    for (let n = 0; n < 4; n++) assert.equal(await whoAnswers(gateway), "ok");
    gateway.clock.advance(1_100);
    await eventually("checks go there too", () => service.checks.length > 0);
  });

  test("that can no longer be looked up stays where it was", async () => {
    const servers = await startServices(1);
    addresses = ["127.0.0.1"];
    const gateway = await start(servers, { keepAlive: "1s" });
    assert.equal(await whoAnswers(gateway), "127.0.0.1");
    addresses = null;
    gateway.clock.advance(61_000);
    await eventually("it has been asked for", () => asked >= 2);
    assert.equal(await whoAnswers(gateway), "127.0.0.1");
  });

  test("that nobody knows is unreachable, and asked for again by the next call", async () => {
    const servers = await startServices(1);
    addresses = null;
    const gateway = await start(servers);
    const refused = await askOnce(gateway.port, get("/"));
    assert.equal(refused.status, 502);
    assert.equal(errorCode(refused), "UPSTREAM_UNREACHABLE");
    addresses = ["127.0.0.1"];
    assert.equal(await whoAnswers(gateway), "127.0.0.1");
  });

  test("that nobody answers for is given up when the connection took too long", async () => {
    const servers = await startServices(1);
    silent = true;
    const gateway = await start(servers, { timeout: { connect: "2s" } });
    const answer = askOnce(gateway.port, get("/"));
    await eventually("it is asked for", () => asked === 1);
    gateway.clock.advance(2_100);
    assert.equal(errorCode(await answer), "UPSTREAM_CONNECT_TIMEOUT");
  });
});

describe("targets without a name to look up", () => {
  test("are never asked for, and localhost is known", async () => {
    const server = createServer((_, response) => void response.end("ok"));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    const lookup = mock.method(dns, "lookup");
    const targets = [`http://127.0.0.1:${port}`, `http://localhost:${port}`];
    const gateway = await startGateway({
      upstreams: Object.fromEntries(targets.map((url, n) => [`u${n}`, { targets: [url] }])),
      routes: targets.map((_, n) => ({ name: `r${n}`, path: `/${n}`, to: { upstream: `u${n}` } })),
    });
    try {
      const own = () => lookup.mock.calls.filter(({ arguments: [name] }) => name === "127.0.0.1").length;
      const before = own();
      for (const n of [0, 1]) assert.equal((await askOnce(gateway.port, get(`/${n}`))).status, 200);
      assert.equal(own(), before);
      assert.ok(lookup.mock.calls.some(({ arguments: [name] }) => name === "localhost"));
    } finally {
      lookup.mock.restore();
      await gateway.stop();
      server.closeAllConnections();
      server.close();
    }
  });
});
