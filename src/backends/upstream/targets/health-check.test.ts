import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { Service } from "../../../../test/balancing/service.ts";
import { optionsOf } from "../../../../test/balancing/stand.ts";
import { eventually } from "../../../../test/harness/eventually.ts";
import { HandClock } from "../../../../test/harness/hand-clock.ts";
import type { HealthCheckOptions } from "../../../core/kinds.ts";
import { allocateSharedMemory, openSharedMemory } from "../../../core/shared-memory.ts";
import { MetricRegistry } from "../../../observe/metrics.ts";
import { dryWorld } from "../../../threads/dry.ts";
import { HealthCheck } from "./health-check.ts";
import type { Member } from "./member.ts";

const CHECK: HealthCheckOptions = {
  path: "/health",
  every: 1000,
  timeout: 3000,
  healthy: 1,
  unhealthy: 1,
  status: [200, 299],
};

describe("the health check of one target in two lanes", () => {
  let service: Service;
  before(async () => {
    service = await Service.start();
  });
  after(() => service.down());

  function lanes(random = 0.5) {
    const clock = new HandClock();
    const memory = allocateSharedMemory(1024 * 1024);
    const registries = [new MetricRegistry(), new MetricRegistry()];
    const checks = registries.map((metrics, lane) => {
      const shared = openSharedMemory(memory, lane, 2);
      const tools = { ...dryWorld.tools, shared, metrics, random: () => random };
      const target = { url: service.url, secure: false, host: "127.0.0.1", port: service.port, weight: 1 };
      const member: Member = { target, pool: { lookup: undefined } as Member["pool"], breaker: null };
      return new HealthCheck({ options: optionsOf({ a: 1 }), check: CHECK, member }, tools, () => {});
    });
    const results = (): number =>
      registries
        .flatMap((registry) => registry.snapshot())
        .flatMap(({ series }) => series)
        .reduce((sum, { numbers }) => sum + (numbers[0] ?? 0), 0);
    return { clock, checks: checks as [HealthCheck, HealthCheck], results };
  }

  test("is asked once an interval, from a moment in the first one that chance decides", async () => {
    const { clock, checks, results } = lanes(0.5);
    service.checks.length = 0;
    const stops = checks.map((check) => clock.subscribe((now) => check.tick(now)));
    clock.advance(500);
    assert.equal(service.checks.length, 0);
    for (let round = 1; round <= 10; round++) {
      clock.advance(round === 1 ? 100 : 1000);
      await eventually("it has answered", () => results() === round);
      assert.equal(service.checks.length, round);
    }
    for (const stop of stops) stop();
  });

  test("is asked by the other lane where one has died with a question on its way", async () => {
    const { clock, checks, results } = lanes(0);
    const [dead, living] = checks;
    service.checks.length = 0;
    dead.tick(clock.now());
    dead.tick(clock.now());
    clock.jump(3000);
    living.tick(clock.now());
    clock.jump(1000);
    living.tick(clock.now());
    await eventually("both have asked", () => service.checks.length === 2 && results() === 2);
  });

  test("stops where the check is closed, though a question is on its way", async () => {
    const { clock, checks, results } = lanes(0);
    const { health } = service;
    service.health = () => {};
    service.checks.length = 0;
    checks[0].tick(clock.now());
    checks[0].tick(clock.now());
    await eventually("it is asked", () => service.checks.length === 1);
    checks[0].close();
    await eventually("nobody waits for its answer", () => service.open === 0);
    assert.equal(results(), 0);
    service.health = health;
  });
});
