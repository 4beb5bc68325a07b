import type { Body, BodyReader } from "./body.ts";
import type { GatewayError } from "./errors.ts";
import type { Headers } from "./headers.ts";
import type { Reply } from "./reply.ts";

/** Whoever keeps a copy of what passes by. Exactly one of the two comes, once, unless `drop` was called before. */
export interface CopyKeeper {
  /** The message is over and whole. The copy is the keeper's own memory; null where there was no body. */
  whole(copy: Buffer | null): void;
  /** There is no copy: too large, not whole, or not wanted by its reader. */
  none(): void;
  /** The reader is slower than the sender, so the copy will take as long as the reader. May be called again. */
  slow?(): void;
  /** The reader has gone: true if the rest shall be read for the copy alone. */
  outlives?(): boolean;
}

/**
 * Memory for copies of bodies on their way: a reader that stands still must not hold as much as he likes of it, nor a
 * thousand of them together. Who finds none left goes without a copy.
 */
export class CopyRoom {
  #left: number;

  /** `most` in bytes. */
  constructor(most: number) {
    this.#left = most;
  }

  take(bytes: number): boolean {
    if (bytes > this.#left) return false;
    this.#left -= bytes;
    return true;
  }

  giveBack(bytes: number): void {
    this.#left += bytes;
  }
}

/**
 * A reply that is passed on as it comes while a copy is kept, of up to `limit` bytes and as long as there is `room`. What
 * is here already is copied at once; a larger one passes untouched and the memory is given back.
 */
export function copied(reply: Reply, limit: number, keeper: CopyKeeper, room: CopyRoom): Reply {
  const { body } = reply;
  if (body === null) {
    keeper.whole(null);
    return reply;
  }
  if ((body.size ?? 0) > limit || (body.bytes?.length ?? 0) > limit) {
    keeper.none();
    return reply;
  }
  if (body.bytes !== undefined) {
    keeper.whole(ownBytes([body.bytes], body.bytes.length));
    return reply;
  }
  return { ...reply, body: new CopiedBody(body, limit, keeper, room) };
}

/** Not from the pool that Node cuts small buffers of: one that is kept would keep all its neighbours. */
function ownBytes(chunks: readonly Buffer[], size: number): Buffer {
  const own = Buffer.allocUnsafeSlow(size);
  let at = 0;
  for (const chunk of chunks) {
    own.set(chunk, at);
    at += chunk.length;
  }
  return own;
}

class CopiedBody implements Body, BodyReader {
  readonly size: number | undefined;
  readonly bytes = undefined;
  readonly #body: Body;
  readonly #most: number;
  readonly #room: CopyRoom;
  #keeper: CopyKeeper | null;
  #reader: BodyReader | null = null;
  #chunks: Buffer[] = [];
  #copied = 0;
  #read = false;

  constructor(body: Body, most: number, keeper: CopyKeeper, room: CopyRoom) {
    this.#body = body;
    this.#most = most;
    this.#keeper = keeper;
    this.#room = room;
    this.size = body.size;
  }

  get limit(): number {
    return this.#body.limit;
  }

  set limit(limit: number) {
    this.#body.limit = limit;
  }

  read(reader: BodyReader): void {
    this.#reader = reader;
    this.#read = true;
    this.#body.read(this);
  }

  pause(): void {
    this.#body.pause();
    this.#keeper?.slow?.();
  }

  resume(): void {
    this.#body.resume();
  }

  cancel(): void {
    this.#reader = null;
    if (this.#keeper?.outlives?.() === true) {
      this.#goOnAlone();
      return;
    }
    this.#giveUp();
    this.#body.cancel();
  }

  #goOnAlone(): void {
    if (this.#read) {
      this.#body.resume();
      return;
    }
    this.#read = true;
    this.#body.read(this);
  }

  data(chunk: Buffer): void {
    if (this.#keeper !== null) this.#keep(chunk);
    this.#reader?.data(chunk);
  }

  #keep(chunk: Buffer): void {
    if (this.#copied + chunk.length <= this.#most && this.#room.take(chunk.length)) {
      this.#copied += chunk.length;
      // The chunk is lent: its memory is used again after the call.
      this.#chunks.push(Buffer.from(chunk));
      return;
    }
    this.#giveUp();
    if (this.#reader === null) this.#body.cancel();
  }

  end(trailers: Headers | null): void {
    // First the copy: whoever has seen the end of the answer may ask again at once.
    const chunks = this.#chunks;
    const size = this.#copied;
    this.#leave()?.whole(ownBytes(chunks, size));
    this.#reader?.end(trailers);
  }

  error(error: GatewayError): void {
    this.#giveUp();
    this.#reader?.error(error);
  }

  #giveUp(): void {
    this.#leave()?.none();
  }

  /** Nothing is copied from now on. Who is to be told of it; null where he has been. */
  #leave(): CopyKeeper | null {
    const keeper = this.#keeper;
    this.#keeper = null;
    this.#chunks = [];
    this.#room.giveBack(this.#copied);
    this.#copied = 0;
    return keeper;
  }
}
