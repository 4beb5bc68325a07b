import type { Body, BodyReader } from "../../core/body.ts";
import type { GatewayError } from "../../core/errors.ts";
import type { Headers } from "../../core/headers.ts";

/** A body on its way, and somebody who wants to know when it is over, in whatever way. */
export class WatchedBody implements Body, BodyReader {
  readonly #body: Body;
  readonly #over: () => void;
  #reader: BodyReader | null = null;

  constructor(body: Body, over: () => void) {
    this.#body = body;
    this.#over = over;
  }

  get size(): number | undefined {
    return this.#body.size;
  }

  get bytes(): Buffer | undefined {
    return this.#body.bytes;
  }

  get limit(): number {
    return this.#body.limit;
  }

  set limit(bytes: number) {
    this.#body.limit = bytes;
  }

  read(reader: BodyReader): void {
    this.#reader = reader;
    this.#body.read(this);
  }

  pause(): void {
    this.#body.pause();
  }

  resume(): void {
    this.#body.resume();
  }

  cancel(): void {
    this.#body.cancel();
    this.#over();
  }

  data(chunk: Buffer): void {
    this.#reader?.data(chunk);
  }

  end(trailers: Headers | null): void {
    this.#over();
    this.#reader?.end(trailers);
  }

  error(error: GatewayError): void {
    this.#over();
    this.#reader?.error(error);
  }
}
