/** Our `UpstreamConnection` on a socket in memory: what it takes a stream of bytes for, as answers. */
import type { Body } from "../../src/core/body.ts";
import type { GatewayError } from "../../src/core/errors.ts";
import type { Headers } from "../../src/core/headers.ts";
import type { ResponseHead } from "../../src/wire/http1/head.ts";
import {
  type ConnectionOwner,
  UpstreamConnection,
  type UpstreamExchange,
} from "../../src/wire/http1/upstream-connection.ts";
import { MemorySocket } from "./memory-socket.ts";
import type { Fields } from "./our-server.ts";

/** An answer that a parser took for one. The body may be the beginning of one only; latin1. */
export interface SeenResponse {
  readonly status: number;
  readonly fields: Fields;
  /** Interim answers before it, without 100, as `103 name: value`. */
  readonly interims: readonly string[];
  body: string;
  trailers: Fields;
  complete: boolean;
}

export interface OurResponses {
  /** In the order of the requests; stops at the first that was not answered. */
  readonly responses: SeenResponse[];
  /** What became of the rest, by request. */
  readonly failures: string[];
  readonly mistakes: string[];
  readonly socket: MemorySocket;
}

/** Asks one question for each method, all at once: with one method that is a plain connection, with more a pipeline. */
export function openOurClient(methods: readonly string[]): OurResponses {
  const socket = new MemorySocket();
  const result: OurResponses = { responses: [], failures: [], mistakes: [], socket };
  const connection = new UpstreamConnection(socket.socket, false, ownerOf(result));
  socket.emit("connect");
  for (const [index, method] of methods.entries()) connection.send(new Question(method, index, result));
  return result;
}

function ownerOf(result: OurResponses): ConnectionOwner {
  return {
    now: 0,
    timeout: { connect: 1e9, firstByte: 1e9, idle: 1e9 },
    keepAlive: 1e9,
    keepsToHead: false,
    surplus() {},
    released() {},
    lost() {},
    again(exchange) {
      (exchange as Question).settle("again");
      result.failures.push("again");
    },
  };
}

class Question implements UpstreamExchange {
  readonly head: string;
  readonly method: string;
  readonly body = null;
  readonly replayable = true;
  readonly pipelinable = true;
  readonly wantsUpgrade = false;
  cancelled = false;
  attempts = 0;
  connection: UpstreamConnection | null = null;
  readonly #index: number;
  readonly #result: OurResponses;
  readonly #interims: string[] = [];
  #settled = "";

  constructor(method: string, index: number, result: OurResponses) {
    this.method = method;
    this.#index = index;
    this.#result = result;
    this.head = `${method} / HTTP/1.1\r\nHost: a\r\n\r\n`;
  }

  mayRepeat(): boolean {
    return true;
  }

  settle(how: string): void {
    if (this.#settled !== "") this.#result.mistakes.push(`settled twice: ${this.#settled}, ${how}`);
    this.#settled = how;
  }

  onInterim(status: number, headers: Headers): void {
    this.#interims.push(interim(status, [...headers]));
  }

  onResponse(head: ResponseHead, body: Body | null): void {
    this.settle("response");
    const { responses, failures, mistakes } = this.#result;
    if (this.#index !== responses.length) mistakes.push("an answer to another question");
    const seen: SeenResponse = {
      status: head.status,
      fields: [...head.headers],
      interims: this.#interims,
      body: "",
      trailers: [],
      complete: body === null,
    };
    responses.push(seen);
    body?.read({
      data: (chunk) => {
        seen.body += chunk.toString("latin1");
      },
      end: (trailers) => {
        seen.complete = true;
        seen.trailers = trailers === null ? [] : [...trailers];
      },
      error: (error) => {
        this.#note(error);
        failures.push(`body ${error.code}`);
      },
    });
  }

  onUpgrade(): void {
    this.#result.mistakes.push("an upgrade that was not asked for");
  }

  onError(error: GatewayError): void {
    this.settle("error");
    this.#note(error);
    this.#result.failures.push(error.code);
  }

  #note(error: GatewayError): void {
    if (error.code === "INTERNAL_ERROR") this.#result.mistakes.push(`INTERNAL_ERROR: ${String(error.cause)}`);
  }
}

export function interim(status: number, fields: Fields): string {
  return `${status} ${fields.map(([name, value]) => `${name}: ${value}`).join(", ")}`;
}
