import type { Choice } from "./choice.ts";
import type { Entry } from "./entry.ts";
import type { InUse } from "./in-use.ts";
import type { SharedRotation } from "./standing.ts";

/** The target with the fewest calls for its weight, of all lanes; those that have equally few take turns. */
export function leastConnections(inUse: InUse, shared: SharedRotation, random: () => number): Choice {
  const load = ({ index, weight }: Entry): number => inUse.of(index) / weight;
  return {
    next: (_call, { entries, turns }) =>
      least(entries, turns[shared.nextTurn() % turns.length] as Entry, load),
    among: (_call, entries) => least(entries, entries[Math.floor(random() * entries.length)] as Entry, load),
  };
}

/** `preferred` where it has as few as any. */
function least(entries: readonly Entry[], preferred: Entry, load: (entry: Entry) => number): Entry {
  let best = preferred;
  let fewest = load(preferred);
  for (const entry of entries) {
    const own = load(entry);
    if (own >= fewest) continue;
    best = entry;
    fewest = own;
  }
  return best;
}
