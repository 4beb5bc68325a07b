import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { MessageChannel } from "node:worker_threads";
import { ConfigError } from "../config/problem.ts";
import { connect, expose, ThreadLost } from "./channel.ts";

class Api {
  double(value: number): number {
    return value * 2;
  }
  async later(value: string): Promise<string> {
    return value;
  }
  refuse(): void {
    throw new ConfigError([{ file: "a.yaml", path: "routes[0]", message: "no", line: 3 }]);
  }
  fail(): void {
    throw Object.assign(new Error("taken"), { code: "EADDRINUSE", port: 80 });
  }
}

describe("a channel between threads", () => {
  const { port1, port2 } = new MessageChannel();
  after(() => port1.close());
  expose(port1, new Api());
  const { remote, lost } = connect<Api>(port2);

  test("carries calls and their results, each to who asked", async () => {
    const results = await Promise.all([remote.double(1), remote.later("x"), remote.double(3)]);
    assert.deepEqual(results, [2, "x", 6]);
  });

  test("carries a ConfigError with its problems", async () => {
    await assert.rejects(remote.refuse(), (error: unknown) => {
      assert.ok(error instanceof ConfigError);
      assert.equal(error.problems[0]?.line, 3);
      return true;
    });
  });

  test("carries what the system says of an error", async () => {
    await assert.rejects(remote.fail(), { message: "taken", code: "EADDRINUSE", port: 80 });
  });

  test("tells those who wait, and those who come after, when the other end is lost", async () => {
    const waiting = remote.later("never");
    lost();
    await assert.rejects(waiting, ThreadLost);
    await assert.rejects(remote.double(1), ThreadLost);
  });
});
