import type { Clock, Ticker } from "../../src/core/tools.ts";

/** Time that stands still until the test moves it. */
export class HandClock implements Clock, Ticker {
  #now = 1_000_000;
  readonly #wall: number;
  readonly #ticks = new Set<(now: number) => void>();

  constructor(wall = Date.UTC(2026, 10, 22, 12)) {
    this.#wall = wall - this.#now;
  }

  now(): number {
    return this.#now;
  }

  wall(): number {
    return this.#wall + this.#now;
  }

  subscribe(tick: (now: number) => void): () => void {
    this.#ticks.add(tick);
    return () => this.#ticks.delete(tick);
  }

  /** Moves time in the steps in which the real ticker would have ticked. */
  advance(milliseconds: number): void {
    const end = this.#now + milliseconds;
    while (this.#now < end) {
      this.#now = Math.min(end, this.#now + 100);
      for (const tick of [...this.#ticks]) tick(this.#now);
    }
  }

  /** Moves time in one step, unseen by whoever listens to the ticks. */
  jump(milliseconds: number): void {
    this.#now += milliseconds;
  }
}
