/** Which targets take calls, and with which shares: put together from what is known of each. */
import type { UpstreamOptions } from "../../../core/kinds.ts";
import type { Log } from "../../../core/tools.ts";
import type { Entry, Rotation } from "./entry.ts";
import type { Member } from "./member.ts";
import type { SharedRotation, Standing } from "./standing.ts";
import { fromTenths } from "./tenths.ts";
import { makeTurns } from "./turns.ts";

/** What speaks against a target, the least certain first: few others left, those are used in spite of it. */
const SOUND = 0;
const EJECTED = 1;
const UNHEALTHY = 2;
/** Its own circuit refuses calls, so it cannot be used whatever happens to the others. */
const CIRCUIT_OPEN = 3;

/** Shares grow in tenths: weights stay whole numbers. */
const FULL = 10;

export interface RosterParts {
  readonly options: UpstreamOptions;
  readonly members: readonly Member[];
  readonly standings: readonly Standing[];
  readonly shared: SharedRotation;
  /** What health checks say of a target. */
  readonly unhealthy: (index: number) => boolean;
  readonly log: Log;
}

export class Roster {
  readonly #parts: RosterParts;
  #rotation: Rotation = { entries: [], turns: [] };
  #version = 0;
  #look: readonly number[] = [];

  constructor(parts: RosterParts, now: number) {
    this.#parts = parts;
    this.refresh(now);
  }

  /** The targets that take calls at `now`. */
  at(now: number): Rotation {
    if (this.#parts.shared.version !== this.#version) this.refresh(now);
    return this.#rotation;
  }

  /** Looks again at what changes with time: circuits, shares that grow. */
  refresh(now: number): void {
    const { members, shared } = this.#parts;
    this.#version = shared.version;
    const against = members.map((_, index) => this.#against(index, now));
    const steps = members.map((_, index) => this.#step(index, now));
    const look = [...against, ...steps];
    if (look.every((value, at) => value === this.#look[at])) return;
    this.#look = look;
    this.#announce(against.every((one) => one !== SOUND));
    const entries = this.#entries(against, steps);
    this.#rotation = { entries, turns: makeTurns(entries) };
  }

  isSound(index: number, now: number): boolean {
    return this.#against(index, now) === SOUND;
  }

  /** What speaks against the target `index`, if anything. */
  #against(index: number, now: number): number {
    const { members, standings, options, unhealthy } = this.#parts;
    const breaker = members[index]?.breaker ?? null;
    if (breaker !== null && !breaker.passes(now)) return CIRCUIT_OPEN;
    if (unhealthy(index)) return UNHEALTHY;
    return options.ejection !== null && standings[index]?.ejected === true ? EJECTED : SOUND;
  }

  /** Whether one more target may be taken out. */
  canSpare(now: number): boolean {
    const out = this.#parts.members.filter((_, index) => !this.isSound(index, now));
    return out.length < this.#mayBeOut;
  }

  /** At least one stays in. Where nobody has said how many may be out, what checks and circuits say is believed. */
  get #mayBeOut(): number {
    const { members, options } = this.#parts;
    const share = options.ejection?.atMost ?? 1;
    // 0.29 × 100 is a little less than 29.
    return Math.min(members.length - 1, Math.floor(share * members.length + 1e-9));
  }

  #entries(against: readonly number[], steps: readonly number[]): readonly Entry[] {
    const recalled = this.#recalled(against);
    return this.#parts.members.flatMap((member, index): Entry[] => {
      const sound = against[index] === SOUND;
      if (!sound && !recalled.has(index)) return [];
      return [{ member, index, weight: member.target.weight * (steps[index] ?? FULL), sound }];
    });
  }

  /** Those that are used although something speaks against them: as few as need be, all where it speaks against all. */
  #recalled(against: readonly number[]): ReadonlySet<number> {
    const out = against
      .keys()
      .filter((index) => against[index] !== SOUND)
      .toArray();
    if (out.length === against.length) return new Set(out);
    const usable = out.filter((index) => against[index] !== CIRCUIT_OPEN);
    usable.sort((a, b) => (against[a] ?? 0) - (against[b] ?? 0));
    return new Set(usable.slice(0, Math.max(0, out.length - this.#mayBeOut)));
  }

  /** How many tenths of its weight a target has: one at first where it has come back or is new. */
  #step(index: number, now: number): number {
    const { standings, options } = this.#parts;
    const since = standings[index]?.backSince ?? 0;
    const elapsed = now - fromTenths(since);
    if (since === 0 || elapsed >= options.slowStart) return FULL;
    return 1 + Math.floor((elapsed / options.slowStart) * (FULL - 1));
  }

  #announce(panic: boolean): void {
    const { shared, options, log } = this.#parts;
    if (!shared.panic(panic)) return;
    const upstream = options.name;
    if (panic) log.warn({ upstream }, `no target of ${upstream} is well: all of them are used`);
    else log.info({ upstream }, `a target of ${upstream} is well again`);
  }
}
