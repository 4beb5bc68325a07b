/** Targets without a network: what the parts of src/backends/upstream/targets are tested with. */
import type { BreakerResult, CircuitBreaker } from "../../src/backends/upstream/breaker/api.ts";
import type { Member } from "../../src/backends/upstream/targets/member.ts";
import { makeTargets, type Targets } from "../../src/backends/upstream/targets/targets.ts";
import { upstreamOptions } from "../../src/config/backend-options.ts";
import { upstream } from "../../src/config/schema-upstream.ts";
import { Call, type Request } from "../../src/core/call.ts";
import { Headers } from "../../src/core/headers.ts";
import type { UpstreamOptions } from "../../src/core/kinds.ts";
import { allocateSharedMemory, openSharedMemory } from "../../src/core/shared-memory.ts";
import type { Tools } from "../../src/core/tools.ts";
import { MetricRegistry, mergeSnapshots, renderMetrics } from "../../src/observe/metrics.ts";
import { dryWorld } from "../../src/threads/dry.ts";
import { HandClock } from "../harness/hand-clock.ts";

/** Options as a config would give them; targets are `http://a:80` with these weights. */
export function optionsOf(weights: Readonly<Record<string, number>>, more: object = {}): UpstreamOptions {
  const targets = Object.entries(weights).map(([host, weight]) => ({ url: `http://${host}:80`, weight }));
  return upstreamOptions("carrier", upstream.parse({ targets, ...more }), "");
}

/** A circuit that is opened and closed by the test. */
export class HandBreaker implements CircuitBreaker {
  readonly name = "by hand";
  state: CircuitBreaker["state"] = "closed";
  admit(): number {
    return this.passes() ? 1 : 0;
  }
  passes(): boolean {
    return this.state === "closed";
  }
  wait(): number {
    return this.passes() ? 0 : 1000;
  }
  settle(): void {}
  refused(): void {}
}

export interface Lane {
  readonly targets: Targets;
  readonly breakers: Readonly<Record<string, HandBreaker>>;
  /** Where the next attempt goes. */
  pick(call?: Call, tried?: readonly string[]): string;
  /** How often each target is picked. */
  picks(count: number, call?: (n: number) => Call): Record<string, number>;
  /** An attempt from its beginning to its head. */
  attempt(host: string, result: BreakerResult, call?: Call): void;
  started(host: string): void;
}

/** A process with its lanes, time and memory. */
export class Stand {
  readonly clock = new HandClock();
  readonly logged: string[] = [];
  readonly #memory = allocateSharedMemory(4 * 1024 * 1024);
  readonly #registries: MetricRegistry[] = [];
  #seed = 1;

  lane(options: UpstreamOptions, lane = 0, lanes = 1): Lane {
    const metrics = new MetricRegistry();
    this.#registries.push(metrics);
    const note = (_: unknown, message: string): void => void this.logged.push(message);
    const tools: Tools = {
      ...dryWorld.tools,
      clock: this.clock,
      ticker: this.clock,
      log: { info: note, warn: note, error: note },
      metrics,
      shared: openSharedMemory(this.#memory, lane, lanes),
      random: () => this.#random(),
    };
    return laneOf(options, tools);
  }

  get metrics(): string {
    return renderMetrics(mergeSnapshots(this.#registries.map((registry) => registry.snapshot())));
  }

  /** The same numbers in every run. */
  #random(): number {
    this.#seed = (Math.imul(this.#seed, 1_103_515_245) + 12_345) >>> 0;
    return this.#seed / 2 ** 32;
  }
}

function laneOf(options: UpstreamOptions, tools: Tools): Lane {
  const breakers: Record<string, HandBreaker> = {};
  const members = options.targets.map((target): Member => {
    const breaker = new HandBreaker();
    breakers[target.host] = breaker;
    // Only its way of looking names up is looked at.
    const pool = { lookup: undefined } as Member["pool"];
    return { target, pool, breaker };
  });
  const memberOf = (host: string): Member => members.find(({ target }) => target.host === host) as Member;
  const targets = makeTargets(options, members, tools);
  const pick = (call = callOf(), tried: readonly string[] = []): string =>
    targets.pick(call, tried.map(memberOf), tools.clock.now())?.target.host ?? "none";
  return {
    targets,
    breakers,
    pick,
    picks(count, call = () => callOf()) {
      const counts: Record<string, number> = {};
      for (let n = 0; n < count; n++) {
        const host = pick(call(n));
        counts[host] = (counts[host] ?? 0) + 1;
      }
      return counts;
    },
    attempt(host, result, call = callOf()) {
      targets.started(memberOf(host));
      targets.ended(memberOf(host), result, call);
    },
    started: (host) => targets.started(memberOf(host)),
  };
}

export function callOf(request: Partial<Request> = {}, clientIp = "192.0.2.1"): Call {
  const whole = { method: "GET", path: "/", headers: new Headers(), ...request } as Request;
  const call = new Call("id", 0, whole, { interim: () => {}, send: () => {} });
  call.clientIp = clientIp;
  return call;
}
