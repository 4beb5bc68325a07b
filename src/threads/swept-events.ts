import type { EventRecords } from "../core/records.ts";
import type { World } from "./api.ts";

/** Thirty days: long enough for whoever has to be told, and has been away. */
const KEPT_MS = 30 * 24 * 60 * 60 * 1000;
const SWEEP_MS = 60_000;
const SWEEP_MOST = 500;

/** Deletes events that are too old, until the returned function is called. */
export function sweepEvents({ clock, ticker, log }: World, events: EventRecords): () => void {
  let due = 0;
  let sweeping = false;
  async function sweep(now: number): Promise<void> {
    sweeping = true;
    try {
      const swept = await events.sweep(clock.wall() - KEPT_MS, SWEEP_MOST);
      due = swept < SWEEP_MOST ? now + SWEEP_MS : now;
    } catch (cause) {
      log.warn({ cause }, "old events cannot be deleted; trying again");
      due = now + SWEEP_MS;
    } finally {
      sweeping = false;
    }
  }
  return ticker.subscribe((now) => {
    if (!sweeping && now >= due) void sweep(now);
  });
}
