import { closeSync, constants, fstatSync, openSync, write, writeSync } from "node:fs";
import { codeOf } from "./json-text.ts";
import { formatLogLine } from "./log-line.ts";

/** Where lines go. */
export interface LogSink {
  /** Takes one line with its line feed. Never throws and never waits. */
  write(line: string): void;
  /** Lines that were given up because the reader was slower than the traffic, or gone. */
  readonly dropped: number;
  /** Opens the file anew, after a rotation has moved it away. Nothing to do for `stdout` and `stderr`. */
  reopen(): void;
  /** Hands everything to the kernel now. Called by itself when the process or worker exits. */
  flushSync(): void;
  /** Resolves when all lines are with the kernel, or given up. */
  close(): Promise<void>;
}

/**
 * Opens `stdout`, `stderr` or a file for lines; throws if the file cannot be opened.
 *
 * On `fs.write` and not on `pino.destination` (sonic-boom 4.2), because that one keeps the process from ever exiting
 * once the reader of stdout is gone (its `flushSync` repeats a write that fails with EPIPE for ever), does not flush
 * at the end of a worker, and measures its whole buffer again for every line.
 */
export function openAccessLog(to: string): LogSink {
  return new FileSink(to);
}

/** A line may wait so long for company. */
const FLUSH_EVERY = 100;
/** What may wait for a slow reader, in each thread. Beyond it lines are dropped: the log must not eat the memory. */
const MAX_WAITING = 8 * 1024 * 1024;
const FILE_CHUNK = 64 * 1024;
/** What the kernel keeps in one piece, so that lanes sharing a stdout do not mix their lines: PIPE_BUF (pipe(7)) … */
const PIPE_CHUNK = 4096;
/** … and one buffer of a Unix socket, which is what a supervisor's "pipe" often is. */
const SOCKET_CHUNK = 32 * 1024;
/** A full pipe is emptied in milliseconds. */
const PIPE_RETRY = 5;
/** 100 × 20 ms, 20 × 100 ms: how long the end of the process waits for a reader that does not read. */
const SYNC_ATTEMPTS = 100;
const SYNC_PAUSE = 20;
const CLOSING_TICKS = 20;

/** One listener for all: a process that opens many in its life would be warned of a leak. */
const open = new Set<LogSink>();

function flushedAtExit(sink: LogSink): void {
  if (open.size === 0) process.on("exit", flushAll);
  open.add(sink);
}

function forget(sink: LogSink): void {
  open.delete(sink);
  if (open.size === 0) process.off("exit", flushAll);
}

function flushAll(): void {
  for (const sink of open) sink.flushSync();
}

class FileSink implements LogSink {
  dropped = 0;
  /** Null for stdout and stderr, which are neither reopened nor closed. */
  readonly #path: string | null;
  #fd: number;
  #chunkSize: number;
  /** The same pipe again, never blocking; -1 if there is none. */
  readonly #quick: number;
  /** Whole lines: being collected, waiting to be written, and on their way. */
  #collecting: Buffer = NOTHING;
  #collected = 0;
  readonly #waiting: Buffer[] = [];
  #chunk: Buffer | null = null;
  #sent = 0;
  /** Characters in all three. */
  #size = 0;
  /** The kernel refused the rest of `#chunk` for now (EAGAIN, ENOSPC …); a timer tries again. */
  #stalled = false;
  #retry: NodeJS.Timeout | undefined;
  /** Nobody will ever read this (EPIPE). */
  #broken = false;
  /** Dropped lines that the log does not mention yet. */
  #unreported = 0;
  /** Takes over from `#fd` when the chunk under way is done. */
  #reopened: number | null = null;
  #closing = false;
  readonly #closed = Promise.withResolvers<void>();
  #ticksLeft = Number.POSITIVE_INFINITY;
  readonly #timer: NodeJS.Timeout;

  constructor(to: string) {
    this.#path = to === "stdout" || to === "stderr" ? null : to;
    this.#fd = this.#path === null ? (to === "stdout" ? 1 : 2) : openFile(this.#path);
    this.#chunkSize = chunkSizeOf(this.#fd);
    this.#quick = fstatSync(this.#fd).isFIFO() ? openAgain(this.#fd) : -1;
    this.#timer = setInterval(() => this.#tick(), FLUSH_EVERY);
    this.#timer.unref();
    flushedAtExit(this);
  }

