import type { Choice } from "./choice.ts";
import type { Entry } from "./entry.ts";
import type { SharedRotation } from "./standing.ts";

/** Targets take turns; all lanes draw from one sequence of them, so the proportions hold over all lanes together. */
export function roundRobin(shared: SharedRotation, random: () => number): Choice {
  return {
    next: (_call, { turns }) => turns[shared.nextTurn() % turns.length] as Entry,
    // Not the next in turn: behind a dead target would always come the same one, with twice its share.
    among: (_call, entries) => drawn(entries, random()),
  };
}

/** One at random, as probable as its weight says. `at` is from 0 up to 1. */
export function drawn(entries: readonly Entry[], at: number): Entry {
  let left = at * entries.reduce((sum, { weight }) => sum + weight, 0);
  for (const entry of entries) {
    left -= entry.weight;
    if (left < 0) return entry;
  }
  return entries.at(-1) as Entry;
}
