import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { HandClock } from "../../test/harness/hand-clock.ts";
import type { EventRecords } from "../core/records.ts";
import type { World } from "./api.ts";
import { sweepEvents } from "./swept-events.ts";

const DAY = 24 * 60 * 60 * 1000;

describe("events", () => {
  test("are kept for thirty days, and swept away as fast as they come to be too old", async () => {
    const clock = new HandClock();
    /** How many there are of each age. */
    let old = 1_200;
    const asked: number[] = [];
    const sweep: EventRecords["sweep"] = async (before, most) => {
      asked.push(clock.wall() - before);
      const swept = Math.min(old, most);
      old -= swept;
      return swept;
    };
    const stop = sweepEvents({ clock, ticker: clock } as unknown as World, { sweep } as EventRecords);
    for (let tick = 0; tick < 3; tick++) await pass(clock, 100);
    assert.deepEqual([old, asked], [0, [30 * DAY, 30 * DAY, 30 * DAY]]);
    await pass(clock, 50_000);
    assert.equal(asked.length, 3);
    await pass(clock, 20_000);
    assert.equal(asked.length, 4);
    stop();
    await pass(clock, 100_000);
    assert.equal(asked.length, 4);
  });

  test("that cannot be swept are tried again later, and that is in the log", async () => {
    const clock = new HandClock();
    const warned: string[] = [];
    const log = { warn: (_: object, message: string) => void warned.push(message) };
    const sweep = async (): Promise<number> => {
      throw new Error("away");
    };
    const world = { clock, ticker: clock, log } as unknown as World;
    const stop = sweepEvents(world, { sweep } as unknown as EventRecords);
    await pass(clock, 100);
    await pass(clock, 100);
    await pass(clock, 61_000);
    assert.equal(warned.length, 2);
    stop();
  });
});

async function pass(clock: HandClock, ms: number): Promise<void> {
  clock.advance(ms);
  await new Promise((resolve) => setImmediate(resolve));
}
