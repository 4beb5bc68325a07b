/** The targets of an upstream: which one an attempt goes to, and what its result says of the target. */
import type { Call } from "../../../core/call.ts";
import type { UpstreamOptions } from "../../../core/kinds.ts";
import { ownMemory } from "../../../core/shared-memory.ts";
import type { Clock, Tools } from "../../../core/tools.ts";
import type { BreakerResult } from "../breaker/api.ts";
import type { Choice } from "./choice.ts";
import { consistentHash } from "./consistent-hash.ts";
import { Ejections } from "./ejections.ts";
import { HealthChecks } from "./health-checks.ts";
import { InUse } from "./in-use.ts";
import { leastConnections } from "./least-connections.ts";
import type { Member } from "./member.ts";
import { Roster } from "./roster.ts";
import { roundRobin } from "./round-robin.ts";
import { SharedRotation, Standing } from "./standing.ts";
import { reportTargets } from "./target-metrics.ts";
import { tenthsAt } from "./tenths.ts";

export interface Targets {
  /**
   * The target of the next attempt, one that is not in `tried` where there is such; null only where the own circuits of
   * all of them refuse. `tried` is empty for a first attempt.
   */
  pick(call: Call, tried: readonly Member[], now: number): Member | null;
  /** An attempt begins. */
  started(member: Member): void;
  /** Exactly once for each `started`: at the head of the answer, at the failure, or when the attempt is given up. */
  ended(member: Member, result: BreakerResult, call: Call): void;
  close(): void;
}

export function makeTargets(options: UpstreamOptions, members: readonly Member[], tools: Tools): Targets {
  const [first, second] = members;
  if (first === undefined) throw new Error(`${options.name} has no target`);
  return second === undefined ? oneTarget(options, first, tools) : new ManyTargets(options, members, tools);
}

/** Nothing to choose: whether it is well is only told to people. */
function oneTarget(options: UpstreamOptions, member: Member, tools: Tools): Targets {
  const nothing = (): void => {};
  const targets: Targets = { pick: () => member, started: nothing, ended: nothing, close: nothing };
  if (options.healthCheck === null) return targets;
  const checks = new HealthChecks(options, [member], tools, nothing);
  const stopTicking = tools.ticker.subscribe((now) => checks.tick(now));
  const stopReporting = reportTargets(options, (index) => !checks.unhealthy(index), tools.metrics);
  return {
    ...targets,
    close() {
      stopTicking();
      stopReporting();
      checks.close();
    },
  };
}

class ManyTargets implements Targets {
  readonly #members: readonly Member[];
  readonly #shared: SharedRotation;
  readonly #standings: readonly Standing[];
  readonly #roster: Roster;
  readonly #checks: HealthChecks;
  readonly #ejections: Ejections | null;
  readonly #inUse: InUse | null;
  readonly #choice: Choice;
  readonly #clock: Clock;
  /** For each member what ends its part in a call. */
  readonly #ends = new Map<Member, (call: Call) => void>();
  readonly #stops: readonly (() => void)[];

  constructor(options: UpstreamOptions, members: readonly Member[], tools: Tools) {
    const { name, balance, ejection } = options;
    const { shared: memory, clock, ticker, random, log, metrics } = tools;
    const urls = members.map(({ target }) => target.url);
    const now = clock.now();
    const shared = new SharedRotation(name, memory);
    const changes = canChange(options);
    // Room for names is bounded: nothing is kept of targets of which there is nothing to know.
    const standings = urls.map((url) => new Standing(name, url, changes ? memory : ownMemory()));
    shared.introduce(standings, tenthsAt(now));
    this.#checks = new HealthChecks(options, members, tools, (index, well) => this.#changed(index, well));
    const unhealthy = (index: number): boolean => this.#checks.unhealthy(index);
    const roster = new Roster({ options, members, standings, shared, unhealthy, log }, now);
    this.#ejections =
      ejection === null
        ? null
        : new Ejections({ upstream: name, options: ejection, standings, urls, shared, roster }, tools);
    this.#inUse = balance === "least-connections" ? new InUse(name, urls, memory) : null;
    this.#choice = makeChoice(options, members, this.#inUse, shared, random);
    this.#members = members;
    this.#shared = shared;
    this.#standings = standings;
    this.#roster = roster;
    this.#clock = clock;
    for (const [index, member] of members.entries()) this.#ends.set(member, () => this.#inUse?.ended(index));
    this.#stops = [
      changes ? ticker.subscribe((time) => this.#tick(time)) : () => {},
      reportTargets(options, (index) => roster.isSound(index, clock.now()), metrics),
    ];
  }

  pick(call: Call, tried: readonly Member[], now: number): Member | null {
    const rotation = this.#roster.at(now);
    if (tried.length === 0) {
      const { member } = this.#choice.next(call, rotation);
      if (passes(member, now)) return member;
    }
    const entries = rotation.entries.filter(({ member }) => passes(member, now));
    const untried = entries.filter(({ member }) => !tried.includes(member));
    const sound = untried.filter((entry) => entry.sound);
    const candidates = [sound, untried, entries].find(({ length }) => length > 0);
    if (candidates !== undefined) return this.#choice.among(call, candidates).member;
    return this.#members.find((member) => passes(member, now)) ?? null;
  }

  started(member: Member): void {
    this.#inUse?.began(this.#members.indexOf(member));
  }

  ended(member: Member, result: BreakerResult, call: Call): void {
    const index = this.#members.indexOf(member);
    if (result === "success") this.#ejections?.succeeded(index);
    else if (result === "failure") this.#ejections?.failed(index, this.#clock.now());
    if (this.#inUse === null) return;
    // Its connection is in use until the last byte: of a download, of a tunnel.
    if (result === "success") call.onEnd(this.#ends.get(member) as (call: Call) => void);
    else this.#inUse.ended(index);
  }

  close(): void {
    for (const stop of this.#stops) stop();
    this.#checks.close();
  }

  #tick(now: number): void {
    this.#checks.tick(now);
    this.#ejections?.tick(now);
    for (const [index, { breaker }] of this.#members.entries()) {
      if (breaker === null) continue;
      const closed = breaker.state === "closed" || breaker.state === "forced-closed";
      if (this.#standings[index]?.circuit(closed) === true) this.#changed(index, closed, now);
    }
    this.#roster.refresh(now);
  }

  /** A target has come back, or gone. */
  #changed(index: number, well: boolean, now = this.#clock.now()): void {
    if (well) this.#standings[index]?.back(tenthsAt(now));
    this.#shared.changed();
  }
}

/** Whether targets come and go, or shares grow. */
const canChange = ({ healthCheck, ejection, circuitBreaker, slowStart }: UpstreamOptions): boolean =>
  healthCheck !== null || ejection !== null || circuitBreaker !== null || slowStart > 0;

const passes = ({ breaker }: Member, now: number): boolean => breaker === null || breaker.passes(now);

function makeChoice(
  { balance, hashBy }: UpstreamOptions,
  members: readonly Member[],
  inUse: InUse | null,
  shared: SharedRotation,
  random: () => number,
): Choice {
  if (inUse !== null) return leastConnections(inUse, shared, random);
  const inTurn = roundRobin(shared, random);
  return balance === "consistent-hash" ? consistentHash(members, hashBy, inTurn) : inTurn;
}
