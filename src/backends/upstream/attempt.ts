import type { Socket } from "node:net";
import type { Body } from "../../core/body.ts";
import type { Call } from "../../core/call.ts";
import type { GatewayError } from "../../core/errors.ts";
import type { Headers } from "../../core/headers.ts";
import type { ResponseHead } from "../../wire/http1/head.ts";
import type { UpstreamConnection, UpstreamExchange } from "../../wire/http1/upstream-connection.ts";
import type { BreakerResult } from "./breaker/api.ts";
import type { ForwardingContext } from "./context.ts";
import type { Member } from "./targets/member.ts";

/** RFC 9112 §9.3.2: these may be pipelined. Not HEAD: its answer ends the connection. */
const SAFE: ReadonlySet<string> = new Set(["GET", "OPTIONS"]);

const NONE: readonly string[] = [];

/** Whoever wants to know what becomes of an attempt: exactly one of the first three, once. */
export interface AttemptOwner {
  onAnswer(attempt: Attempt, head: ResponseHead, body: Body | null): void;
  onUpgrade(attempt: Attempt, head: ResponseHead, socket: Socket, early: Buffer): void;
  /** `unsent`: no byte of it has left. */
  onFailure(attempt: Attempt, error: GatewayError, unsent: boolean): void;
  /** The head to send it with once more, though a byte of it may have left; null where it must not be. */
  onRepetition(attempt: Attempt): string | null;
}

/** One attempt of a call at one target, with the permit of the target's circuit. */
export class Attempt implements UpstreamExchange {
  head = "";
  readonly method: string;
  readonly body: Body | null;
  readonly replayable: boolean;
  readonly pipelinable: boolean;
  readonly wantsUpgrade: boolean;
  cancelled = false;
  attempts = 0;
  connection: UpstreamConnection | null = null;
  readonly member: Member;
  readonly startedAt: number;
  readonly #call: Call;
  readonly #context: ForwardingContext;
  readonly #owner: AttemptOwner;
  readonly #permit: number;
  /** Sent on a second connection, after a byte of it may have left on the first. */
  #repeated = false;
  #ended = false;

  /** `replayable`: sending it twice does no harm. */
  constructor(
    call: Call,
    replayable: boolean,
    context: ForwardingContext,
    owner: AttemptOwner,
    member: Member,
    permit: number,
    now: number,
  ) {
    const { method, body, upgrade } = call.request;
    this.method = method;
    this.body = body;
    this.wantsUpgrade = upgrade !== null;
    this.replayable = replayable;
    this.pipelinable = body === null && SAFE.has(method) && !this.wantsUpgrade;
    this.member = member;
    this.startedAt = now;
    this.#call = call;
    this.#context = context;
    this.#owner = owner;
    this.#permit = permit;
    context.targets.started(member);
  }

  send(head: string): void {
    this.head = head;
    this.member.pool.dispatch(this);
  }

  /** What it has come to, for its target and the target's circuit, who are told once. */
  end(result: BreakerResult, now: number): void {
    if (this.#ended) return;
    this.#ended = true;
    const { breaker } = this.member;
    if (breaker !== null) breaker.settle(this.#permit, result, now - this.startedAt, now);
    this.#context.targets.ended(this.member, result, this.#call);
  }

  /** Gives it up, or the rest of its answer. Returns whether a byte of it may have left. */
  cancel(): boolean {
    const sent = this.member.pool.cancel(this) || this.#repeated;
    if (sent) {
      this.#call.reached = true;
      this.#call.lost = true;
    }
    return sent;
  }

  onInterim(status: number, headers: Headers): void {
    for (const name of headers.nominated ?? NONE) headers.delete(name);
    this.#call.exchange.interim(status, headers);
  }

  onResponse(head: ResponseHead, body: Body | null): void {
    this.#call.reached = true;
    this.#owner.onAnswer(this, head, body);
  }

  onUpgrade(head: ResponseHead, socket: Socket, early: Buffer): void {
    this.#call.reached = true;
    this.#owner.onUpgrade(this, head, socket, early);
  }

  onError(error: GatewayError, unsentHere: boolean): void {
    const unsent = unsentHere && !this.#repeated;
    if (!unsent) this.#call.reached = true;
    this.#owner.onFailure(this, error, unsent);
  }

  mayRepeat(): boolean {
    const head = this.#owner.onRepetition(this);
    if (head === null) return false;
    this.#call.reached = true;
    this.#call.lost = true;
    this.#repeated = true;
    this.head = head;
    return true;
  }
}
