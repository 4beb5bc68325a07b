import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { HandBreaker, optionsOf } from "../../../../test/balancing/stand.ts";
import { ownMemory } from "../../../core/shared-memory.ts";
import { dryWorld } from "../../../threads/dry.ts";
import type { Member } from "./member.ts";
import { Roster } from "./roster.ts";
import { SharedRotation, Standing } from "./standing.ts";

const NOW = 1_000_000;

/** Who is used where these of the targets a, b, c, d are ejected, unhealthy, or have an open circuit. */
function used(against: { ejected?: string; unhealthy?: string; open?: string }, ejection?: object): string {
  const options = optionsOf({ a: 1, b: 1, c: 1, d: 1 }, ejection === undefined ? {} : { ejection });
  const memory = ownMemory();
  const shared = new SharedRotation("carrier", memory);
  const members = options.targets.map((target): Member => {
    const breaker = new HandBreaker();
    if (against.open?.includes(target.host) === true) breaker.state = "open";
    return { target, pool: {} as Member["pool"], breaker };
  });
  const standings = members.map(({ target }) => {
    const standing = new Standing("carrier", target.url, memory);
    if (against.ejected?.includes(target.host) === true) standing.eject(NOW);
    return standing;
  });
  const unhealthy = (index: number) => against.unhealthy?.includes("abcd"[index] ?? "") === true;
  const { log } = dryWorld.tools;
  const roster = new Roster({ options, members, standings, shared, unhealthy, log }, NOW);
  return roster
    .at(NOW)
    .entries.map(({ member, sound }) => (sound ? member.target.host : `(${member.target.host})`))
    .join("");
}

describe("a rotation", () => {
  test("believes checks and circuits down to the last target where no share was named", () => {
    assert.equal(used({}), "abcd");
    assert.equal(used({ unhealthy: "abc" }), "d");
    assert.equal(used({ unhealthy: "ab", open: "c" }), "d");
    assert.equal(used({ open: "bcd" }), "a");
  });

  test("uses all where something speaks against all of them", () => {
    assert.equal(used({ unhealthy: "abcd" }), "(a)(b)(c)(d)");
    assert.equal(used({ unhealthy: "ab", open: "cd" }), "(a)(b)(c)(d)");
  });

  test("keeps to the share that may be out, and uses ejected targets before unhealthy ones", () => {
    assert.equal(used({ unhealthy: "ab" }, {}), "cd");
    assert.equal(used({ unhealthy: "abc" }, {}), "(a)d");
    assert.equal(used({ unhealthy: "ab", ejected: "c" }, {}), "(c)d");
    assert.equal(used({ unhealthy: "ab", ejected: "c" }, { atMost: 0.75 }), "d");
    assert.equal(used({ unhealthy: "a", ejected: "b" }, { atMost: 0 }), "(a)(b)cd");
  });

  test("counts a target whose circuit is open as out, and cannot use it", () => {
    assert.equal(used({ open: "ab", ejected: "c" }, {}), "(c)d");
    assert.equal(used({ open: "abc" }, {}), "d");
  });

  test("forgets ejections where the config has none any more", () => {
    assert.equal(used({ ejected: "ab" }), "abcd");
  });
});
