/** The two ways in which the other end of a connection can be too slow, looked at every `SWEEP_MS`. */
import { SWEEP_MS } from "./acceptor.ts";
import type { MessageBody } from "./http1/message-body.ts";

const SLOW_GRACE_S = 10;
const MIN_BYTES_PER_S = 1000;

/** How a body arrives. One that trickles holds a slot as well as one that stalls: 1 kB/s after the first ten seconds. */
export class BodyPace {
  /** Milliseconds spent waiting for it, not counting those in which nobody wanted it. */
  #wanted = 0;

  /** Whether it is too late. `pause` is the longest time without a byte. */
  late(body: MessageBody, now: number, pause: number): boolean {
    if (!body.wanting) return false;
    this.#wanted += SWEEP_MS;
    if (now - body.lastProgress >= pause) return true;
    const seconds = this.#wanted / 1000 - SLOW_GRACE_S;
    return seconds > 0 && body.received < seconds * MIN_BYTES_PER_S;
  }
}

/** Bytes that wait to be taken, and whether any is. */
export class Stall {
  #at = -1;
  #since = 0;

  /** Whether the same bytes have waited for so long. */
  lasts(now: number, pending: number, limit: number): boolean {
    if (pending === 0 || pending !== this.#at) {
      this.#at = pending === 0 ? -1 : pending;
      this.#since = now;
      return false;
    }
    return now - this.#since >= limit;
  }
}
