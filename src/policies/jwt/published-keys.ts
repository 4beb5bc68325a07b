/**
 * The keys that an issuer publishes (JWT-11): fetched when there is traffic for them or their time is nearly over,
 * by nobody twice at once, and kept through an outage of the issuer.
 */
import type { webcrypto } from "node:crypto";
import { GatewayError } from "../../core/errors.ts";
import { readJson } from "../../core/json.ts";
import type { CounterSeries } from "../../core/metrics.ts";
import type { Tools } from "../../core/tools.ts";
import type { Algorithm } from "./algorithms.ts";
import { type Fetching, fetchDocument } from "./fetch-document.ts";
import { KeySet, type TrustedKey, trustJwk } from "./keys.ts";
import { TokenRefusal } from "./refusal.ts";

type CryptoKey = webcrypto.CryptoKey;

const TIMEOUT = 1500;
const MOST_BYTES = 150_000;
const MOST_KEYS = 100;
/** How long keys are good for; `Cache-Control` may say otherwise, within bounds. */
const LIFETIME = { standard: 600_000, least: 60_000, most: 3_600_000 };
/** How much longer they are used while the issuer cannot be reached. */
const STALE = 3_600_000;
/** Between two fetches because of a key that nobody knows: a flood of made-up ids must not become one of fetches. */
const COOLDOWN = 30_000;
/** Between two attempts while the issuer fails, doubled each time. */
const RETRY = { first: 1000, most: 30_000 };

export interface PublishedKeysOptions {
  readonly url: string;
  readonly allowPrivate: boolean;
  readonly ca: Buffer | undefined;
  readonly algorithms: readonly Algorithm[] | undefined;
}

type PublishedKeysTools = Pick<Tools, "clock" | "ticker" | "log" | "metrics">;

export class PublishedKeys {
  /** Grows when the keys change: what was verified with others has to be verified again. */
  generation = 0;
  readonly #options: PublishedKeysOptions;
  readonly #tools: PublishedKeysTools;
  /** For the log: without the query, which may hold a secret. */
  readonly #place: string;
  readonly #good: CounterSeries;
  readonly #failed: CounterSeries;
  readonly #unsubscribe: () => void;
  #keys: KeySet | null = null;
  #content: Buffer | null = null;
  /** All by the monotonic clock. */
  #refreshAt = Number.NEGATIVE_INFINITY;
  #usableUntil = Number.NEGATIVE_INFINITY;
  #retryAt = Number.NEGATIVE_INFINITY;
  #startedAt = Number.NEGATIVE_INFINITY;
  #failures = 0;
  #closed = false;
  #current: { readonly fetching: Fetching; readonly done: Promise<void> } | null = null;

  constructor(options: PublishedKeysOptions, tools: PublishedKeysTools) {
    this.#options = options;
    this.#tools = tools;
    const fetches = tools.metrics.counter(
      "turnpike_jwks_fetches_total",
      "Fetches of the keys that an issuer publishes.",
      ["host", "outcome"],
    );
    const { host, origin, pathname } = new URL(options.url);
    this.#place = origin + pathname;
    this.#good = fetches.with({ host, outcome: "ok" });
    this.#failed = fetches.with({ host, outcome: "failed" });
    this.#unsubscribe = tools.ticker.subscribe((now) => this.#tick(now));
  }

  /**
   * The key that suits: at once where it is known.
   *
   * @throws TokenRefusal where there is none, GatewayError AUTH_UNAVAILABLE where that cannot be told.
   */
  find(alg: string, kid: string | undefined): CryptoKey | Promise<CryptoKey> {
    const now = this.#tools.clock.now();
    this.#refreshIfDue(now);
    return this.#usable(now)?.find(alg, kid) ?? this.#findFresh(alg, kid, now);
  }

  close(): void {
    this.#closed = true;
    this.#unsubscribe();
    this.#current?.fetching.cancel(new Error("the gateway needs the keys no more"));
  }

