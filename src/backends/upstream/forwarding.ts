/**
 * One call on its way through an upstream: a deadline, and attempts one after the other until one of them is answered
 * or nothing is left to try.
 *
 *     start ─▶ attempt ─▶ answer ──(a status that is not tried again)──────▶ resolved
 *              ▲   ▲  └─▶ failure ──(nothing may or can follow)────────────▶ rejected
 *              │   └───────┤ no byte had left: at once, to another target
 *              └── pause ◀─┘ otherwise: if it does no harm, if the budget has it, and in time
 */
import type { Socket } from "node:net";
import type { Body } from "../../core/body.ts";
import type { Abortable, Call } from "../../core/call.ts";
import { GatewayError } from "../../core/errors.ts";
import type { RetryReason, Target } from "../../core/kinds.ts";
import type { Reply } from "../../core/reply.ts";
import type { ResponseHead } from "../../wire/http1/head.ts";
import type { Sleeper } from "./alarms.ts";
import { Attempt, type AttemptOwner } from "./attempt.ts";
import type { BreakerResult } from "./breaker/api.ts";
import { isProbe } from "./breaker/breaker.ts";
import type { ForwardingContext } from "./context.ts";
import { didNothing, reasonOf, resultOf } from "./outcome.ts";
import { requestHead } from "./request-head.ts";
import { laterProvenance } from "./retry/attempt-fields.ts";
import { clientPatience } from "./retry/deadline.ts";
import type { Member } from "./targets/member.ts";
import { upgradeReply } from "./tunnel.ts";

/** RFC 9110 §9.2.2 and RFC 10008: repeating these does no harm. */
const IDEMPOTENT: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS", "PUT", "DELETE", "QUERY"]);

const NONE: readonly string[] = [];
const NOBODY: readonly Member[] = [];
const NEVER = Number.POSITIVE_INFINITY;
/** What an alarm may be early. */
const EARLY_MS = 1;
const HEADSTART_MS = 50;

export class Forwarding implements AttemptOwner, Sleeper, Abortable {
  due = NEVER;
  readonly #call: Call;
  readonly #context: ForwardingContext;
  readonly #resolve: (reply: Reply) => void;
  readonly #reject: (error: GatewayError) => void;
  /** The request is here as a whole, so it can be sent more than once. */
  readonly #whole: boolean;
  /** And that does no harm (RTY-1). */
  readonly #repeatable: boolean;
  /** The one under way, or that was answered; null between attempts. */
  #attempt: Attempt | null = null;
  /** Targets that have failed this call. */
  #tried: readonly Member[] = NOBODY;
  /** Attempts, without those that found out that a target cannot be reached where there was another one. */
  #made = 0;
  /** What was sent on a connection that had been closed goes to another target at once (RFC 9112 §9.3.1). */
  #moves = false;
  /** Of the upstream's circuit; 0 where there is none, or it has been given back. */
  #permit = 0;
  #startedAt = 0;
  #deadline = NEVER;
  /** The deadline is the client's: that it passes is not the service's fault. */
  #impatient = false;
  #over = false;

  constructor(
    call: Call,
    context: ForwardingContext,
    resolve: (reply: Reply) => void,
    reject: (error: GatewayError) => void,
  ) {
    const { method, body, upgrade } = call.request;
    this.#call = call;
    this.#context = context;
    this.#resolve = resolve;
    this.#reject = reject;
    this.#whole = (body === null || body.bytes !== undefined) && upgrade === null;
    const harmless = IDEMPOTENT.has(method) || (call.keyed && context.options.idempotent);
    this.#repeatable = harmless && this.#whole;
  }

