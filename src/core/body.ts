import type { GatewayError } from "./errors.ts";
import type { Headers } from "./headers.ts";

/**
 * The bytes of a message on their way: read once, by one reader.
 *
 * Push with explicit pause, not a Node stream and not an async iterator: most bodies are already here when
 * the head is parsed (`bytes`), and those that are not are moved from socket to socket without a promise per chunk.
 */
export interface Body {
  /** Length in bytes where the sender declared it; undefined where only the end will tell. */
  readonly size: number | undefined;
  /** Everything, if it is already here. Reading it does not use the body up. */
  readonly bytes: Buffer | undefined;
  /** Bytes that may come; one more ends the flow with PAYLOAD_TOO_LARGE. Checked while it flows, not for `bytes`. */
  limit: number;
  /** Starts the flow. Called at most once; the first chunks may arrive before it returns. */
  read(reader: BodyReader): void;
  /** Back pressure: no `data` until `resume`. Chunks already being handed over may still come. */
  pause(): void;
  resume(): void;
  /** The rest is not wanted. No further call to the reader. May be called instead of `read`. */
  cancel(): void;
}

/** Exactly one of `end` and `error` comes last. */
export interface BodyReader {
  /** The chunk is lent: its memory is used again after the call. Who keeps it copies it. */
  data(chunk: Buffer): void;
  end(trailers: Headers | null): void;
  /** The sender failed or broke a rule: what has come is not the whole message and must not be passed off as it. */
  error(error: GatewayError): void;
}

/** A body that is wholly in memory. Whoever keeps `bytes` beyond the call copies them. */
export class BytesBody implements Body {
  readonly size: number;
  readonly bytes: Buffer;
  limit = Number.POSITIVE_INFINITY;
  /** The memory that `bytes` is a part of, if the wire lent it: valid until the message is sent, then used again. */
  readonly lent: Buffer | null;

  constructor(bytes: Buffer, lent: Buffer | null = null) {
    this.bytes = bytes;
    this.lent = lent;
    this.size = bytes.length;
  }

  read(reader: BodyReader): void {
    if (this.size > 0) reader.data(this.bytes);
    reader.end(null);
  }

  pause(): void {}
  resume(): void {}
  cancel(): void {}
}
