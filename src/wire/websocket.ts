/**
 * An upgraded connection: bytes go through untouched, both ways, at the speed of the slower side.
 *
 * The frames are only looked at from outside (RFC 6455 §5.2: header, length, skip), so that where one end goes
 * or the gateway stops, a Close frame can be put between two frames instead of cutting the other end off. A stream
 * that does not look like WebSocket frames is passed all the same, and nothing is ever added to it.
 */
import type { Duplex } from "node:stream";
import type { Tunnel, TunnelEnded } from "../core/reply.ts";

/** RFC 6455 §7.4.1. */
const GOING_AWAY = 1001;
const INTERNAL_ERROR = 1011;
/** How long the ends may take to answer a Close frame of ours. */
const CLOSE_MS = 2_000;

export interface TunnelOptions {
  /** Milliseconds without a byte either way. */
  readonly idle: number;
  now(): number;
}

export function openTunnel(
  client: Duplex,
  upstream: Duplex,
  fromClient: Buffer,
  fromUpstream: Buffer,
  options: TunnelOptions,
  ended: TunnelEnded,
): Tunnel {
  const up = new Direction(client, upstream, true);
  const down = new Direction(upstream, client, false);
  let lastByte = options.now();
  let closing = 0;
  let over = false;

  const end = () => {
    if (over) return;
    over = true;
    client.destroy();
    upstream.destroy();
    ended(up.bytes, down.bytes);
  };
  for (const direction of [up, down]) {
    direction.start(
      () => {
        lastByte = options.now();
      },
      () => {
        // One end has said all it will; without a Close frame the other must not wait for one.
        if (!direction.closed) direction.appendClose(direction === down ? INTERNAL_ERROR : GOING_AWAY);
        direction.to.end();
        closing = options.now();
      },
      end,
      () => {
        // A FIN one way can make that end cut off what it is still sending the other way.
        if (!up.finished || !down.finished) return;
        up.to.end();
        down.to.end();
      },
    );
  }
  if (fromUpstream.length > 0) down.pass(fromUpstream);
  if (fromClient.length > 0) up.pass(fromClient);

  return {
    sweep(now) {
      if (
        closing > 0
          ? now - closing >= CLOSE_MS && (up.finished || down.finished)
          : now - lastByte >= options.idle
      ) {
        end();
      }
    },
    drain() {
      if (over || closing > 0) return;
      up.closeBehindFrame(GOING_AWAY);
      down.closeBehindFrame(GOING_AWAY);
      closing = options.now();
    },
  };
}

/** One of the two ways through the tunnel. */
class Direction {
  bytes = 0;
  /** Nothing more will be passed this way. */
  finished = false;
  readonly from: Duplex;
  readonly to: Duplex;
  readonly #frames: FrameBoundary;
  readonly #masked: boolean;
  /** Set when this way is to be closed as soon as a frame ends. */
  #closeCode = 0;
  #progress: () => void = () => {};
  #finishing: () => void = () => {};

  constructor(from: Duplex, to: Duplex, masked: boolean) {
    this.from = from;
    this.to = to;
    this.#masked = masked;
    this.#frames = new FrameBoundary(masked);
  }

  /** A Close frame has passed, or was put in. */
  get closed(): boolean {
    return this.#frames.closed;
  }

  start(progress: () => void, ended: () => void, failed: () => void, finishing: () => void): void {
    this.#progress = progress;
    this.#finishing = finishing;
    this.from.on("data", (chunk: Buffer) => this.pass(chunk));
    this.from.on("end", () => {
      if (this.finished) return;
      ended();
      this.finished = true;
    });
    this.from.on("error", () => {});
    this.from.on("close", failed);
    this.to.on("drain", () => this.from.resume());
    this.from.resume();
  }

  pass(chunk: Buffer): void {
    this.#progress();
    if (this.finished || this.to.destroyed) return;
    const taken = this.#frames.push(chunk, this.#closeCode > 0);
    this.bytes += taken;
    if (!this.to.write(taken < chunk.length ? chunk.subarray(0, taken) : chunk)) this.from.pause();
    if (this.#closeCode > 0) this.closeBehindFrame(this.#closeCode);
  }

  /** Ends this way with a Close frame, where the frame that is passing ends. */
  closeBehindFrame(code: number): void {
    this.#closeCode = code;
    if (!this.#frames.between && !this.#frames.opaque) return;
    this.appendClose(code);
    this.finish();
  }

  /** Only between two frames of something that looks like WebSocket, and only once. */
  appendClose(code: number): void {
    if (!this.#frames.between || this.closed || this.finished || this.to.destroyed) return;
    this.#frames.closed = true;
    this.to.write(closeFrame(code, this.#masked));
  }

  finish(): void {
    if (this.finished) return;
    this.finished = true;
    this.#finishing();
  }
}

/** Close with a status code; from a client it must be masked (RFC 6455 §5.3), and a mask of zero is a mask. */
function closeFrame(code: number, masked: boolean): Buffer {
  const payload = [code >> 8, code & 0xff];
  return Buffer.from(masked ? [0x88, 0x82, 0, 0, 0, 0, ...payload] : [0x88, 0x02, ...payload]);
}

/** RSV2 and RSV3, which no registered extension uses; RSV1 marks a compressed message (RFC 7692). */
const UNUSED_BITS = 0x30;

/** Follows the frames of one direction without keeping any of their bytes. */
class FrameBoundary {
  closed = false;
  #opaque = false;
  #header: number[] = [];
  #skip = 0;
  readonly #masked: boolean;

  constructor(masked: boolean) {
    this.#masked = masked;
  }

  /** Not WebSocket: nothing can be said of its frames. */
  get opaque(): boolean {
    return this.#opaque;
  }

  get between(): boolean {
    return !this.#opaque && this.#header.length === 0 && this.#skip === 0;
  }

  /** Returns how much it has looked at: all, or up to the end of the first frame that ends here. */
  push(chunk: Buffer, oneFrame: boolean): number {
    let at = 0;
    while (at < chunk.length && !this.#opaque) {
      if (oneFrame && at > 0 && this.between) return at;
      if (this.#skip > 0) {
        const step = Math.min(this.#skip, chunk.length - at);
        this.#skip -= step;
        at += step;
      } else {
        this.#header.push(chunk[at++] as number);
        this.#readHeader();
      }
    }
    return chunk.length;
  }

  #readHeader(): void {
    const [first, second] = this.#header;
    if (first === undefined) return;
    const opcode = first & 0x0f;
    if ((opcode > 2 && opcode < 8) || opcode > 10 || (first & UNUSED_BITS) !== 0) this.#opaque = true;
    if (second === undefined) return;
    // RFC 6455 §5.1: a client masks, a server does not.
    if (second >> 7 !== (this.#masked ? 1 : 0)) this.#opaque = true;
    const short = second & 0x7f;
    // RFC 6455 §5.5: control frames are short and not fragmented.
    if (opcode >= 8 && (short > 125 || first >> 7 === 0)) this.#opaque = true;
    const extended = short === 126 ? 2 : short === 127 ? 8 : 0;
    const length = 2 + extended + (this.#masked ? 4 : 0);
    if (this.#header.length < length) return;
    this.#skip =
      extended === 0 ? short : this.#header.slice(2, 2 + extended).reduce((sum, byte) => sum * 256 + byte, 0);
    if (opcode === 8) this.closed = true;
    this.#header = [];
  }
}
