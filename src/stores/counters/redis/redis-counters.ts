import { createHash } from "node:crypto";
import type { Counters, Limiter, LocalCounters, Rule, Standing, Verdict } from "../../../core/counters.ts";
import type { Log, Ticker } from "../../../core/tools.ts";
import { RedisLink } from "./redis-link.ts";
import { takeScript } from "./script.ts";

/** Within the 50 ms that a dead Redis may cost a call; a hundred times what a sound one takes. */
const PATIENCE_MS = 40;

export interface RedisCountersOptions {
  /** `redis://` or `rediss://`. */
  readonly url: string;
  /** What counts while Redis cannot. */
  readonly local: LocalCounters;
  readonly ticker: Ticker;
  readonly log: Log;
  /** Milliseconds that a call waits for Redis at most. */
  readonly patience?: number;
  /** Instead of the one that uses Redis' own clock, for tests that move time by hand. */
  readonly script?: string;
}

/** Counts that all processes share which use the same Redis. It may be down now: connecting goes on for ever. */
export async function redisCounters(options: RedisCountersOptions): Promise<Counters> {
  const { url, local, ticker, log, patience = PATIENCE_MS } = options;
  const link = await RedisLink.open(url, patience, ticker, log);
  const script = scriptOf(options.script ?? takeScript());
  return {
    limiter: (rules) => new RedisLimiter(rules, link, script),
    local,
    close: () => link.close(),
  };
}

interface Script {
  readonly text: string;
  readonly sha: string;
}

const scriptOf = (text: string): Script => ({ text, sha: createHash("sha1").update(text).digest("hex") });

class RedisLimiter implements Limiter {
  readonly rules: readonly Rule[];
  readonly #link: RedisLink;
  readonly #script: Script;
  /** What the script is told of the rules. */
  readonly #numbers: readonly (string | number)[];

  constructor(rules: readonly Rule[], link: RedisLink, script: Script) {
    this.rules = rules;
    this.#link = link;
    this.#script = script;
    this.#numbers = rules.flatMap(({ algorithm, limit, window, capacity }) => [
      algorithm,
      limit,
      window * 1000,
      capacity,
    ]);
  }

  take(key: string, cost: number): null | Promise<Verdict | null> {
    if (!this.#link.up) return null;
    return this.#run(key, cost, "").then((reply) => (reply === null ? null : verdictOf(reply)));
  }

  giveBack(key: string, cost: number, { at }: Verdict): void {
    // Nobody waits for it. Where it fails, the window forgets the cost in its time.
    if (this.#link.up) void this.#run(key, cost, at);
  }

  #run(key: string, cost: number, at: number | ""): Promise<number[] | null> {
    const { text, sha } = this.#script;
    // The braces: a cluster keeps all counts of one check in one place.
    const keys = this.rules.map(({ id }) => `turnpike:limit:{${key}}:${id}`);
    const rest = [...keys, cost, at, ...this.#numbers];
    return this.#link.ask(
      (redis) =>
        redis.evalsha(sha, keys.length, ...rest).catch((error: unknown) => {
          // A Redis that has been restarted does not know the script yet.
          if (String(error).includes("NOSCRIPT")) return redis.eval(text, keys.length, ...rest);
          throw error;
        }) as Promise<number[]>,
    );
  }
}

/** See script.ts for the order of the numbers. */
function verdictOf([allowed, at = 0, ...rest]: readonly number[]): Verdict {
  const standings: Standing[] = [];
  for (let i = 0; i < rest.length; i += 3) {
    const [remaining = 0, reset = 0, wait = 0] = rest.slice(i, i + 3);
    standings.push({ remaining, reset: reset / 1000, wait: wait / 1000 });
  }
  return { allowed: allowed === 1, standings, at, epoch: at / 1000 };
}
