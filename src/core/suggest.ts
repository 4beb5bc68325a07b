/**
 * The known word that was probably meant, or undefined.
 *
 * Spelling variants (`first_byte`) always count; otherwise at most two slips, and one in short words,
 * of which everything is two slips away.
 */
export function suggest(word: string, known: Iterable<string>): string | undefined {
  let best: string | undefined;
  let bestDistance = (word.length > 4 ? 2 : Math.min(1, word.length - 1)) + 1;
  for (const candidate of known) {
    if (plain(candidate) === plain(word)) return candidate;
    const slips = distance(word.toLowerCase(), candidate.toLowerCase());
    if (slips < bestDistance) [best, bestDistance] = [candidate, slips];
  }
  return best;
}

const plain = (word: string): string => word.toLowerCase().replaceAll(/[-_ ]/g, "");

/** `; did you mean "x"?`, or nothing. */
export function didYouMean(word: string, known: Iterable<string>): string {
  const meant = suggest(word, known);
  return meant === undefined ? "" : `; did you mean "${meant}"?`;
}

/** Optimal string alignment: insertions, deletions, substitutions and swaps of neighbours cost one each. */
export function distance(a: string, b: string): number {
  let before: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      let cost = Math.min(at(previous, j) + 1, at(row, j - 1) + 1, at(previous, j - 1) + (same ? 0 : 1));
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      if (swapped) cost = Math.min(cost, at(before, j - 2) + 1);
      row.push(cost);
    }
    [before, previous] = [previous, row];
  }
  return at(previous, b.length);
}

const at = (row: readonly number[], index: number): number => row[index] ?? Number.POSITIVE_INFINITY;
