/**
 * A lock of one shared 32-bit word: 0, or the ticket of who holds it. It is held for well under a microsecond, so
 * the next one spins; only where the holder has been taken off its core does he sleep.
 */

const SPINS = 200;
const SLEEP_MS = 1;
/** A holder that has not let go for so long has died on the spot (`worker.terminate`): its lock is taken over. */
const SLEEPS_BEFORE_TAKEOVER = 1000;

/** Threads start apart, so that two of them hardly ever draw the same ticket. Never 0. */
let ticket = (Math.random() * 0x7fffffff) | 1;

/** Returns the ticket to unlock with. */
export function lock(words: Int32Array, at: number): number {
  ticket = (ticket + 2) | 0;
  for (let spin = 0; spin < SPINS; spin++) {
    if (Atomics.compareExchange(words, at, 0, ticket) === 0) return ticket;
  }
  return lockPatiently(words, at, ticket);
}

function lockPatiently(words: Int32Array, at: number, mine: number): number {
  let holder = 0;
  let sleeps = 0;
  for (;;) {
    const current = Atomics.compareExchange(words, at, 0, mine);
    if (current === 0) return mine;
    sleeps = current === holder ? sleeps + 1 : 0;
    holder = current;
    if (sleeps > SLEEPS_BEFORE_TAKEOVER && Atomics.compareExchange(words, at, holder, mine) === holder)
      return mine;
    // Nobody notifies: that would make every unlocking dearer for the sake of a case that hardly occurs.
    Atomics.wait(words, at, current, SLEEP_MS);
  }
}

/** Does nothing if the lock has been taken over meanwhile. */
export function unlock(words: Int32Array, at: number, mine: number): void {
  Atomics.compareExchange(words, at, mine, 0);
}
