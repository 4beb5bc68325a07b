import type { Body } from "../../core/body.ts";
import type { Abortable, Call } from "../../core/call.ts";
import { type ErrorCode, GatewayError } from "../../core/errors.ts";
import type { FieldRules } from "../../core/kinds.ts";
import type { Reply } from "../../core/reply.ts";
import type { Clock } from "../../core/tools.ts";
import type { ResponseHead } from "../../wire/http1/head.ts";
import type { UpstreamConnection, UpstreamExchange } from "../../wire/http1/upstream-connection.ts";
import type { UpstreamPool } from "../../wire/http1/upstream-pool.ts";
import { markAnswer } from "./outcome.ts";

const SAFE: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS", "QUERY"]);

/** The thread has ended, or never was: what came of the request depends on how far it had got. */
const GONE: ReadonlySet<ErrorCode> = new Set([
  "UPSTREAM_UNREACHABLE",
  "UPSTREAM_CONNECT_TIMEOUT",
  "UPSTREAM_DISCONNECTED",
  "UPSTREAM_INVALID_RESPONSE",
]);

/** One call on its way to the service thread and back. */
export class ServiceExchange implements UpstreamExchange, Abortable {
  readonly head: string;
  readonly method: string;
  readonly body: Body | null;
  readonly replayable: boolean;
  readonly pipelinable = false;
  readonly wantsUpgrade = false;
  cancelled = false;
  attempts = 0;
  connection: UpstreamConnection | null = null;
  readonly #call: Call;
  readonly #pool: UpstreamPool;
  readonly #clock: Clock;
  readonly #answer: FieldRules;
  readonly #resolve: (reply: Reply) => void;
  readonly #reject: (error: GatewayError) => void;
  readonly #startedAt: number;
  /** It changes nothing, or its key sees to it that it does so once. */
  readonly #harmless: boolean;

  constructor(
    call: Call,
    head: string,
    { pool, clock, answer }: { pool: UpstreamPool; clock: Clock; answer: FieldRules },
    resolve: (reply: Reply) => void,
    reject: (error: GatewayError) => void,
  ) {
    const { method, body, headers } = call.request;
    this.head = head;
    this.method = method;
    this.body = body;
    this.#harmless = SAFE.has(method) || headers.has("idempotency-key");
    this.replayable = this.#harmless && (body === null || body.bytes !== undefined);
    this.#call = call;
    this.#pool = pool;
    this.#clock = clock;
    this.#answer = answer;
    this.#resolve = resolve;
    this.#reject = reject;
    this.#startedAt = clock.now();
  }

  start(): void {
    const call = this.#call;
    call.onAbort(this);
    if (this.cancelled) return;
    call.upstreamTarget = "service";
    call.attempts++;
    this.#pool.dispatch(this);
  }

  /** The client has gone. A write that the service has begun ends all the same. */
  abort(): void {
    if (this.#pool.cancel(this)) this.#call.reached = true;
  }

  onInterim(): void {
    // The service sends none.
  }

  onResponse({ status, headers }: ResponseHead, body: Body | null): void {
    const call = this.#call;
    call.reached = true;
    call.upstreamTime = this.#clock.now() - this.#startedAt;
    markAnswer(call, status, headers);
    for (const name of this.#answer.remove) headers.delete(name);
    for (const [name, value] of this.#answer.set) headers.set(name, value);
    this.#resolve({ status, headers, body });
  }

  onUpgrade(): void {
    // Never asked for, so the connection has refused it.
  }

  onError(error: GatewayError, unsent: boolean): void {
    if (!unsent) this.#call.reached = true;
    if (!GONE.has(error.code)) this.#reject(error);
    // Not only this attempt: one before it may have been carried out.
    else if (!this.#call.reached) this.#reject(unavailable(error));
    else if (this.#harmless) this.#reject(unavailable(error, INTERRUPTED));
    else this.#reject(new GatewayError("UPSTREAM_DISCONNECTED", { cause: error }));
  }

  mayRepeat(): boolean {
    this.#call.reached = true;
    return true;
  }
}

const INTERRUPTED = "The service was interrupted. Repeat the request as it is: nothing is done twice.";

function unavailable(cause: GatewayError, message?: string): GatewayError {
  return new GatewayError("SERVICE_UNAVAILABLE", {
    cause,
    headers: { "Retry-After": "1" },
    ...(message === undefined ? {} : { message }),
  });
}