  async #findFresh(alg: string, kid: string | undefined, now: number): Promise<CryptoKey> {
    if (this.#usable(now) !== null && this.#current === null && now - this.#startedAt >= COOLDOWN)
      this.#fetch(now);
    await this.#current?.done;
    const keys = this.#usable(this.#tools.clock.now());
    const key = keys?.find(alg, kid) ?? null;
    if (key !== null) return key;
    // A client that is told its token is bad throws it away: not while the key for it may only be out of reach.
    if (keys === null || this.#failures > 0) throw this.#unavailable();
    throw new TokenRefusal("the issuer publishes no one key that suits alg and kid");
  }

  #usable(now: number): KeySet | null {
    return now < this.#usableUntil ? this.#keys : null;
  }

  #unavailable(): GatewayError {
    const wait = Math.max(1, Math.ceil((this.#retryAt - this.#tools.clock.now()) / 1000));
    return new GatewayError("AUTH_UNAVAILABLE", { headers: { "Retry-After": String(wait) } });
  }

  #tick(now: number): void {
    if (this.#current !== null && now - this.#startedAt >= TIMEOUT)
      this.#current.fetching.cancel(new Error(`no answer within ${TIMEOUT} ms`));
    this.#refreshIfDue(now);
  }

  #refreshIfDue(now: number): void {
    if (this.#current === null && now >= this.#refreshAt && now >= this.#retryAt) this.#fetch(now);
  }

  #fetch(now: number): void {
    this.#startedAt = now;
    const { url, allowPrivate, ca } = this.#options;
    const fetching = fetchDocument({ url: new URL(url), allowPrivate, ca, most: MOST_BYTES });
    const done = fetching.result
      .then(({ content, cacheControl }) => this.#take(content, cacheControl))
      .catch((error: unknown) => this.#miss(error as Error))
      .finally(() => {
        this.#current = null;
      });
    this.#current = { fetching, done };
  }

  #take(content: Buffer, cacheControl: string): void {
    if (this.#content?.equals(content) !== true) {
      this.#keys = this.#read(content);
      this.#content = content;
      this.generation += 1;
    }
    const now = this.#tools.clock.now();
    const lifetime = lifetimeOf(cacheControl);
    // Early enough for another try before anybody notices.
    this.#refreshAt = now + lifetime * 0.8;
    this.#usableUntil = now + lifetime + STALE;
    this.#retryAt = now;
    this.#good.add();
    if (this.#failures > 0) this.#tools.log.info({ url: this.#place }, "the keys of an issuer are back");
    this.#failures = 0;
  }

  #miss(error: Error): void {
    if (this.#closed) return;
    this.#retryAt = this.#tools.clock.now() + Math.min(RETRY.first * 2 ** this.#failures, RETRY.most);
    this.#failures += 1;
    this.#failed.add();
    this.#tools.log.warn({ url: this.#place, reason: error.message }, "cannot fetch the keys of an issuer");
  }

  /** Keys that are not for us (encryption, other algorithms) are common and no mistake. */
  #read(content: Buffer): KeySet {
    const jwks = (readJson(content) as { readonly keys?: unknown } | null)?.keys;
    if (!Array.isArray(jwks)) throw new Error("the answer is no JWK Set");
    if (jwks.length > MOST_KEYS) throw new Error(`the answer has more than ${MOST_KEYS} keys`);
    const reasons: string[] = [];
    const keys = jwks.flatMap((jwk: unknown): TrustedKey[] => {
      try {
        return [trustJwk(jwk, undefined, this.#options.algorithms)];
      } catch (thrown) {
        reasons.push((thrown as Error).message);
        return [];
      }
    });
    if (keys.length === 0)
      this.#tools.log.warn({ url: this.#place, reasons }, "an issuer publishes no key that can be used");
    return new KeySet(keys);
  }
}

/** `max-age` (RFC 9111 §5.2.2.1), within bounds; what must not be stored is kept for the least time. */
function lifetimeOf(cacheControl: string): number {
  const lower = cacheControl.toLowerCase();
  if (/\bno-(?:store|cache)\b/.test(lower)) return LIFETIME.least;
  const seconds = /\bmax-age="?(\d{1,9})/.exec(lower)?.[1];
  if (seconds === undefined) return LIFETIME.standard;
  return Math.min(Math.max(Number(seconds) * 1000, LIFETIME.least), LIFETIME.most);
}
