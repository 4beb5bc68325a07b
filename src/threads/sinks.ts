import { type LogSink, openAccessLog } from "../observe/log-sink.ts";

/** Logs that outlive a plan: a file is open once, whatever number of plans write to it. */
export class SharedSinks {
  readonly #open = new Map<string, { readonly sink: LogSink; users: number }>();
  /** Given up, with lines on their way: a thread that ends meanwhile would take them along. */
  readonly #closing = new Set<Promise<void>>();

  take(to: string): LogSink {
    let shared = this.#open.get(to);
    if (shared === undefined) {
      shared = { sink: openAccessLog(to), users: 0 };
      this.#open.set(to, shared);
    }
    shared.users++;
    return shared.sink;
  }

  giveUp(to: string): void {
    const shared = this.#open.get(to);
    if (shared === undefined || --shared.users > 0) return;
    this.#open.delete(to);
    const closed = shared.sink.close().finally(() => this.#closing.delete(closed));
    this.#closing.add(closed);
  }

  get dropped(): number {
    let dropped = 0;
    for (const { sink } of this.#open.values()) dropped += sink.dropped;
    return dropped;
  }

  reopen(): void {
    for (const { sink } of this.#open.values()) sink.reopen();
  }

  async close(): Promise<void> {
    const sinks = [...this.#open.values()].map(({ sink }) => sink);
    this.#open.clear();
    await Promise.all([...this.#closing, ...sinks.map((sink) => sink.close())]);
  }
}
