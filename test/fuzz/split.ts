import type { Random } from "./random.ts";

export type Split = "whole" | "bytes" | "random" | "lines";

export const SPLITS: readonly Split[] = ["whole", "bytes", "random", "lines"];

/** The same bytes in other packets. `lines` cuts between CR and LF too, and behind every LF. */
export function splitInto(bytes: string, split: Split, random: Random): string[] {
  switch (split) {
    case "whole":
      return [bytes];
    case "bytes":
      return bytewise(bytes);
    case "lines":
      return bytes.split(/(?<=\r)|(?<=\n)/);
    case "random":
      return randomly(bytes, random);
  }
}

function randomly(bytes: string, random: Random): string[] {
  const pieces: string[] = [];
  const longest = random.pick([3, 10, 60, 400]);
  for (let at = 0; at < bytes.length; ) {
    const size = random.between(1, longest);
    pieces.push(bytes.slice(at, at + size));
    at += size;
  }
  return pieces;
}

/** What is long is long in the middle, where every byte is like the others. */
function bytewise(bytes: string): string[] {
  if (bytes.length <= LONG) return Array.from(bytes);
  const edge = LONG / 4;
  return [...bytes.slice(0, edge), bytes.slice(edge, -edge), ...bytes.slice(-edge)];
}

const LONG = 8 * 1024;
