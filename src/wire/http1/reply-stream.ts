import type { Body, BodyReader } from "../../core/body.ts";
import type { Call } from "../../core/call.ts";
import type { GatewayError } from "../../core/errors.ts";
import { type Headers, Kind } from "../../core/headers.ts";
import type { ByteStream } from "../byte-stream.ts";
import { chunkHead, lastChunk } from "./chunked.ts";
import { writeTogether } from "./write.ts";

/** After how long a silence, and how often, a client that sent FIN is asked whether it is still there. */
export const PROBE_MS = 250;
export const PROBES = 2;

/** Moves an answer's body to the socket, at the speed of the slower of the two. */
export class ReplyStream implements BodyReader {
  readonly #stream: ByteStream;
  readonly #call: Call;
  readonly #body: Body;
  readonly #chunked: boolean;
  readonly #ended: (failed: boolean) => void;
  /** The head, until it goes out together with the first bytes. */
  #head: string;
  #paused = false;
  #over = false;
  #lastBytes = 0;
  #quietFrom = 0;
  #zeros = 0;

  constructor(
    stream: ByteStream,
    call: Call,
    body: Body,
    head: string,
    chunked: boolean,
    ended: (failed: boolean) => void,
  ) {
    this.#stream = stream;
    this.#call = call;
    this.#body = body;
    this.#head = head;
    this.#chunked = chunked;
    this.#ended = ended;
  }

  start(): void {
    this.#body.read(this);
    // No bytes yet: the head must not wait for them.
    if (this.#head !== "" && !this.#over) this.#write("");
  }

  #write(text: string): boolean {
    const all = this.#head + text;
    this.#head = "";
    return all === "" ? true : this.#stream.write(all);
  }

  data(chunk: Buffer): void {
    this.#call.outcome.bytesOut += chunk.length;
    const head = this.#head + (this.#chunked ? chunkHead(chunk.length) : "");
    this.#head = "";
    const room = writeTogether(this.#stream, head, chunk, this.#chunked ? "\r\n" : "");
    if (!room && !this.#paused) {
      this.#paused = true;
      this.#body.pause();
    }
  }

  end(trailers: Headers | null): void {
    this.#over = true;
    if (!this.#write(this.#chunked ? lastChunk(this.#wantsTrailers() ? trailers : null) : ""))
      this.#paused = true;
    this.#ended(false);
  }

  error(error: GatewayError): void {
    this.#over = true;
    this.#call.failed(error);
    this.#ended(true);
  }

  /** The client has not taken yet what was written last. */
  get clogged(): boolean {
    return this.#paused;
  }

  drained(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#body.resume();
  }

  /** The client has gone. */
  abandon(): void {
    this.#over = true;
    this.#body.cancel();
  }

  /** Writes what changes nothing, after a silence: a leading zero of the size of the next chunk. */
  probe(now: number): void {
    if (!this.#chunked || this.#over) return;
    if (this.#call.outcome.bytesOut !== this.#lastBytes || this.#quietFrom === 0) {
      this.#lastBytes = this.#call.outcome.bytesOut;
      this.#quietFrom = now;
      this.#zeros = 0;
    } else if (now - this.#quietFrom >= PROBE_MS && this.#zeros < PROBES) {
      this.#quietFrom = now;
      this.#zeros++;
      this.#stream.write("0");
    }
  }

  /** RFC 9110 §6.5.1: trailers only for a client that said it reads them. */
  #wantsTrailers(): boolean {
    if ((this.#call.request.headers.kinds & Kind.te) === 0) return false;
    return this.#call.request.headers
      .all("te")
      .some((value) => /(?:^|,)\s*trailers\s*(?:,|;|$)/i.test(value));
  }
}