  start(): void {
    const { circuits, tools } = this.#context;
    const now = tools.clock.now();
    this.#startedAt = now;
    this.#setDeadline(now);
    this.#call.onAbort(this);
    if (this.#over) return;
    if (circuits.ofCalls !== null) {
      this.#permit = circuits.ofCalls.admit(now);
      if (this.#permit === 0) {
        this.#refuse(now);
        return;
      }
    }
    if (now >= this.#deadline) {
      this.#fail(new GatewayError("DEADLINE_EXCEEDED"), "ignored", now);
      return;
    }
    this.#attemptOrRefuse(now);
  }

  /** `total` runs from here on, what the client allows from its request on; the earlier one holds (RTY-5). */
  #setDeadline(now: number): void {
    const own = now + inTime(this.#context.options.timeout.total);
    const clients = this.#call.startedAt + inTime(clientPatience(this.#call.request.headers));
    this.#impatient = clients < own;
    this.#deadline = Math.min(own, clients);
  }

  // ---------------------------------------------------------------- attempts

  #attemptOrRefuse(now: number): void {
    if (!this.#tryNext(now, false)) this.#refuse(now);
  }

  /** Sends the call to a target, only to one that has not failed it if so wished; false where there is none. */
  #tryNext(now: number, elsewhere: boolean): boolean {
    const { alarms, retries } = this.#context;
    const attempt = this.#admit(now, elsewhere);
    if (attempt === null) return false;
    const call = this.#call;
    if (!elsewhere) this.#made++;
    if (retries !== null && this.#made === 1 && this.#tried === NOBODY) retries.count(now);
    this.#attempt = attempt;
    call.upstreamTarget = attempt.member.target.url;
    call.attempts++;
    let head: string;
    try {
      head = this.#head(attempt.member.target);
    } catch (error) {
      attempt.end("ignored", now);
      this.#fail(GatewayError.from(error), "ignored", now);
      return true;
    }
    // How long an upload takes is the client's affair.
    const perTry = retries !== null && this.#whole ? now + retries.perTry : NEVER;
    this.due = Math.min(perTry, this.#deadline);
    if (this.due < NEVER) alarms.set(this);
    attempt.send(head);
    return true;
  }

  /** An attempt at the next target whose circuit lets it pass; null where all refuse. */
  #admit(now: number, elsewhere: boolean): Attempt | null {
    const call = this.#call;
    const { targets, options, circuits } = this.#context;
    let tried = this.#tried;
    for (let left = options.targets.length; left > 0; left--) {
      const member = targets.pick(call, tried, now);
      if (member === null && tried === this.#tried) circuits.countRefusal(now);
      if (member === null || (elsewhere && tried.includes(member))) return null;
      const permit = member.breaker === null ? 0 : member.breaker.admit(now);
      if (permit !== 0 || member.breaker === null) {
        if (isProbe(permit)) call.circuit = "probe";
        return new Attempt(call, this.#repeatable, this.#context, this, member, permit, now);
      }
      // It is the only one, or somebody else was its probe between the look and the asking.
      tried = [...tried, member];
    }
    return null;
  }

  #head(target: Target): string {
    const { options, forward, rewrite, tools } = this.#context;
    const call = this.#call;
    const provenance = this.#made > 1 ? laterProvenance(call.provenance, this.#made) : call.provenance;
    const host = hostFor(options.host, call, target);
    return requestHead(call, rewrite(call), host, forward.request, tools.pseudonym, provenance);
  }

  onRepetition({ member }: Attempt): string | null {
    const { circuits, retries, tools } = this.#context;
    if (!circuits.allowRepetition(member)) return null;
    const now = tools.clock.now();
    if (retries !== null && !retries.allowRepetition(this.#made, now)) return null;
    this.#made++;
    // The target may be dying, and another one is there.
    this.#moves = this.#hasOther(member, now);
    if (this.#moves) return null;
    this.#call.attempts++;
    return this.#head(member.target);
  }

  #hasOther(member: Member, now: number): boolean {
    const { targets, options } = this.#context;
    if (options.targets.length === 1) return false;
    const tried = [...this.#tried, member];
    const other = targets.pick(this.#call, tried, now);
    return other !== null && !tried.includes(other);
  }

  // ---------------------------------------------------------------- what becomes of them

  onAnswer(attempt: Attempt, head: ResponseHead, body: Body | null): void {
    const { circuits, forward } = this.#context;
    const { headers, status } = head;
    const result = circuits.resultOf(status);
    const now = this.#ended(attempt, result);
    const pause = this.#pauseAfter(head, now);
    if (pause !== null) {
      // To read to its end what nobody gets could take longer than a new connection.
      body?.cancel();
      if (!didNothing(status)) this.#call.lost = true;
      this.#again(attempt, pause, now);
      return;
    }
    for (const name of headers.nominated ?? NONE) headers.delete(name);
    for (const name of forward.response.remove) headers.delete(name);
    for (const [name, value] of forward.response.set) headers.set(name, value);
    this.#settle(result, now);
    this.#resolve({ status, headers, body });
  }

  onUpgrade(attempt: Attempt, head: ResponseHead, socket: Socket, early: Buffer): void {
    const { options, tools } = this.#context;
    const timing = { idle: options.timeout.tunnel, now: () => tools.clock.now() };
    let reply: Reply;
    try {
      reply = upgradeReply(this.#call, head, socket, early, timing);
    } catch (error) {
      this.onFailure(attempt, GatewayError.from(error), false);
      return;
    }
    this.#settle("success", this.#ended(attempt, "success"));
    this.#resolve(reply);
  }

  onFailure(attempt: Attempt, error: GatewayError, unsent: boolean): void {
    if (!unsent) this.#call.lost = true;
    const moves = this.#moves;
    this.#moves = false;
    // That a kept connection had been closed says nothing of the target.
    const result = moves ? "ignored" : resultOf(error);
    const now = this.#ended(attempt, result);
    const reason = reasonOf(error);
    if (reason !== null) {
      // Nothing has left for the dead target, so another one may have the call (RTY-10): also where what could not be
      // made was a second connection to it, after the first had been closed.
      const nothingLeft = unsent || (this.#repeatable && error.code === "UPSTREAM_UNREACHABLE");
      if ((nothingLeft || moves) && this.#context.options.targets.length > 1) {
        this.#hasTried(attempt.member);
        if (this.#tryNext(now, true)) return;
      }
      const pause = unsent || this.#repeatable ? this.#pauseBefore(reason, 0, now) : null;
      if (pause !== null) {
        this.#again(attempt, pause, now);
        return;
      }
    }
    this.#fail(error, result, now);
  }

  /** It is time: the pause is over, or the attempt, or the whole call. */
  wake(now: number): void {
    this.due = NEVER;
    const attempt = this.#attempt;
    if (attempt === null) {
      this.#attemptOrRefuse(now);
      return;
    }
    const waiting = attempt.connection === null;
    const sent = attempt.cancel();
    if (now + EARLY_MS >= this.#deadline) {
      const result = waiting || this.#impatient ? "ignored" : "failure";
      this.#ended(attempt, result);
      this.#fail(new GatewayError("DEADLINE_EXCEEDED"), result, now);
    } else if (waiting) {
      this.onFailure(attempt, new GatewayError("OVERLOADED", { headers: { "Retry-After": "1" } }), true);
    } else {
      const code = sent ? "UPSTREAM_TIMEOUT" : "UPSTREAM_CONNECT_TIMEOUT";
      this.onFailure(attempt, new GatewayError(code), !sent);
    }
  }

  /** The client went away, and whatever is under way says nothing about the service. */
  abort(): void {
    this.#attempt?.cancel();
    if (this.#over) return;
    const now = this.#context.tools.clock.now();
    this.#clearAlarm();
    this.#attempt?.end("ignored", now);
    this.#settle("ignored", now);
  }

  #ended(attempt: Attempt, result: BreakerResult): number {
    const now = this.#context.tools.clock.now();
    this.#clearAlarm();
    this.#call.upstreamTime = now - attempt.startedAt;
    attempt.end(result, now);
    return now;
  }

  #clearAlarm(): void {
    if (this.due === NEVER) return;
    this.due = NEVER;
    this.#context.alarms.clear(this);
  }

  // ---------------------------------------------------------------- once more

  /** Null where the answer is passed on. */
  #pauseAfter({ status, headers }: ResponseHead, now: number): number | null {
    const { retries } = this.#context;
    if (retries === null || !this.#repeatable || !retries.wants(status)) return null;
    return this.#pauseBefore(status, retries.leastPause(headers), now);
  }

  #pauseBefore(reason: RetryReason | number, least: number, now: number): number | null {
    const { circuits, retries } = this.#context;
    if (retries === null || !circuits.allowRetry()) return null;
    return retries.pause(reason, this.#made, least, this.#deadline - now, now);
  }

  #again({ member }: Attempt, pause: number, now: number): void {
    this.#hasTried(member);
    this.#attempt = null;
    if (pause < EARLY_MS) {
      this.#attemptOrRefuse(now);
      return;
    }
    this.due = now + pause;
    this.#context.alarms.set(this);
  }

  #hasTried(member: Member): void {
    if (!this.#tried.includes(member)) this.#tried = [...this.#tried, member];
  }

  // ---------------------------------------------------------------- the end

  #refuse(now: number): void {
    this.#call.circuit = "open";
    this.#fail(this.#context.circuits.refusal(now), "ignored", now);
  }

  #fail(error: GatewayError, result: BreakerResult, now: number): void {
    this.#settle(result, now);
    this.#reject(error);
  }

  #settle(result: BreakerResult, now: number): void {
    this.#over = true;
    const permit = this.#permit;
    if (permit === 0) return;
    this.#permit = 0;
    this.#context.circuits.ofCalls?.settle(permit, result, now - this.#startedAt, now);
  }
}

/** A little earlier: the answer is to be there by then, not on its way. */
const inTime = (duration: number): number => duration - Math.min(HEADSTART_MS, duration / 20);

function hostFor(
  rule: "preserve" | "target" | { readonly name: string },
  call: Call,
  target: Target,
): string {
  if (rule === "preserve" && call.request.host !== "") return call.request.host;
  if (typeof rule === "object") return rule.name;
  return new URL(target.url).host;
}
