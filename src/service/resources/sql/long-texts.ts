/**
 * Texts that may be long are sorted by their beginning: a cursor holds the values of its position, and has to fit into a
 * URL, and no index of PostgreSQL takes more than 2.7 kB. The id orders those that begin alike.
 */
import type { Field, FieldFormat, FieldValue } from "../../../core/resource.ts";

/** In characters (code points). */
export const SORTED_BY = 255;

/** The others are as long as somebody likes. */
const SHORT: ReadonlySet<FieldFormat> = new Set(
  (["email", "uuid", "hostname", "ipv4", "ipv6", "phone", "currency", "country"] as const).values(),
);

/** Whether values may be longer than what is sorted by. Ids, and what refers to them, never are. */
export function mayBeLong({ type, rules, reference, name }: Field): boolean {
  if (type !== "string" || reference !== null || name === "id" || rules.enum !== undefined) return false;
  if (rules.format !== undefined && SHORT.has(rules.format)) return false;
  return (rules.maxLength ?? Number.POSITIVE_INFINITY) > SORTED_BY;
}

/** What of a value counts in an order. */
export function shortened(field: Field | undefined, value: FieldValue): FieldValue {
  if (field === undefined || typeof value !== "string" || value.length <= SORTED_BY || !mayBeLong(field))
    return value;
  return [...value.slice(0, 2 * SORTED_BY)].slice(0, SORTED_BY).join("");
}
