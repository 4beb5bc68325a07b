/**
 * The bytes of a socket, with as little as possible between them and the kernel.
 *
 * `net.Socket` is a Duplex: every chunk passes through two state machines made for streams in general, and every
 * read gets 64 KiB of fresh memory. That was a third of the CPU of a proxied request. `HandleStream` therefore reads
 * and writes on the socket's own handle and leaves everything else (connecting, errors, end, close) to the socket.
 *
 * The handle is not public API. What is used of it (`onread`, `useUserBuffer`, `write*`, and `stream_wrap`'s
 * `WriteWrap`) has been the same since Node 12, and is looked for before it is used: where it is missing, under
 * TLS, and with `TURNPIKE_PORTABLE_SOCKETS=1`, `SocketStream` does the same with public API only. Both pass the same
 * tests; `docs/decisions/0004-handle-streams.md` has the figures.
 */
import type { Socket } from "node:net";
import { type HeldChunk, holdChunk, releaseChunk, takeChunk } from "./chunk-memory.ts";

/** Whoever reads the bytes. End and errors come as the socket's own events. */
export interface StreamOwner {
  onData(chunk: Buffer): void;
  /** After a write returned false: there is room again. */
  onDrain(): void;
}

export interface ByteStream {
  /** Latin1 text. False when the other end is slower than we are: wait for `onDrain`. */
  write(text: string): boolean;
  writeBytes(bytes: Buffer): boolean;
  pause(): void;
  resume(): void;
  /** Bytes that the kernel has not taken. */
  readonly pending: number;
  /** Those of them that have not even been handed over: what is destroyed with the socket now never left. */
  readonly unsent: number;
  /** Sends FIN behind everything written. */
  end(): void;
  /** RST, behind what the kernel takes at once: the other end must not mistake what it has for all there is. */
  reset(): void;
  /** From now on somebody else reads the bytes. */
  handOver(owner: StreamOwner): void;
  /** Stops delivering to the owner: from now on the socket is an ordinary one. */
  release(): void;
}

/** Above this a writer has to wait (reliability.md §2: 64 KiB each way). */
const HIGH_WATER = 64 * 1024;
const READ_BYTES = 64 * 1024;

/** `socket` must be connected. */
export function openByteStream(socket: Socket, owner: StreamOwner): ByteStream {
  const handle = nativeHandle(socket);
  return handle === null || native === null
    ? new SocketStream(socket, owner)
    : new HandleStream(socket, handle, native, owner);
}

/** What is used of Node's `stream_wrap` binding. */
interface NativeStreams {
  readonly WriteWrap: new () => WriteRequest;
  readonly streamBaseState: Int32Array;
  readonly kReadBytesOrError: number;
  readonly kLastWriteWasAsync: number;
}

interface WriteRequest {
  oncomplete: ((status: number) => void) | null;
  /** Keeps the bytes alive until they are written. */
  bytes: Buffer | null;
  held: HeldChunk | null;
}

interface NativeHandle {
  onread: (arrayBuffer: ArrayBuffer | undefined) => unknown;
  reading: boolean;
  readonly writeQueueSize: number;
  readStart(): number;
  readStop(): number;
  useUserBuffer(buffer: Buffer): void;
  writeLatin1String(request: WriteRequest, text: string): number;
  writeBuffer(request: WriteRequest, bytes: Buffer): number;
}

const native = loadNativeStreams();

function loadNativeStreams(): NativeStreams | null {
  if (process.env["TURNPIKE_PORTABLE_SOCKETS"] === "1") return null;
  try {
    const binding = (process as unknown as { binding(name: string): Partial<NativeStreams> }).binding(
      "stream_wrap",
    );
    const { WriteWrap, streamBaseState, kReadBytesOrError, kLastWriteWasAsync } = binding;
    if (WriteWrap === undefined || streamBaseState === undefined) return null;
    if (kReadBytesOrError === undefined || kLastWriteWasAsync === undefined) return null;
    return { WriteWrap, streamBaseState, kReadBytesOrError, kLastWriteWasAsync };
  } catch {
    return null;
  }
}

function nativeHandle(socket: Socket): NativeHandle | null {
  if ("encrypted" in socket) return null;
  const handle = (socket as unknown as { _handle?: Partial<NativeHandle> | null })._handle;
  const complete =
    typeof handle?.useUserBuffer === "function" &&
    typeof handle.writeLatin1String === "function" &&
    typeof handle.writeBuffer === "function" &&
    typeof handle.onread === "function" &&
    typeof handle.readStart === "function" &&
    typeof handle.readStop === "function" &&
    typeof handle.writeQueueSize === "number";
  return complete ? (handle as NativeHandle) : null;
}

/**
 * All sockets of a thread read into this one buffer; a chunk is copied out before anybody sees it. A copy of what
 * came is cheaper than new memory for what might have come.
 */
const readBuffer = Buffer.allocUnsafeSlow(READ_BYTES);

/** What has been written in this turn of the event loop and goes out at its end. */
const unsent: HandleStream[] = [];

/**
 * All sockets are read before any is written to. Each write makes the kernel wake whoever reads; in one burst it finds
 * them awake, and several messages for one socket (pipelining) are one system call. Measured: 0.84 of the CPU.
 */
function sendAll(): void {
  for (const stream of unsent) stream.flush();
  unsent.length = 0;
}

