import { Duplex } from "node:stream";
import type { ByteStream } from "../byte-stream.ts";

/** Of what nghttp2 writes in one go, so much is put together for one system call. */
const TOGETHER = 64 * 1024;

type Written = (error?: Error | null) => void;

/** What `node:http2` takes for its socket: our byte stream, so that we see every frame before it does. */
export class Carrier extends Duplex {
  readonly #stream: ByteStream;
  readonly #sent: (bytes: number) => void;
  readonly #ended: () => void;
  /** The write that waits for room. */
  #waiting: Written | null = null;

  /** `sent` is told of bytes that go to the client, `ended` when nothing more will. */
  constructor(stream: ByteStream, sent: (bytes: number) => void, ended: () => void) {
    super({ autoDestroy: true, emitClose: true });
    this.#stream = stream;
    this.#sent = sent;
    this.#ended = ended;
    this.on("error", () => {});
  }

  drained(): void {
    const written = this.#waiting;
    this.#waiting = null;
    written?.();
  }

  received(chunk: Buffer): void {
    if (!this.destroyed && !this.push(chunk)) this.#stream.pause();
  }

  override _read(): void {
    this.#stream.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, written: Written): void {
    this.#send(chunk, written);
  }

  override _writev(chunks: { chunk: Buffer }[], written: Written): void {
    const size = chunks.reduce((sum, { chunk }) => sum + chunk.length, 0);
    const buffers = chunks.map(({ chunk }) => chunk);
    if (size > TOGETHER) {
      const last = buffers.pop() as Buffer;
      for (const buffer of buffers) this.#send(buffer, null);
      this.#send(last, written);
    } else {
      this.#send(Buffer.concat(buffers, size), written);
    }
  }

  #send(bytes: Buffer, written: Written | null): void {
    this.#sent(bytes.length);
    if (this.#stream.writeBytes(bytes)) written?.();
    else if (written !== null) this.#waiting = written;
  }

  override _final(written: Written): void {
    this.#ended();
    written();
  }

  override _destroy(error: Error | null, destroyed: Written): void {
    const written = this.#waiting;
    this.#waiting = null;
    written?.(error);
    this.#ended();
    destroyed(error);
  }
}
