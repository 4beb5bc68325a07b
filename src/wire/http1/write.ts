import type { Socket } from "node:net";

/** Node writes a latin1 string of this size from the stack, without allocating. */
const AS_STRING = 8 * 1024;
/** Up to here copying is cheaper than a second buffer in the kernel call. */
const AS_COPY = 64 * 1024;

/**
 * Writes text and bytes with one system call where it can: the price of a proxied request is its system calls.
 * Returns false when the socket's buffer is full.
 */
export function writeTogether(socket: Socket, before: string, bytes: Buffer, after = ""): boolean {
  const size = before.length + bytes.length + after.length;
  if (size <= AS_STRING) return socket.write(before + bytes.toString("latin1") + after, "latin1");
  if (size <= AS_COPY) {
    const all = Buffer.allocUnsafe(size);
    all.write(before, 0, "latin1");
    all.set(bytes, before.length);
    if (after !== "") all.write(after, before.length + bytes.length, "latin1");
    return socket.write(all);
  }
  socket.cork();
  if (before !== "") socket.write(before, "latin1");
  let room = socket.write(bytes);
  if (after !== "") room = socket.write(after, "latin1");
  socket.uncork();
  return room;
}
