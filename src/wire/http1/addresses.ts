/**
 * The addresses behind a target's name: looked up when the first connection needs them, then again and again in the
 * background. The system's look-up tells no time to live, so how often is the config's to say.
 */
import dns from "node:dns";
import type { LookupFunction } from "node:net";

export interface ResolvedAddress {
  readonly address: string;
  readonly family: number;
}

type Callback = Parameters<LookupFunction>[2];
type Resolve = (name: string, done: (error: Error | null, found: readonly ResolvedAddress[]) => void) => void;

export class Addresses {
  readonly #name: string;
  readonly #every: number;
  /** Told when other addresses have been found than before. */
  readonly #changed: () => void;
  readonly #resolve: Resolve;
  #known: readonly ResolvedAddress[] = [];
  #turn = 0;
  /** Connections that need the first answer; null while no question is on its way. */
  #waiting: ((error: Error | null) => void)[] | null = null;
  /** Infinity until somebody has needed the name. */
  #nextAt = Number.POSITIVE_INFINITY;
  #now: number;

  constructor(name: string, every: number, now: number, changed: () => void, resolve: Resolve = bySystem) {
    this.#name = name;
    this.#every = every;
    this.#now = now;
    this.#changed = changed;
    this.#resolve = resolve;
  }

  /**
   * For `net.connect`, which goes on to the next address when one refuses or is silent. Each connection begins with
   * another one, and the first waits for the first answer; without a good one the next connection asks again.
   */
  readonly lookup: LookupFunction = (_host, options, callback) => {
    if (this.#known.length > 0) {
      process.nextTick(() => this.#give(options.all === true, callback));
      return;
    }
    this.#ask((error) => {
      if (error === null) this.#give(options.all === true, callback);
      else callback(error, []);
    });
  };

  has(address: string): boolean {
    return this.#known.some((known) => known.address === address);
  }

  sweep(now: number): void {
    this.#now = now;
    if (now >= this.#nextAt && this.#waiting === null) this.#ask(() => {});
  }

  #give(all: boolean, callback: Callback): void {
    const from = this.#turn++ % this.#known.length;
    const inTurn = [...this.#known.slice(from), ...this.#known.slice(0, from)];
    const [first] = inTurn as [ResolvedAddress, ...ResolvedAddress[]];
    if (all) callback(null, inTurn);
    else callback(null, first.address, first.family);
  }

  #ask(done: (error: Error | null) => void): void {
    if (this.#waiting !== null) {
      this.#waiting.push(done);
      return;
    }
    this.#waiting = [done];
    this.#resolve(this.#name, (error, found) => this.#answered(error, found));
  }

  /** What was known stays where the name cannot be looked up now: the service may well be there. */
  #answered(error: Error | null, found: readonly ResolvedAddress[]): void {
    const waiting = this.#waiting ?? [];
    this.#waiting = null;
    this.#nextAt = this.#now + this.#every;
    if (error === null && found.length > 0) this.#learn(found);
    const failure = this.#known.length > 0 ? null : (error ?? new Error("the name has no address"));
    for (const done of waiting) done(failure);
  }

  #learn(found: readonly ResolvedAddress[]): void {
    const same = found.length === this.#known.length && found.every(({ address }) => this.has(address));
    if (same) return;
    const first = this.#known.length === 0;
    this.#known = found;
    if (!first) this.#changed();
  }
}

function bySystem(name: string, done: Parameters<Resolve>[1]): void {
  dns.lookup(name, { all: true }, (error, found) => done(error, found ?? []));
}
