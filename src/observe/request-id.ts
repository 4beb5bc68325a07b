/**
 * Ids of requests: `req_` and a ULID (https://github.com/ulid/spec), so that ids sort by time in logs and
 * databases and two lanes or machines never make the same one (OBS-1).
 *
 * Within a millisecond an id is its predecessor plus one. Only the low 20 of the 80 random bits are therefore
 * made per id; everything to their left is one string, made once a millisecond.
 */
import { randomFillSync } from "node:crypto";

const CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/** Two characters, ten bits, per step. */
const PAIRS: readonly string[] = Array.from(
  { length: 1024 },
  (_, bits) => `${CROCKFORD[bits >>> 5]}${CROCKFORD[bits & 31]}`,
);
const BITS_20 = 0xfffff;

/** A maker of ids that never repeats and never goes backwards, whatever `wall` does. One per thread. */
export function makeRequestIds(wall: () => number): () => string {
  const random = randomBits();
  let millisecond = -1;
  // 80 bits, most significant first.
  let a = 0;
  let b = 0;
  let c = 0;
  let d = 0;
  let prefix = "";

  function start(at: number): void {
    millisecond = at;
    a = random();
    b = random();
    c = random();
    d = random();
    prefix = `req_${timeText(at)}${text(a)}${text(b)}${text(c)}`;
  }

  /** The low 20 bits are used up: once in a million ids, so no attempt at speed. */
  function carry(): void {
    d = 0;
    c = (c + 1) & BITS_20;
    if (c === 0) b = (b + 1) & BITS_20;
    if (c === 0 && b === 0) a = (a + 1) & BITS_20;
    // All 80 bits are used up. The next millisecond has come early, which keeps the order.
    if (c === 0 && b === 0 && a === 0) start(millisecond + 1);
    else prefix = `req_${timeText(millisecond)}${text(a)}${text(b)}${text(c)}`;
  }

  return () => {
    const now = wall();
    // A clock that was set back keeps counting in the last millisecond instead of going backwards.
    if (now >= millisecond + 1) start(Math.floor(now));
    else if (d < BITS_20) d += 1;
    else carry();
    return `${prefix}${PAIRS[d >>> 10]}${PAIRS[d & 1023]}`;
  };
}

/** Numbers of 20 random bits; one call to the kernel's generator serves a thousand. */
function randomBits(): () => number {
  const pool = new Uint32Array(1024);
  let next = pool.length;
  return () => {
    if (next === pool.length) {
      randomFillSync(pool);
      next = 0;
    }
    const bits = pool[next] ?? 0;
    next += 1;
    return bits & BITS_20;
  };
}

const text = (bits20: number): string => `${PAIRS[bits20 >>> 10]}${PAIRS[bits20 & 1023]}`;

/** Ten characters for 48 bits; 2^40 is beyond what bit operators take. */
function timeText(millisecond: number): string {
  const high = Math.floor(millisecond / 2 ** 40);
  const middle = Math.floor(millisecond / 2 ** 20) & BITS_20;
  return `${PAIRS[high & 1023]}${text(middle)}${text(millisecond & BITS_20)}`;
}

const MAX_LENGTH = 128;
/** `A-Za-z0-9._~:+/=-`, by character code. */
const ALLOWED = new Uint8Array(128);
for (const char of "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._~:+/=-") {
  ALLOWED[char.charCodeAt(0)] = 1;
}

/** Whether an id from outside may be taken over or echoed: `^[A-Za-z0-9._~:+/=-]{1,128}$` (OBS-1). */
export function isRequestId(value: string): boolean {
  const { length } = value;
  if (length === 0 || length > MAX_LENGTH) return false;
  for (let i = 0; i < length; i++) {
    if (ALLOWED[value.charCodeAt(i)] !== 1) return false;
  }
  return true;
}
