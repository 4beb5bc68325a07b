/** What may be spent of something: a bucket of tokens that refills. */
export class Budget {
  readonly #burst: number;
  readonly #perSecond: number;
  #left: number;
  #since: number;

  constructor(burst: number, perSecond: number, now: number) {
    this.#burst = burst;
    this.#perSecond = perSecond;
    this.#left = burst;
    this.#since = now;
  }

  /** False when there is none left. `now` in milliseconds. */
  spend(now: number): boolean {
    if (now > this.#since) {
      this.earn(((now - this.#since) / 1000) * this.#perSecond);
      this.#since = now;
    }
    this.#left -= 1;
    return this.#left >= 0;
  }

  earn(tokens: number): void {
    this.#left = Math.min(this.#burst, this.#left + tokens);
  }
}
