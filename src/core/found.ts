/** "found …": what stands in the config, said so that the reader recognises it. */
export function found(input: unknown): string {
  return `found ${shown(input)}`;
}

const LONGEST = 48;

function shown(input: unknown): string {
  if (input === undefined || input === null) return "nothing";
  if (typeof input === "string") return quoted(input);
  if (typeof input === "number") return Number.isFinite(input) ? `the number ${input}` : String(input);
  if (typeof input === "boolean") return String(input);
  if (Array.isArray(input)) return input.length === 0 ? "an empty list" : "a list";
  if (typeof input === "function") return "a function";
  return Object.keys(input).length === 0 ? "an empty object" : "an object";
}

/** One line, however long and whatever is in it; what stands before the @ of a URL may be a password. */
export function quoted(text: string): string {
  const open = text.replace(/:\/\/\S*@/, "://…@");
  const short = open.length > LONGEST ? `${open.slice(0, LONGEST - 1)}…` : open;
  return JSON.stringify(short);
}

/** `a`, `a or b`, `a, b or c`. */
export const anyOf = (words: readonly string[]): string => joined(words, "or");

/** `a`, `a and b`, `a, b and c`. */
export const listOf = (words: readonly string[]): string => joined(words, "and");

function joined(words: readonly string[], last: string): string {
  const end = words.at(-1) ?? "nothing";
  return words.length < 2 ? end : `${words.slice(0, -1).join(", ")} ${last} ${end}`;
}

/** `1 route`, `2 routes`. */
export function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}
