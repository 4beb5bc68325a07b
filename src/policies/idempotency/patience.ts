import type { Clock, Ticker } from "../../core/tools.ts";

/** Waiting, by the clock and the ticks that tests move by hand. */
export class Patience {
  readonly #clock: Clock;
  readonly #ticker: Ticker;

  constructor({ clock, ticker }: { readonly clock: Clock; readonly ticker: Ticker }) {
    this.#clock = clock;
    this.#ticker = ticker;
  }

  /** Calls `then` at the first tick after so many milliseconds, unless the returned function is called before. */
  after(ms: number, then: () => void): () => void {
    const due = this.#clock.now() + ms;
    const stop = this.#ticker.subscribe((now) => {
      if (now < due) return;
      stop();
      then();
    });
    return stop;
  }

  pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.after(ms, resolve);
    });
  }

  /** What comes of `work`, or a rejection if it takes longer; `late` then gets what comes of it all the same. */
  within<Result>(ms: number, work: Promise<Result>, late: (result: Result) => void): Promise<Result> {
    return new Promise((resolve, reject) => {
      let over = false;
      const stop = this.after(ms, () => {
        over = true;
        reject(new Error(`no answer within ${ms} ms`));
      });
      work.then(
        (result) => {
          stop();
          if (over) late(result);
          else resolve(result);
        },
        (error: unknown) => {
          stop();
          reject(error as Error);
        },
      );
    });
  }
}