  write(line: string): void {
    if (this.#broken || this.#closing || this.#size + line.length > MAX_WAITING) {
      this.dropped += 1;
      this.#unreported += 1;
      return;
    }
    this.#size += line.length;
    this.#collect(line);
  }

  reopen(): void {
    if (this.#path === null || this.#closing) return;
    let fd: number;
    try {
      fd = openFile(this.#path);
    } catch (error) {
      // The old file is better than none.
      this.write(formatLogLine(Date.now(), "error", { cause: error }, "the log file could not be reopened"));
      return;
    }
    if (this.#reopened !== null) closeSync(this.#reopened);
    this.#reopened = fd;
    this.#broken = false;
    if (this.#chunk === null || this.#stalled) this.#switch();
  }

  flushSync(): void {
    if (this.#broken || this.#fd === -1) return;
    const fd = this.#quick === -1 ? this.#fd : this.#quick;
    try {
      // A chunk that is on its way in the thread pool cannot be called back; libuv sees to it at exit.
      if (this.#stalled && this.#chunk !== null) writeFully(fd, this.#chunk.subarray(this.#sent));
      for (const chunk of this.#waiting) writeFully(fd, chunk);
      writeFully(fd, this.#collecting.subarray(0, this.#collected));
    } catch {
      // Nobody left to tell. What matters is that the process can end.
    }
    if (this.#stalled) this.#finishChunk();
    this.#waiting.length = 0;
    this.#collected = 0;
    this.#size = this.#chunk?.length ?? 0;
  }

  close(): Promise<void> {
    if (this.#closing) return this.#closed.promise;
    this.#reportDropped();
    this.#closing = true;
    this.#ticksLeft = CLOSING_TICKS;
    // While lines are waiting for a stalled reader, this is the only thing that keeps the process going.
    this.#timer.ref();
    this.#handOver();
    return this.#closed.promise;
  }

  #tick(): void {
    this.#ticksLeft -= 1;
    if (this.#ticksLeft < 0) this.#giveUp();
    else if (this.#stalled && this.#retry === undefined) this.#pump();
    else if (this.#chunk === null) {
      this.#reportDropped();
      this.#handOver();
    }
  }

  /**
   * Bytes at once, and not text until the chunk is full: thousands of pieces of lines that are kept for milliseconds
   * cost more to collect as garbage than to copy. Lines are ASCII, so a character is a byte.
   */
  #collect(line: string): void {
    if (this.#collected + line.length > this.#collecting.length) {
      this.#handOver();
      this.#collecting = Buffer.allocUnsafeSlow(Math.max(this.#chunkSize, line.length));
    }
    this.#collected += this.#collecting.write(line, this.#collected, "latin1");
  }

  /** What was collected is now waiting, and is written unless something else is. */
  #handOver(): void {
    if (this.#collected > 0) this.#waiting.push(this.#collecting.subarray(0, this.#collected));
    this.#collecting = NOTHING;
    this.#collected = 0;
    if (this.#chunk === null) this.#pump();
  }

  /** Writes what is waiting, until it is with the kernel or under way. */
  #pump(): void {
    this.#stalled = false;
    for (let chunk = this.#current(); chunk !== null; chunk = this.#current()) {
      if (this.#quick === -1) {
        write(this.#fd, chunk, this.#sent, chunk.length - this.#sent, null, this.#written);
        return;
      }
      if (!this.#pushed(chunk)) return;
    }
    if (this.#closing) this.#end();
  }

  /** The chunk that is not written yet, or the next. */
  #current(): Buffer | null {
    if (this.#chunk !== null) return this.#chunk;
    const chunk = this.#waiting.shift();
    if (chunk === undefined) return null;
    this.#chunk = chunk;
    this.#sent = 0;
    return this.#chunk;
  }

  /** False if the pipe takes nothing more for now. */
  #pushed(chunk: Buffer): boolean {
    try {
      this.#sent += writeSync(this.#quick, chunk, this.#sent);
    } catch (error) {
      this.#refused(error);
      return false;
    }
    if (this.#sent === chunk.length) this.#finishChunk();
    return true;
  }

  readonly #written = (error: NodeJS.ErrnoException | null, bytes: number): void => {
    if (error !== null) {
      this.#refused(error);
      return;
    }
    this.#sent += bytes;
    if (this.#sent === this.#chunk?.length) this.#finishChunk();
    if (this.#chunk === null && this.#reopened !== null) this.#switch();
    this.#pump();
  };

  #finishChunk(): void {
    this.#size -= this.#chunk?.length ?? 0;
    this.#chunk = null;
    this.#stalled = false;
  }

  #refused(error: unknown): void {
    if (hasCode(error, "EPIPE")) {
      this.#giveUp();
      return;
    }
    this.#stalled = true;
    if (this.#reopened !== null) this.#switch();
    if (this.#quick !== -1) this.#retry ??= setTimeout(this.#tryAgain, PIPE_RETRY).unref();
  }

  readonly #tryAgain = (): void => {
    this.#retry = undefined;
    if (this.#stalled) this.#pump();
  };

  /** From the moved file to the new one. What the old one refused goes to the new one. */
  #switch(): void {
    if (this.#reopened === null) return;
    closeSync(this.#fd);
    this.#fd = this.#reopened;
    this.#chunkSize = chunkSizeOf(this.#fd);
    this.#reopened = null;
    if (this.#stalled) this.#pump();
  }

  /** Past the limit, so that the gap is mentioned even while it grows. */
  #reportDropped(): void {
    if (this.#unreported === 0 || this.#broken) return;
    const fields = { count: this.#unreported };
    const line = formatLogLine(Date.now(), "warn", fields, "log lines were dropped: the reader is too slow");
    this.#unreported = 0;
    this.#size += line.length;
    this.#collect(line);
  }

  #giveUp(): void {
    this.#broken = this.#reopened === null;
    this.#chunk = null;
    this.#stalled = false;
    this.#waiting.length = 0;
    this.#collected = 0;
    this.#size = 0;
    this.#switch();
    if (this.#closing) this.#end();
  }

  #end(): void {
    if (this.#fd === -1) return;
    clearInterval(this.#timer);
    forget(this);
    if (this.#path !== null) closeSync(this.#fd);
    if (this.#quick !== -1) closeSync(this.#quick);
    this.#fd = -1;
    this.#closed.resolve();
  }
}

/** Lines hold addresses of people: not for everyone on the machine. */
const openFile = (path: string): number => openSync(path, "a", 0o640);

function chunkSizeOf(fd: number): number {
  const stat = fstatSync(fd);
  return stat.isFIFO() ? PIPE_CHUNK : stat.isSocket() ? SOCKET_CHUNK : FILE_CHUNK;
}

/**
 * A descriptor of our own that does not block is written to from here, without waiting for anybody. A pipe takes only
 * small pieces, and a trip through the thread pool for each would cost more than making its lines (16 µs); and
 * with a reader that has stopped, four lanes would block all of the pool's threads, and name lookups with them.
 * Linux only, and not where the pipe belongs to another user: -1.
 */
function openAgain(fd: number): number {
  try {
    return openSync(`/proc/self/fd/${fd}`, constants.O_WRONLY | constants.O_NONBLOCK);
  } catch {
    return -1;
  }
}

function writeFully(fd: number, bytes: Buffer): void {
  let attempts = 0;
  for (let sent = 0; sent < bytes.length; ) {
    try {
      sent += writeSync(fd, bytes, sent);
    } catch (error) {
      attempts += 1;
      if (!hasCode(error, "EAGAIN") || attempts > SYNC_ATTEMPTS) throw error;
      Atomics.wait(NEVER_NOTIFIED, 0, 0, SYNC_PAUSE);
    }
  }
}

const NOTHING = Buffer.alloc(0);
const NEVER_NOTIFIED = new Int32Array(new SharedArrayBuffer(4));

const hasCode = (error: unknown, code: string): boolean => error instanceof Error && codeOf(error) === code;
