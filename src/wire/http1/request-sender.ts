import type { Body, BodyReader } from "../../core/body.ts";
import type { GatewayError } from "../../core/errors.ts";
import type { ByteStream } from "../byte-stream.ts";
import { chunkHead, lastChunk } from "./chunked.ts";
import { writeTogether } from "./write.ts";

/** Moves a request's body to the origin, at the speed of the slower of the two. */
export class RequestSender implements BodyReader {
  done = false;
  readonly #stream: ByteStream;
  readonly #body: Body;
  readonly #chunked: boolean;
  readonly #sent: (error: GatewayError | null) => void;
  #head: string;
  #paused = false;
  #stuckAt = -1;
  #stuckSince = 0;

  constructor(stream: ByteStream, head: string, body: Body, sent: (error: GatewayError | null) => void) {
    this.#stream = stream;
    this.#head = head;
    this.#body = body;
    this.#chunked = body.size === undefined;
    this.#sent = sent;
  }

  start(): void {
    this.#body.read(this);
    if (this.#head !== "" && !this.done) this.#write("");
  }

  #write(text: string): void {
    const all = this.#head + text;
    this.#head = "";
    if (all !== "") this.#stream.write(all);
  }

  data(chunk: Buffer): void {
    const before = this.#head + (this.#chunked ? chunkHead(chunk.length) : "");
    this.#head = "";
    const room = writeTogether(this.#stream, before, chunk, this.#chunked ? "\r\n" : "");
    if (!room && !this.#paused) {
      this.#paused = true;
      this.#body.pause();
    }
  }

  end(): void {
    this.done = true;
    // Request trailers are dropped (HTTP-27).
    this.#write(this.#chunked ? lastChunk(null) : "");
    this.#sent(null);
  }

  error(error: GatewayError): void {
    this.#sent(error);
  }

  drained(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#body.resume();
  }

  /** Bytes wait and none has been taken for so long. */
  stuck(now: number, limit: number): boolean {
    const pending = this.#stream.pending;
    const left = pending === 0 ? -1 : pending;
    if (left !== this.#stuckAt || left === -1) {
      this.#stuckAt = left;
      this.#stuckSince = now;
      return false;
    }
    return now - this.#stuckSince >= limit;
  }
}
