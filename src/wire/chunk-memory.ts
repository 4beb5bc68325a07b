/**
 * Memory for the big chunks of streams, used again.
 *
 * Left to the garbage collector, 64 KiB for each read pile up to some 80 MiB before V8 collects what lies outside its
 * heap, and it then marks the whole heap for it, forty times a second. A chunk that was moved on whole is therefore given
 * back by hand; one that is not given back is the collector's, as any other.
 */
const KIB = 1024;
/** Below, Node's own pool is as good. */
const SMALL = 4 * KIB;
/** Two sizes, the smaller for 16 KiB and a head, so that a chunk which is kept for long does not keep much more than itself. */
const MEDIUM = 20 * KIB;
const LARGE = 64 * KIB;
/** Of each size; more at once is rare and may go to the collector. */
const KEPT = 64;

class Slab {
  readonly memory: Buffer;
  readonly free: Slab[];
  /** Length of the chunk that it holds now. */
  used = 0;
  /** Writes that the kernel has not finished. */
  holds = 0;
  givenBack = false;

  constructor(size: number, free: Slab[]) {
    this.memory = Buffer.allocUnsafeSlow(size);
    this.free = free;
  }
}

const medium: Slab[] = [];
const large: Slab[] = [];
const slabs = new WeakMap<ArrayBufferLike, Slab>();

export function takeChunk(size: number): Buffer {
  if (size <= SMALL || size > LARGE) return Buffer.allocUnsafe(size);
  const free = size <= MEDIUM ? medium : large;
  let slab = free.pop();
  if (slab === undefined) {
    slab = new Slab(free === medium ? MEDIUM : LARGE, free);
    slabs.set(slab.memory.buffer, slab);
  }
  slab.used = size;
  slab.givenBack = false;
  return slab.memory.subarray(0, size);
}

/** Nobody will look at this chunk again, but for writes that `holdChunk` knows of. Parts of chunks are ignored. */
export function giveBackChunk(chunk: Buffer): void {
  if (chunk.length === slabs.get(chunk.buffer)?.used) giveBackMemory(chunk);
}

/** As `giveBackChunk`, by any part of a chunk of which nobody needs another part. */
export function giveBackMemory(part: Buffer): void {
  const slab = slabs.get(part.buffer);
  if (slab === undefined || slab.givenBack) return;
  slab.givenBack = true;
  if (slab.holds === 0) keep(slab);
}

/** A write has begun that needs the bytes until `releaseChunk`. Null where nothing has to be released. */
export function holdChunk(bytes: Buffer): Slab | null {
  const slab = slabs.get(bytes.buffer);
  if (slab === undefined) return null;
  slab.holds++;
  return slab;
}

export function releaseChunk(slab: Slab): void {
  slab.holds--;
  if (slab.holds === 0 && slab.givenBack) keep(slab);
}

function keep(slab: Slab): void {
  if (slab.free.length < KEPT) slab.free.push(slab);
}

export type HeldChunk = Slab;
