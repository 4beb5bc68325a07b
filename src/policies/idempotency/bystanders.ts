import type { Call } from "../../core/call.ts";
import type { Patience } from "./patience.ts";

/** Between two looks; grows, because most requests are short and some are long. */
const FIRST_PAUSE = 100;
const LONGEST_PAUSE = 500;

/**
 * Calls that wait for another one with the same key. One in this thread wakes them when it is over; one in another lane
 * or process is noticed by looking.
 */
export class Bystanders {
  readonly #patience: Patience;
  readonly #waiting = new Map<string, Set<() => void>>();

  constructor(patience: Patience) {
    this.#patience = patience;
  }

  /** Until it is worth looking again, for `most` ms at most; less if the client leaves. */
  wait(call: Call, digest: Uint8Array, tries: number, most: number): Promise<void> {
    const key = keyOf(digest);
    return new Promise((resolve) => {
      const awake = () => {
        stop();
        call.onAbort(null);
        this.#forget(key, awake);
        resolve();
      };
      const pause = Math.min(FIRST_PAUSE * 2 ** tries, LONGEST_PAUSE, Math.max(0, most));
      const stop = this.#patience.after(pause, awake);
      this.#remember(key, awake);
      call.onAbort({ abort: awake });
    });
  }

  /** The call that had the key is over. */
  wake(digest: Uint8Array): void {
    for (const awake of this.#waiting.get(keyOf(digest)) ?? []) awake();
  }

  #remember(key: string, awake: () => void): void {
    const others = this.#waiting.get(key);
    if (others === undefined) this.#waiting.set(key, new Set([awake]));
    else others.add(awake);
  }

  #forget(key: string, awake: () => void): void {
    const all = this.#waiting.get(key);
    all?.delete(awake);
    if (all?.size === 0) this.#waiting.delete(key);
  }
}

const keyOf = (digest: Uint8Array): string => Buffer.from(digest).toString("latin1");
