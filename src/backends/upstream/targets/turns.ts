import type { Entry } from "./entry.ts";

/** Of more turns together the weights are rounded. */
const MOST_TURNS = 65_536;

/**
 * In which order entries take turns: each as often as its weight says, spread as evenly as it goes. The k-th turn of one
 * that has w of them is due at (k + ½) / w of the whole.
 */
export function makeTurns(entries: readonly Entry[]): readonly Entry[] {
  const counts = turnCounts(entries.map(({ weight }) => weight));
  const due = entries.flatMap((entry, index) =>
    Array.from({ length: counts[index] ?? 0 }, (_, k) => ({ entry, at: (k + 0.5) / (counts[index] ?? 1) })),
  );
  return due.sort((a, b) => a.at - b.at).map(({ entry }) => entry);
}

/** The smallest whole numbers in the proportion of `weights`, which are whole and positive themselves. */
function turnCounts(weights: readonly number[]): number[] {
  const divisor = weights.reduce(greatestCommonDivisor, 0);
  const sum = weights.reduce((all, weight) => all + weight, 0) / divisor;
  const scale = Math.min(1, MOST_TURNS / sum) / divisor;
  return weights.map((weight) => Math.max(1, Math.round(weight * scale)));
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}
