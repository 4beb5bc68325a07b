import type { Socket } from "node:net";
import { Duplex } from "node:stream";

/** A socket without a network: what is pushed arrives in exactly the pieces pushed, what is written is kept. */
export class MemorySocket extends Duplex {
  readonly written: Buffer[] = [];
  reset = false;

  constructor() {
    super({ allowHalfOpen: true });
    this.on("error", () => {});
  }

  /** For what takes a `net.Socket`: it has what of one is used here. */
  get socket(): Socket {
    return this as unknown as Socket;
  }

  get output(): string {
    return Buffer.concat(this.written).toString("latin1");
  }

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.written.push(chunk);
    done();
  }

  /** Each piece in a packet of its own. The bytes are copied: a decoder may move what it was given. */
  arrive(pieces: readonly string[]): void {
    for (const piece of pieces) {
      if (this.destroyed) return;
      this.push(Buffer.from(piece, "latin1"));
    }
  }

  finish(): void {
    if (!this.destroyed) this.push(null);
  }

  destroySoon(): void {
    if (this.writable) this.end();
    if (this.writableFinished) this.destroy();
    else this.once("finish", () => this.destroy());
  }

  resetAndDestroy(): this {
    this.reset = true;
    return this.destroy();
  }

  setNoDelay(): this {
    return this;
  }

  setKeepAlive(): this {
    return this;
  }

  setTimeout(): this {
    return this;
  }

  ref(): this {
    return this;
  }

  unref(): this {
    return this;
  }
}

/** One turn of the event loop: all that was written or pushed in memory has arrived. */
export function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