/** Node writes text of this size from its stack; more is not worth waiting for. */
const GATHER_BYTES = 16 * 1024;

class HandleStream implements ByteStream {
  readonly #socket: Socket;
  readonly #handle: NativeHandle;
  readonly #native: NativeStreams;
  #owner: StreamOwner | null;
  /** Used again until a write could not be finished at once: only then does the kernel side keep it. */
  #request: WriteRequest;
  #mustDrain = false;
  #text = "";

  constructor(socket: Socket, handle: NativeHandle, streams: NativeStreams, owner: StreamOwner) {
    this.#socket = socket;
    this.#handle = handle;
    this.#native = streams;
    this.#owner = owner;
    this.#request = new streams.WriteWrap();
    const other = handle.onread;
    const { streamBaseState, kReadBytesOrError } = streams;
    handle.useUserBuffer(readBuffer);
    handle.onread = (arrayBuffer) => {
      const size = streamBaseState[kReadBytesOrError] as number;
      // End and errors are the socket's affair.
      if (size <= 0) return other.call(handle, arrayBuffer);
      const chunk = takeChunk(size);
      readBuffer.copy(chunk, 0, 0, size);
      if (this.#owner !== null) this.#owner.onData(chunk);
      else if (!socket.push(chunk)) this.pause();
      return undefined;
    };
  }

  get pending(): number {
    return this.#handle.writeQueueSize + this.#text.length;
  }

  get unsent(): number {
    return this.#text.length;
  }

  write(text: string): boolean {
    if (this.#text === "") {
      if (unsent.length === 0) setImmediate(sendAll);
      unsent.push(this);
    }
    this.#text += text;
    return this.#text.length < GATHER_BYTES ? !this.#mustDrain : this.flush();
  }

  flush(): boolean {
    const text = this.#text;
    this.#text = "";
    if (text === "" || this.#socket.destroyed) return true;
    return this.#written(this.#handle.writeLatin1String(this.#request, text), null);
  }

  writeBytes(bytes: Buffer): boolean {
    this.flush();
    if (this.#socket.destroyed || bytes.length === 0) return true;
    return this.#written(this.#handle.writeBuffer(this.#request, bytes), bytes);
  }

  #written(error: number, bytes: Buffer | null): boolean {
    if (error !== 0) {
      this.#fail();
      return true;
    }
    const { streamBaseState, kLastWriteWasAsync, WriteWrap } = this.#native;
    if (streamBaseState[kLastWriteWasAsync] === 0) return true;
    const request = this.#request;
    request.bytes = bytes;
    request.held = bytes === null ? null : holdChunk(bytes);
    request.oncomplete = (status) => this.#completed(request, status);
    this.#request = new WriteWrap();
    if (this.pending < HIGH_WATER) return true;
    this.#mustDrain = true;
    return false;
  }

  #completed(request: WriteRequest, status: number): void {
    request.bytes = null;
    request.oncomplete = null;
    if (request.held !== null) releaseChunk(request.held);
    if (status !== 0) {
      this.#fail();
    } else if (this.#mustDrain && this.pending < HIGH_WATER / 2) {
      this.#mustDrain = false;
      this.#owner?.onDrain();
    }
  }

  /** What the other end said before it stopped listening may still be unread: one turn of the loop for that. */
  #fail(): void {
    setImmediate(() => setImmediate(() => this.#socket.destroy()));
  }

  pause(): void {
    if (this.#socket.destroyed) return;
    this.#handle.reading = false;
    this.#handle.readStop();
  }

  resume(): void {
    if (this.#socket.destroyed) return;
    this.#handle.reading = true;
    this.#handle.readStart();
  }

  end(): void {
    this.flush();
    this.#socket.end();
  }

  reset(): void {
    this.flush();
    resetSocket(this.#socket);
  }

  handOver(owner: StreamOwner): void {
    this.#owner = owner;
  }

  release(): void {
    this.flush();
    this.#owner = null;
  }
}

class SocketStream implements ByteStream {
  readonly #socket: Socket;
  readonly #onData: (chunk: Buffer) => void;
  readonly #onDrain: () => void;

  #owner: StreamOwner;

  constructor(socket: Socket, owner: StreamOwner) {
    this.#socket = socket;
    this.#owner = owner;
    this.#onData = (chunk) => this.#owner.onData(chunk);
    this.#onDrain = () => this.#owner.onDrain();
    socket.on("data", this.#onData);
    socket.on("drain", this.#onDrain);
  }

  get pending(): number {
    return this.#socket.writableLength;
  }

  write(text: string): boolean {
    return this.#socket.destroyed || this.#socket.write(text, "latin1");
  }

  writeBytes(bytes: Buffer): boolean {
    if (this.#socket.destroyed) return true;
    const held = holdChunk(bytes);
    return held === null ? this.#socket.write(bytes) : this.#socket.write(bytes, () => releaseChunk(held));
  }

  get unsent(): number {
    return 0;
  }

  end(): void {
    this.#socket.end();
  }

  reset(): void {
    resetSocket(this.#socket);
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  handOver(owner: StreamOwner): void {
    this.#owner = owner;
  }

  release(): void {
    this.#socket.off("data", this.#onData);
    this.#socket.off("drain", this.#onDrain);
  }
}

/** libuv resets no socket that is being shut down, and Node then never closes it. */
function resetSocket(socket: Socket): void {
  if (socket.writableEnded) socket.destroy();
  else socket.resetAndDestroy();
}
