import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import type { RequestListener } from "node:http";
import { after, describe, test } from "node:test";
import { askOnce, get } from "../harness/ask.ts";
import { CertificateFolder } from "../harness/certificates.ts";
import { startChildGateway } from "../harness/child-gateway.ts";
import { eventually } from "../harness/eventually.ts";
import { startGateway, type TestGateway } from "../harness/gateway.ts";
import { Service, status } from "./service.ts";

interface Stand {
  readonly gateway: TestGateway;
  readonly services: readonly Service[];
}

describe("health checks", () => {
  const cleanups: (() => unknown)[] = [];
  after(async () => {
    for (const clean of cleanups.reverse()) await clean();
  });

  async function startServices(count: number): Promise<Service[]> {
    const services = await Promise.all(Array.from({ length: count }, () => Service.start()));
    for (const service of services) cleanups.push(() => service.down());
    return services;
  }

  /** A minute to answer, by a clock that stands still: only answers count, unless the test says otherwise. */
  const configOf = (services: readonly Service[], check = {}, more = {}) => ({
    upstreams: {
      carrier: {
        targets: services.map(({ port }) => `http://127.0.0.1:${port}`),
        healthCheck: { path: "/health?deep=1", every: "1s", timeout: "1m", ...check },
        ...more,
      },
    },
    routes: [{ name: "all", path: "/*", to: { upstream: "carrier" } }],
  });

  async function start(services: readonly Service[], check = {}, more = {}): Promise<Stand> {
    const gateway = await startGateway(configOf(services, check, more), { time: "by hand" });
    cleanups.push(() => gateway.stop());
    // The first question comes at a random moment of the first interval.
    gateway.clock.advance(100);
    return { gateway, services };
  }

  async function results({ gateway }: Stand): Promise<number> {
    const text = await metrics(gateway.adminPort);
    const lines = text.split("\n").filter((line) => line.startsWith("turnpike_health_checks_total"));
    return lines.reduce((sum, line) => sum + Number(line.split(" ").at(-1)), 0);
  }

  /** Each target is asked once, and has answered. */
  async function rounds(stand: Stand, count = 1): Promise<void> {
    for (let n = 0; n < count; n++) {
      const before = await results(stand);
      stand.gateway.clock.advance(1000);
      await eventually(
        "all have answered",
        async () => (await results(stand)) === before + stand.services.length,
      );
    }
  }

  /** How many of so many calls each service gets. */
  async function shares({ gateway, services }: Stand, calls = 12): Promise<number[]> {
    const before = services.map((service) => service.calls.length);
    for (let n = 0; n < calls; n++) {
      assert.equal((await askOnce(gateway.port, get("/call"))).status, 200);
    }
    return services.map((service, n) => service.calls.length - (before[n] ?? 0));
  }

  test("take a target out after so many bad answers, and bring it back after so many good ones", async () => {
    const stand = await start(await startServices(3), { healthy: 2, unhealthy: 3 });
    const [sick] = stand.services as [Service, ...Service[]];
    await rounds(stand);
    sick.health = status(503);
    await rounds(stand, 2);
    assert.deepEqual(await shares(stand), [4, 4, 4]);
    await rounds(stand);
    assert.deepEqual(await shares(stand), [0, 6, 6]);
    assert.match(await metrics(stand.gateway.adminPort), healthy(sick, 0));
    sick.health = status(204);
    await rounds(stand);
    assert.deepEqual(await shares(stand), [0, 6, 6]);
    await rounds(stand);
    assert.deepEqual(await shares(stand), [4, 4, 4]);
    assert.match(await metrics(stand.gateway.adminPort), healthy(sick, 1));
  });

  test("take a target out that is gone, that hangs up and that cuts its answer short", async () => {
    const cutShort: RequestListener = (request, response) => {
      response.writeHead(200, { "Content-Length": "10" }).write("five.", () => request.socket.destroy());
    };
    const hangsUp: RequestListener = (request) => void request.socket.destroy();
    for (const health of [null, hangsUp, cutShort]) {
      const stand = await start(await startServices(2), { unhealthy: 2 });
      const [sick] = stand.services as [Service, ...Service[]];
      if (health === null) await sick.down();
      else sick.health = health;
      await rounds(stand, 2);
      assert.deepEqual(await shares(stand, 4), [0, 4]);
    }
  });

  test("take a target out that does not answer in time, and ask nobody twice at a time", async () => {
    const stand = await start(await startServices(2), { timeout: "5s", unhealthy: 2 });
    const [silent] = stand.services as [Service, ...Service[]];
    silent.health = () => {};
    const takesNone = async () => (await shares(stand, 2))[0] === 0;
    for (let n = 0; n < 200 && !(await takesNone()); n++) {
      stand.gateway.clock.advance(100);
      await eventually("it has hung up where it gave up", () => silent.open <= 3);
    }
    assert.deepEqual(await shares(stand, 4), [0, 4]);
  });

  test("ask with a GET of the path, with the target's Host, and go after no redirect", async () => {
    const stand = await start(await startServices(2));
    for (const service of stand.services) service.health = status(302, { Location: "/elsewhere" });
    await rounds(stand, 3);
    assert.deepEqual(await shares(stand, 4), [2, 2]);
    for (const { checks, calls, port } of stand.services) {
      assert.equal(checks.length, 3);
      assert.ok(calls.every(({ url }) => url === "/call"));
      const [check] = checks;
      assert.equal(check?.method, "GET");
      assert.equal(check?.url, "/health?deep=1");
      assert.equal(check?.headers.host, `127.0.0.1:${port}`);
    }
  });

  test("hold an answer outside the statuses that were named for a bad one", async () => {
    const stand = await start(
      await startServices(2),
      { status: [200, 200], unhealthy: 1 },
      { host: { name: "api.internal" } },
    );
    (stand.services[0] as Service).health = status(204);
    await rounds(stand);
    assert.deepEqual(await shares(stand, 4), [0, 4]);
    assert.equal(stand.services[0]?.checks[0]?.headers.host, "api.internal");
  });

  test("do not wait for the end of an answer that has none", async () => {
    const stand = await start(await startServices(2), { unhealthy: 1 });
    const [endless] = stand.services as [Service, ...Service[]];
    endless.health = (_, response) => void response.write(Buffer.alloc(64 * 1024));
    await rounds(stand, 2);
    assert.deepEqual(await shares(stand, 4), [2, 2]);
    await eventually("it was left", () => endless.open <= 1);
  });

  test("leave all targets in where all are bad, and honour the ones that are well again", async () => {
    const stand = await start(await startServices(3), { healthy: 1, unhealthy: 1 });
    for (const service of stand.services) service.health = status(500);
    await rounds(stand);
    assert.deepEqual(await shares(stand), [4, 4, 4]);
    (stand.services[1] as Service).health = status(200);
    await rounds(stand);
    assert.deepEqual(await shares(stand), [0, 12, 0]);
  });

  test("bring a target back slowly where slowStart says so", async () => {
    const stand = await start(await startServices(2), { healthy: 1, unhealthy: 1 }, { slowStart: "10s" });
    const [sick] = stand.services as [Service, ...Service[]];
    sick.health = status(500);
    await rounds(stand);
    sick.health = status(200);
    await rounds(stand);
    const [share = 0] = await shares(stand, 44);
    assert.ok(share >= 3 && share <= 9, `${share} of 44 calls`);
    await rounds(stand, 10);
    assert.deepEqual(await shares(stand), [6, 6]);
  });

  test("verify certificates as calls do", async () => {
    const folder = new CertificateFolder();
    cleanups.push(() => folder.remove());
    const { cert, key } = folder.make("service", ["service.test"]);
    const services = await Promise.all(
      [0, 1].map(() => Service.start({ cert: readFileSync(cert), key: readFileSync(key) })),
    );
    for (const service of services) cleanups.push(() => service.down());
    const targets = services.map(({ port }) => `https://127.0.0.1:${port}`);
    const stand = await start(services, {}, { targets, tls: { ca: cert, serverName: "service.test" } });
    await rounds(stand, 3);
    assert.deepEqual(await shares(stand, 4), [2, 2]);
    assert.deepEqual(
      services.map(({ checks }) => checks.length),
      [3, 3],
    );
    const strict = await start(services, { unhealthy: 1 }, { targets, tls: { ca: cert } });
    await rounds(strict);
    for (const { port } of services) {
      assert.match(await metrics(strict.gateway.adminPort), new RegExp(`:${port}",result="bad"\\} 1`));
    }
  });

  test("say the same in both of two lanes, and in the plan after a reload", async () => {
    const services = await startServices(2);
    const config = configOf(services, { every: "100ms", timeout: "1s", unhealthy: 2 });
    const child = await startChildGateway({ lanes: 2, ...config });
    cleanups.push(() => child.stop());
    const [sick, well] = services as [Service, Service];
    sick.health = status(500);
    await eventually("it is out", async () => healthy(sick, 0).test(await metrics(child.adminPort)));
    const before = well.calls.length;
    const clients = Array.from({ length: 40 }, () => askOnce(child.port, get("/call")));
    for (const answer of await Promise.all(clients)) assert.equal(answer.status, 200);
    assert.equal(well.calls.length - before, 40);
    await child.rewrite({
      lanes: 2,
      ...config,
      routes: [{ name: "new", path: "/*", to: { upstream: "carrier" } }],
    });
    child.signal("SIGHUP");
    await eventually("it has reloaded", async () => {
      await askOnce(child.port, get("/call"));
      return (await child.log()).includes('"new"');
    });
    assert.equal(sick.calls.length, 0);
  });
});

const metrics = async (adminPort: number): Promise<string> =>
  (await fetch(`http://127.0.0.1:${adminPort}/metrics`)).text();

const healthy = ({ port }: Service, value: 0 | 1): RegExp =>
  new RegExp(
    `turnpike_upstream_target_healthy\\{upstream="carrier",target="http://127.0.0.1:${port}"\\} ${value}\\n`,
  );
