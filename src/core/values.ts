import { z } from "zod";
import { found } from "./found.ts";

/**
 * Durations and sizes as people write them: `10s`, `1mb`. Plain numbers are refused, because nobody
 * remembers which setting counts in seconds and which in milliseconds.
 */

const DURATION_UNITS: Units = new Map([
  ["ms", 1],
  ["s", 1000],
  ["m", 60_000],
  ["h", 3_600_000],
  ["d", 86_400_000],
]);
const SIZE_UNITS: Units = new Map([
  ["b", 1],
  ["kb", 1024],
  ["mb", 1024 ** 2],
  ["gb", 1024 ** 3],
]);
const QUANTITY = /^(\d+(?:\.\d+)?) ?([a-z]+)$/i;

/** From the smallest to the largest. */
type Units = ReadonlyMap<string, number>;

function parse(text: string, units: Units): number | undefined {
  const [, amount, unit] = QUANTITY.exec(text) ?? [];
  const factor = unit === undefined ? undefined : units.get(unit.toLowerCase());
  return factor === undefined ? undefined : Math.round(Number(amount) * factor);
}

function format(value: number, units: Units): string {
  const [unit, factor] = [...units].findLast(([, size]) => value % size === 0) ?? ["", 1];
  return `${value / factor}${unit}`;
}

/** Milliseconds, or undefined for what is not a duration. */
export const parseDuration = (text: string): number | undefined => parse(text, DURATION_UNITS);

/** Bytes, or undefined for what is not a size. */
export const parseSize = (text: string): number | undefined => parse(text, SIZE_UNITS);

/** The shortest exact way to write it: 90000 is `90s`, 3600000 is `1h`. */
export const formatDuration = (ms: number): string => (ms === 0 ? "0s" : format(ms, DURATION_UNITS));

export function formatSize(bytes: number): string {
  if (bytes === Number.POSITIVE_INFINITY) return "unlimited";
  return bytes === 0 ? "0b" : format(bytes, SIZE_UNITS);
}

interface Bounds {
  readonly min: string;
  readonly max: string;
}

interface Measure {
  readonly noun: string;
  readonly advice: (digits: string) => string;
  readonly parse: (text: string) => number | undefined;
  readonly pattern: string;
  readonly units: string;
}

const DURATION: Measure = {
  noun: 'a duration such as "10s"',
  advice: (digits) => `write ${digits}s for seconds or ${digits}ms for milliseconds`,
  parse: parseDuration,
  pattern: "^\\d+(\\.\\d+)? ?(ms|s|m|h|d)$",
  units: "ms, s, m, h and d",
};

const SIZE: Measure = {
  noun: 'a size such as "16kb"',
  advice: (digits) =>
    Number(digits) >= 1024
      ? `write ${formatSize(Number(digits))}`
      : `write ${digits}b for bytes or ${digits}kb for kilobytes`,
  parse: parseSize,
  pattern: "^\\d+(\\.\\d+)? ?([bB]|[kK][bB]|[mM][bB]|[gG][bB])$",
  units: "b, kb, mb and gb",
};

/** A duration, read into milliseconds. */
export function duration(bounds: Bounds = { min: "1ms", max: "24h" }) {
  return quantity(DURATION, bounds);
}

/** A size, read into bytes. */
export function size(bounds: Bounds) {
  return quantity(SIZE, bounds);
}

/** A size, or `unlimited`, which is read into Infinity. */
export function sizeOrUnlimited(bounds: Bounds) {
  return quantity(SIZE, bounds, "unlimited");
}

function quantity(measure: Measure, { min, max }: Bounds, unlimited?: string) {
  const noun = unlimited === undefined ? measure.noun : `${measure.noun}, or ${unlimited}`;
  const pattern = unlimited === undefined ? measure.pattern : `${measure.pattern}|^${unlimited}$`;
  const least = measure.parse(min) ?? 0;
  const most = measure.parse(max) ?? 0;
  return z
    .string({ error: ({ input }) => wrongType(measure, noun, input) })
    .transform((text, context) => {
      if (text === unlimited) return Number.POSITIVE_INFINITY;
      const value = measure.parse(text);
      if (value !== undefined && value >= least && value <= most) return value;
      context.addIssue({ code: "custom", message: refusal(measure, noun, text, value, { min, max }) });
      return z.NEVER;
    })
    .meta({ pattern, examples: [min] });
}

/** A number gets the two spellings that it may have meant. */
function wrongType({ advice }: Measure, noun: string, input: unknown): string {
  const base = `expected ${noun}, ${found(input)}`;
  return typeof input === "number" && input >= 0 ? `${base}; ${advice(String(input))}` : base;
}

function refusal(
  measure: Measure,
  noun: string,
  text: string,
  value: number | undefined,
  { min, max }: Bounds,
): string {
  if (value !== undefined) return `must be between ${min} and ${max}, ${found(text)}`;
  const base = `expected ${noun}, ${found(text)}`;
  if (/^\d+(\.\d+)?$/.test(text)) return `${base}; ${measure.advice(text)}`;
  if (QUANTITY.test(text)) return `${base}; the units are ${measure.units}`;
  return base;
}
