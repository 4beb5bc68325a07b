import type { Redis, RedisOptions } from "ioredis";
import type { Log, Ticker } from "../../../core/tools.ts";

/** Milliseconds without a word, while somebody waits for one, until Redis is taken for down: less may be a hiccup. */
const DOWN_AFTER_MS = 150;
/** How long its answers may all be late until it is taken for too slow: less may be a burst that it works off. */
const SLOW_AFTER_MS = 80;
/** Probes in a row that fail until the connection is made anew: the other end may be gone without a word. */
const PROBES_A_CONNECTION = 10;
const LONGEST_RECONNECT_MS = 500;
/** Between two lines of the log: about an outage that is new, and about one that goes on. */
const NEW_OUTAGE_MS = 1000;
const SAME_OUTAGE_MS = 30_000;

const OPTIONS = {
  connectTimeout: 1000,
  // Whatever is lost with a connection is answered for at once, and never sent again: it would be counted twice.
  enableOfflineQueue: false,
  autoResendUnfulfilledCommands: false,
  maxRetriesPerRequest: 0,
  maxLoadingRetryTime: 200,
  enableAutoPipelining: true,
  retryStrategy: (times: number) => Math.min(50 * times, LONGEST_RECONNECT_MS),
} as const satisfies RedisOptions;

/**
 * A connection to Redis, and whether it is worth asking. While it is not, nobody waits: probes in the background
 * find out when it is back.
 */
export class RedisLink {
  readonly #redis: Redis;
  readonly #patience: number;
  readonly #log: Log;
  readonly #stopTicking: () => void;
  #up = true;
  #waiting = 0;
  /** When the last answer came, or the first wait for one began; on the scale of `idle`, as `#slowSince`. */
  #heardAt = 0;
  /** Since when every answer has been late; null where the last was not. */
  #slowSince: number | null = null;
  readonly #pace: Pace = { heardAt: () => this.#heardAt, isSlow: () => this.#isSlow() };
  #failedProbes = 0;
  #probing = false;
  #loggedAt = Number.NEGATIVE_INFINITY;
  /** The log says that it is down. */
  #told = false;

  /** `patience`: milliseconds that a call waits at most. */
  private constructor(redis: Redis, patience: number, ticker: Ticker, log: Log) {
    this.#redis = redis;
    this.#patience = patience;
    this.#log = log;
    // Without a listener it would be thrown.
    redis.on("error", (error) => this.#isDown(error));
    redis.on("close", () => this.#isDown(new Error("the connection was closed")));
    this.#stopTicking = ticker.subscribe(() => this.#probe());
  }

  /** Imports the library only here: who counts in memory does not load it. */
  static async open(url: string, patience: number, ticker: Ticker, log: Log): Promise<RedisLink> {
    const { Redis } = await import("ioredis");
    const redis = new Redis(url, OPTIONS);
    const link = new RedisLink(redis, patience, ticker, log);
    await settled(redis);
    return link;
  }

  get up(): boolean {
    return this.#up && this.#redis.status === "ready";
  }

  /** The reply, or null where none came in time. */
  async ask<Reply>(command: (redis: Redis) => Promise<Reply>): Promise<Reply | null> {
    const begun = idle();
    if (this.#waiting++ === 0) this.#heardAt = begun;
    try {
      const reply = await inTime(command(this.#redis), this.#patience, this.#pace);
      this.#heard(begun);
      return reply;
    } catch (error) {
      if (!(error instanceof Late) || this.#isLost()) this.#isDown(error);
      return null;
    } finally {
      this.#waiting--;
    }
  }

  #heard(begun: number): void {
    const now = idle();
    this.#heardAt = now;
    if (now - begun <= this.#patience) this.#slowSince = null;
    else this.#slowSince ??= now;
  }

  #isLost(): boolean {
    return this.#isSlow() || idle() - this.#heardAt >= DOWN_AFTER_MS;
  }

  #isSlow(): boolean {
    return this.#slowSince !== null && idle() - this.#slowSince >= SLOW_AFTER_MS;
  }

  close(): void {
    this.#stopTicking();
    this.#redis.removeAllListeners("close");
    this.#redis.disconnect();
  }

  /** With something that writes: a replica, or a Redis that is still loading, answers a PING. */
  #probe(): void {
    if (this.up || this.#probing) return;
    // Connected, but it never said what it is.
    if (this.#redis.status === "connect") this.#probeFailed(null);
    if (this.#redis.status !== "ready") return;
    this.#probing = true;
    inTime(this.#redis.set("turnpike:limit:probe", "1", "PX", 1000), this.#patience, NO_PACE).then(
      () => this.#isBack(),
      (error) => this.#probeFailed(error),
    );
  }

  #isBack(): void {
    this.#probing = false;
    this.#failedProbes = 0;
    this.#slowSince = null;
    this.#up = true;
    if (this.#told) this.#log.info({}, "rate limits: Redis answers again");
    this.#told = false;
  }

  #probeFailed(error: unknown): void {
    this.#probing = false;
    this.#failedProbes += 1;
    // After a failover the name leads to another Redis, and this one says READONLY for ever.
    if (this.#failedProbes >= PROBES_A_CONNECTION || String(error).includes("READONLY")) {
      this.#failedProbes = 0;
      this.#redis.disconnect(true);
    }
  }

  #isDown(cause: unknown): void {
    this.#up = false;
    const now = performance.now();
    if (now - this.#loggedAt < (this.#told ? SAME_OUTAGE_MS : NEW_OUTAGE_MS)) return;
    this.#loggedAt = now;
    this.#told = true;
    this.#log.warn(
      { cause },
      "rate limits: Redis cannot answer; onStoreError of each limit says what happens",
    );
  }
}

/** Until the first attempt to connect has led somewhere: where it succeeds, no call comes too early. */
async function settled(redis: Redis): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  for (const event of ["ready", "close"]) redis.once(event, resolve);
  const timer = setTimeout(resolve, OPTIONS.connectTimeout);
  await promise;
  clearTimeout(timer);
}

class Late extends Error {}

/** How the other end gets on with what others have asked before. It answers in turn. */
interface Pace {
  /** `idle()` when the last answer came. */
  readonly heardAt: () => number;
  readonly isSlow: () => boolean;
}

const NO_PACE: Pace = { heardAt: () => 0, isSlow: () => true };

/**
 * Milliseconds that this thread has spent waiting. Patience is counted in them: while a thread is busy it sends
 * nothing and reads nothing, and that is not the other end's lateness.
 */
const idle = (): number => performance.eventLoopUtilization().idle;

/** @throws Late after so many milliseconds of silence, or what the command failed with. */
async function inTime<Reply>(reply: Promise<Reply>, patience: number, pace: Pace): Promise<Reply> {
  const late = Promise.withResolvers<never>();
  let since = idle();
  const judge = () => {
    if (!pace.isSlow()) since = Math.max(since, pace.heardAt());
    const rest = patience - (idle() - since);
    if (rest >= 1) timer = setTimeout(expire, rest);
    else late.reject(new Late(`no answer within ${patience} ms`));
  };
  // The answer may be here, unread: reading comes before `setImmediate`.
  const expire = () => void setImmediate(judge);
  let timer = setTimeout(expire, patience);
  try {
    return await Promise.race([reply, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}
