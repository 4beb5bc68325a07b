import type { Duplex } from "node:stream";
import type { Body } from "./body.ts";
import type { GatewayError } from "./errors.ts";
import { Headers } from "./headers.ts";

/** The answer to a call. Trailers come with the end of the body. */
export interface Reply {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Body | null;
  /** Set where the gateway answers on its own behalf, so that outer policies need no `try`. */
  readonly error?: GatewayError;
  /** With status 101: takes over the client's socket, and the bytes that came behind the head. */
  readonly tunnel?: (client: Duplex, head: Buffer, ended: TunnelEnded) => Tunnel;
}

export type TunnelEnded = (bytesIn: number, bytesOut: number) => void;

/** An upgraded connection, as the client's side of the wire needs it. */
export interface Tunnel {
  /** Looks at its deadlines. */
  sweep(now: number): void;
  /** The gateway is stopping: says so to both ends where the protocol has words for it. */
  drain(): void;
}

export function emptyReply(status: number, fields: Readonly<Record<string, string>> = {}): Reply {
  return { status, headers: Headers.of(fields), body: null };
}
