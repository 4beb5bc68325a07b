import type { Body, BodyReader } from "../../core/body.ts";
import type { GatewayError } from "../../core/errors.ts";
import type { Headers } from "../../core/headers.ts";

/**
 * All of an answer's body, or, where it turns out to be larger than `most` bytes, a body with the same bytes that has yet
 * to be read. Trailers of what is taken whole are dropped.
 *
 * @throws GatewayError what the sender did wrong: what came is not the whole.
 */
export function takeIn(body: Body, most: number): Buffer | Body | Promise<Buffer | Body> {
  if (body.bytes !== undefined) return body.bytes.length > most ? body : body.bytes;
  if (body.size !== undefined && body.size > most) return body;
  return new Promise((resolve, reject) => {
    body.read(new Intake(body, most, resolve, reject));
  });
}

/** Reads a body until it ends, or until it is too large: then it is itself a body, with what was read in front. */
class Intake implements BodyReader, Body {
  readonly size: number | undefined;
  readonly bytes = undefined;
  readonly #source: Body;
  readonly #most: number;
  readonly #taken: (whole: Buffer | Body) => void;
  readonly #failed: (error: GatewayError) => void;
  #chunks: Buffer[] = [];
  #length = 0;
  #tooLarge = false;
  /** Of what is too large. */
  #reader: BodyReader | null = null;
  #paused = false;
  #flowing = false;
  /** What came last, while the reader was not there or not ready. */
  #last: ((reader: BodyReader) => void) | null = null;

  constructor(
    source: Body,
    most: number,
    taken: (whole: Buffer | Body) => void,
    failed: (error: GatewayError) => void,
  ) {
    this.size = source.size;
    this.#source = source;
    this.#most = most;
    this.#taken = taken;
    this.#failed = failed;
  }

  get limit(): number {
    return this.#source.limit;
  }

  set limit(bytes: number) {
    this.#source.limit = bytes;
  }

  // ---------------------------------------------------------------- BodyReader, of the source

  data(chunk: Buffer): void {
    if (this.#reader !== null && !this.#paused && this.#chunks.length === 0) {
      this.#reader.data(chunk);
      return;
    }
    this.#chunks.push(Buffer.from(chunk));
    this.#length += chunk.length;
    if (this.#tooLarge || this.#length <= this.#most) return;
    this.#tooLarge = true;
    this.#source.pause();
    this.#taken(this);
  }

  end(trailers: Headers | null): void {
    if (this.#tooLarge) this.#finish((reader) => reader.end(trailers));
    else this.#taken(Buffer.concat(this.#chunks));
  }

  error(error: GatewayError): void {
    if (this.#tooLarge) this.#finish((reader) => reader.error(error));
    else this.#failed(error);
  }

  #finish(last: (reader: BodyReader) => void): void {
    this.#last = last;
    if (this.#reader !== null) this.#flow(this.#reader);
  }

  // ---------------------------------------------------------------- Body, for whoever reads what is too large

  read(reader: BodyReader): void {
    this.#reader = reader;
    this.#flow(reader);
  }

  pause(): void {
    this.#paused = true;
    this.#source.pause();
  }

  resume(): void {
    this.#paused = false;
    if (this.#reader !== null) this.#flow(this.#reader);
  }

  cancel(): void {
    this.#chunks = [];
    this.#last = null;
    this.#source.cancel();
  }

  /** What was read before comes first, no faster than the reader takes it. */
  #flow(reader: BodyReader): void {
    if (this.#flowing) return;
    this.#flowing = true;
    for (let chunk = this.#next(); chunk !== undefined; chunk = this.#next()) reader.data(chunk);
    this.#flowing = false;
    if (this.#paused) return;
    const last = this.#last;
    this.#last = null;
    if (last === null) this.#source.resume();
    else last(reader);
  }

  #next(): Buffer | undefined {
    return this.#paused ? undefined : this.#chunks.shift();
  }
}
