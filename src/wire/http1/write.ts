import type { ByteStream } from "../byte-stream.ts";
import { giveBackChunk, takeChunk } from "../chunk-memory.ts";

/** Node writes a latin1 string of this size from the stack, without allocating. */
const AS_STRING = 8 * 1024;
/** Up to here copying is cheaper than a second system call. */
const AS_COPY = 64 * 1024;

/**
 * Writes text and bytes with one system call where it can: the price of a proxied request is its system calls.
 * Returns false when the other end is slower than we are.
 */
export function writeTogether(stream: ByteStream, before: string, bytes: Buffer, after = ""): boolean {
  const size = before.length + bytes.length + after.length;
  if (size <= AS_STRING) return stream.write(before + bytes.toString("latin1") + after);
  // The common case of a stream: nothing to put together.
  if (size === bytes.length) return stream.writeBytes(bytes);
  if (size <= AS_COPY) {
    const all = takeChunk(size);
    all.write(before, 0, "latin1");
    all.set(bytes, before.length);
    if (after !== "") all.write(after, before.length + bytes.length, "latin1");
    const room = stream.writeBytes(all);
    giveBackChunk(all);
    return room;
  }
  let room = before === "" || stream.write(before);
  room = stream.writeBytes(bytes) && room;
  return (after === "" || stream.write(after)) && room;
}
