/**
 * Looks at the frames of a client before nghttp2 gets them: what they cost, and how many fields they carry.
 *
 * nghttp2 bounds memory. What it does not bound is work: a client that opens and resets streams, or sends frames that ask
 * for nothing, keeps a thread busy for next to no bytes of its own (CVE-2023-44487, CVE-2019-9512 … 9518).
 */
import { Budget } from "./budget.ts";
import { FieldCounter } from "./field-counter.ts";

/** RFC 9113 §3.4. */
export const PREFACE = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "latin1");

const Frame = { data: 0, headers: 1, reset: 3, continuation: 9 } as const;
const END_STREAM = 0x1;
const PADDED = 0x8;
const PRIORITY = 0x20;
const FRAME_HEADER = 9;

/** Streams that a client takes back: a person who scrolls, but not a flood. */
const RESETS = { burst: 200, perSecond: 20 };
/** Frames that move nothing: PING, SETTINGS, PRIORITY, WINDOW_UPDATE, empty DATA, unknown ones. */
const CONTROL = { burst: 1000, perSecond: 100 };
/** What an answer gives the client cause for: a WINDOW_UPDATE or two for each small DATA frame, a PING now and then. */
const BYTES_OUT_FOR_A_FRAME = 32;
/** And what a request does: settings, priority, window. */
const FRAMES_FOR_A_REQUEST = 4;
/** CONTINUATION frames of one header block; nghttp2 takes eight. */
const CONTINUATIONS = 8;
/** Requests that nghttp2 has refused and that nobody will ask for. */
const UNCLAIMED = 1000;

export class FrameMeter {
  readonly #resets: Budget;
  readonly #control: Budget;
  readonly #blockLimit: number;
  #preface = PREFACE.length;
  readonly #header = Buffer.alloc(FRAME_HEADER);
  #headerBytes = 0;
  #payload = 0;
  #type = -1;
  /** Of a HEADERS frame: bytes before the fragment that are still to come, and padding behind it. */
  #before = 0;
  #padding = 0;
  #padded = false;
  #stream = 0;
  #lastStream = 0;
  /** The header block opens a stream. */
  #opens = false;
  #block: FieldCounter | null = null;
  #blockBytes = 0;
  #continuations = 0;
  readonly #fields = new Map<number, number>();

  /** `blockLimit`: bytes of a compressed header block. */
  constructor(blockLimit: number, now: number) {
    this.#blockLimit = blockLimit;
    this.#resets = new Budget(RESETS.burst, RESETS.perSecond, now);
    this.#control = new Budget(CONTROL.burst, CONTROL.perSecond, now);
  }

  /** Why the connection has to end, or null. */
  push(chunk: Buffer, now: number): string | null {
    let at = Math.min(this.#preface, chunk.length);
    this.#preface -= at;
    while (at < chunk.length) {
      if (this.#payload > 0) {
        const end = Math.min(chunk.length, at + this.#payload);
        if (this.#block !== null && this.#readBlock(this.#block, chunk, at, end))
          return "The header block is too large.";
        this.#payload -= end - at;
        at = end;
        continue;
      }
      this.#header[this.#headerBytes++] = chunk[at++] as number;
      if (this.#headerBytes < FRAME_HEADER) continue;
      this.#headerBytes = 0;
      const complaint = this.#startFrame(now);
      if (complaint !== null) return complaint;
    }
    return null;
  }

  /** What was sent to the client. */
  sent(bytes: number): void {
    this.#control.earn(bytes / BYTES_OUT_FOR_A_FRAME);
  }

  /** How many fields the head of that request had. Asked once, in the order of the streams. */
  fieldsOf(stream: number): number {
    const count = this.#fields.get(stream) ?? -1;
    for (const id of this.#fields.keys()) {
      if (id > stream) break;
      this.#fields.delete(id);
    }
    return count;
  }

  #startFrame(now: number): string | null {
    const header = this.#header;
    const flags = header[4] as number;
    this.#payload = header.readUIntBE(0, 3);
    this.#type = header[3] as number;
    this.#stream = header.readUInt32BE(5) & 0x7fffffff;
    switch (this.#type) {
      case Frame.headers:
        return this.#startBlock(flags);
      case Frame.continuation:
        this.#before = 0;
        this.#padding = 0;
        return ++this.#continuations > CONTINUATIONS ? "There are too many CONTINUATION frames." : null;
      case Frame.reset:
        this.#block = null;
        return this.#resets.spend(now) ? null : "Too many streams were reset.";
      case Frame.data:
        this.#block = null;
        if (this.#payload > 0 || (flags & END_STREAM) !== 0) return null;
    }
    this.#block = null;
    return this.#control.spend(now) ? null : "There are too many frames that ask for nothing.";
  }

  #startBlock(flags: number): string | null {
    this.#padded = (flags & PADDED) !== 0;
    this.#padding = 0;
    this.#before = (this.#padded ? 1 : 0) + ((flags & PRIORITY) !== 0 ? 5 : 0);
    this.#continuations = 0;
    this.#blockBytes = 0;
    this.#block = new FieldCounter();
    this.#control.earn(FRAMES_FOR_A_REQUEST);
    // A second head on a stream is trailers, which go nowhere.
    this.#opens = this.#stream > this.#lastStream;
    if (this.#opens) this.#lastStream = this.#stream;
    return this.#fields.size > UNCLAIMED ? "Too many requests were refused." : null;
  }

  /** True when it has become too large. */
  #readBlock(block: FieldCounter, chunk: Buffer, from: number, end: number): boolean {
    let at = from;
    let left = this.#payload;
    for (; this.#before > 0 && at < end; at++, left--) {
      if (this.#padded) this.#padding = chunk[at] as number;
      this.#padded = false;
      this.#before--;
    }
    const fragment = Math.max(0, Math.min(end - at, left - this.#padding));
    this.#blockBytes += fragment;
    block.push(chunk, at, at + fragment);
    if (this.#opens) this.#fields.set(this.#stream, block.count);
    return this.#blockBytes > this.#blockLimit;
  }
}
