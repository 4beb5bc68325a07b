import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { UpstreamOptions } from "../core/kinds.ts";
import type { Tools } from "../core/tools.ts";
import { SharedUpstreams } from "./upstreams.ts";

const tools = {} as Tools;

function options(name: string, connections = 1024, pending = 256): UpstreamOptions {
  return { name, connections, pending } as UpstreamOptions;
}

function recorded(lanes: number) {
  const made: UpstreamOptions[] = [];
  const closed: string[] = [];
  const shared = new SharedUpstreams((given) => {
    made.push(given);
    return {
      handler: () => () => {
        throw new Error("nothing is sent here");
      },
      close: () => closed.push(given.name),
    };
  }, lanes);
  return { shared, made, closed };
}

describe("upstreams that outlive a plan", () => {
  test("are one for plans that want the same, and close when the last of these gives them up", () => {
    const { shared, made, closed } = recorded(1);
    const first = shared.take(options("shop"), tools);
    const second = shared.take(options("shop"), tools);
    shared.take(options("bank"), tools);
    assert.deepEqual(
      made.map(({ name }) => name),
      ["shop", "bank"],
    );
    first.close();
    first.close();
    assert.deepEqual(closed, []);
    second.close();
    assert.deepEqual(closed, ["shop"]);
  });

  test("have in each lane a part of the connections and of the places to wait, and never less than one connection", () => {
    const { shared, made } = recorded(3);
    for (const one of [options("big", 10, 7), options("small", 1, 2)]) shared.take(one, tools);
    assert.deepEqual(
      made.map(({ connections, pending }) => [connections, pending]),
      [
        [3, 2],
        [1, 0],
      ],
    );
  });
});
