import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { eventually } from "../../../test/harness/eventually.ts";
import { HandClock } from "../../../test/harness/hand-clock.ts";
import { systemClock } from "../../observe/ticker.ts";
import { Alarms, type Sleeper } from "./alarms.ts";

class Napper implements Sleeper {
  due: number;
  readonly woken: number[] = [];
  onWake: () => void = () => {};

  constructor(due: number) {
    this.due = due;
  }

  wake(now: number): void {
    this.woken.push(now);
    this.onWake();
  }
}

describe("alarms", () => {
  test("wake each sleeper once, in any order of setting, and none before its time", () => {
    const clock = new HandClock();
    const alarms = new Alarms(clock);
    clock.subscribe((now) => alarms.sweep(now));
    const nappers = [500, 100, 900, 300].map((after) => new Napper(clock.now() + after));
    for (const napper of nappers) alarms.set(napper);
    clock.advance(1_500);
    for (const napper of nappers) assert.deepEqual(napper.woken, [napper.due]);
    alarms.close();
  });

  test("do not wake who has been cleared, also by somebody who is woken with it", () => {
    const clock = new HandClock();
    const alarms = new Alarms(clock);
    clock.subscribe((now) => alarms.sweep(now));
    const [one, two, three] = [0, 1, 2].map(() => new Napper(clock.now() + 100)) as [Napper, Napper, Napper];
    for (const napper of [one, two, three]) alarms.set(napper);
    alarms.clear(three);
    one.onWake = () => alarms.clear(two);
    clock.advance(500);
    assert.equal(one.woken.length, 1);
    assert.equal(two.woken.length, 0);
    assert.equal(three.woken.length, 0);
    alarms.close();
  });

  test("can be set again by who is woken", () => {
    const clock = new HandClock();
    const alarms = new Alarms(clock);
    clock.subscribe((now) => alarms.sweep(now));
    const napper = new Napper(clock.now() + 100);
    napper.onWake = () => {
      napper.due += 100;
      alarms.set(napper);
    };
    alarms.set(napper);
    clock.advance(1_000);
    assert.equal(napper.woken.length, 10);
    alarms.close();
  });

  test("need no tick", async () => {
    const alarms = new Alarms(systemClock);
    const napper = new Napper(systemClock.now() + 20);
    alarms.set(napper);
    // Timers of alarms keep no process alive: this one does.
    await eventually("it is woken", () => napper.woken.length === 1);
    alarms.close();
  });
});
