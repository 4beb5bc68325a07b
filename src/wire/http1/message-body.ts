import type { Body, BodyReader } from "../../core/body.ts";
import { GatewayError } from "../../core/errors.ts";
import type { Headers } from "../../core/headers.ts";
import { giveBackChunk } from "../chunk-memory.ts";
import type { ChunkedDecoder } from "./chunked.ts";

/** The connection that a body arrives on. */
export interface BodySource {
  /** The reader is there: from now on bytes are wanted. */
  bodyWanted(): void;
  bodyPaused(): void;
  bodyResumed(): void;
  /** Nobody will read the rest. */
  bodyCancelled(): void;
}

/**
 * A body that is still arriving, of a request or of a response: the connection pushes what it reads, one reader
 * takes it. Framing per RFC 9112 §6.3: chunked, a length, or (responses only) until the connection closes.
 */
export class MessageBody implements Body {
  readonly size: number | undefined;
  readonly bytes = undefined;
  limit = Number.POSITIVE_INFINITY;
  /** Decoded bytes so far. */
  received = 0;
  /** The last byte has come. */
  complete = false;
  /** When data last came or reading was last resumed, by the owner's clock: what its timeouts look at. */
  lastProgress = 0;
  #decoder: ChunkedDecoder | null;
  #source: BodySource;
  #reader: BodyReader | null = null;
  #waiting: Buffer[] | null = null;
  #trailers: Headers | null = null;
  #failure: GatewayError | null = null;
  #cancelled = false;
  #paused = false;

  constructor(source: BodySource, size: number | undefined, decoder: ChunkedDecoder | null) {
    this.#source = source;
    this.size = size;
    this.#decoder = decoder;
  }

  /** True while the reader could take bytes that have not come. */
  get wanting(): boolean {
    return this.#reader !== null && !this.#paused && !this.complete && !this.#cancelled;
  }

  /** True while bytes that come would only pile up: nobody reads yet, or the reader asked for a pause. */
  get idle(): boolean {
    return !this.complete && !this.#cancelled && (this.#reader === null || this.#paused);
  }

  get cancelled(): boolean {
    return this.#cancelled;
  }

  /** Takes what belongs to this body and returns what lies behind it, or null. */
  push(input: Buffer): Buffer | null {
    // A reader passes a chunk on or copies it: afterwards its memory is free for the next one.
    const read = this.#reader !== null;
    const rest = this.#decoder === null ? this.#pushPlain(input) : this.#pushChunked(this.#decoder, input);
    if (read && rest === null) giveBackChunk(input);
    return rest;
  }

  #pushPlain(input: Buffer): Buffer | null {
    const remaining = this.size === undefined ? input.length : this.size - this.received;
    const mine = input.length <= remaining ? input : input.subarray(0, remaining);
    this.#deliver(mine);
    if (this.size !== undefined && this.received === this.size) this.finish();
    return input.length > remaining ? input.subarray(remaining) : null;
  }

  #pushChunked(decoder: ChunkedDecoder, input: Buffer): Buffer | null {
    const { decoded, consumed } = decoder.decode(input, 0);
    if (decoded > 0) this.#deliver(input.subarray(0, decoded));
    if (!decoder.done) return null;
    this.#trailers = decoder.trailers;
    this.finish();
    return consumed < input.length ? input.subarray(consumed) : null;
  }

  #deliver(chunk: Buffer): void {
    this.received += chunk.length;
    if (this.#cancelled || this.#failure !== null) return;
    if (this.received > this.limit) {
      this.fail(new GatewayError("PAYLOAD_TOO_LARGE"));
      return;
    }
    if (this.#reader !== null) this.#reader.data(chunk);
    else if (this.#waiting === null) this.#waiting = [chunk];
    else this.#waiting.push(chunk);
  }

  /** The whole body in one piece, if that is how it came and it has no trailers. Uses the body up. */
  gathered(): Buffer | null {
    if (!this.complete || this.#failure !== null || (this.#trailers?.size ?? 0) > 0) return null;
    const waiting = this.#waiting ?? [];
    return waiting.length > 1 ? null : (waiting[0] ?? Buffer.alloc(0));
  }

  /** The end has come; for a body without a length the connection says so. */
  finish(): void {
    if (this.complete) return;
    this.complete = true;
    if (this.#cancelled || this.#failure !== null) return;
    this.#reader?.end(this.#trailers);
  }

  /** The rest will never come: the reader must not take what it has for the whole. */
  fail(error: GatewayError): void {
    if (this.complete || this.#failure !== null) return;
    this.#failure = error;
    if (!this.#cancelled) this.#reader?.error(error);
  }

  read(reader: BodyReader): void {
    this.#reader = reader;
    const waiting = this.#waiting;
    this.#waiting = null;
    if (this.received > this.limit && this.#failure === null) {
      // What came with the head was taken before anybody had set a limit.
      this.#failure = new GatewayError("PAYLOAD_TOO_LARGE");
    } else if (waiting !== null) {
      for (const chunk of waiting) reader.data(chunk);
    }
    if (this.#cancelled) return;
    if (this.#failure !== null) reader.error(this.#failure);
    else if (this.complete) reader.end(this.#trailers);
    else this.#source.bodyWanted();
  }

  pause(): void {
    if (this.#paused) return;
    this.#paused = true;
    if (!this.complete) this.#source.bodyPaused();
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    if (!this.complete) this.#source.bodyResumed();
  }

  cancel(): void {
    if (this.#cancelled) return;
    this.#cancelled = true;
    this.#waiting = null;
    if (!this.complete) this.#source.bodyCancelled();
  }
}
