import type { FieldFormat, FieldRules, FieldType } from "../../core/resource.ts";
import type { Path } from "../problem.ts";
import type { Draft, Scope } from "./scope.ts";

/**
 * What is unique stands in an index, and PostgreSQL's hold 2,704 bytes an entry: characters have up to four, and the owner
 * stands in front.
 */
const LONGEST = 600;
/** Of a text that says nothing of its length. */
const STANDARD = 255;

/** Lengths that formats have anyway. */
const OF_FORMAT: Readonly<Partial<Record<FieldFormat, number>>> = {
  email: 254,
  hostname: 253,
  uuid: 36,
  ipv4: 15,
  ipv6: 45,
  phone: 16,
  currency: 3,
  country: 2,
};

/** The rules of a field, with a length where it is unique and says none. */
export function boundedRules(
  rules: FieldRules,
  type: FieldType,
  { name, unique, draft, at }: { name: string; unique: boolean; draft: Draft; at: Path },
  { report }: Scope,
): FieldRules {
  const grouped = draft.config.unique.some((group) => group.includes(name));
  if (type !== "string" || !(unique || grouped) || draft.config.external) return rules;
  const length = lengthOf(rules);
  if (length === undefined) return { ...rules, maxLength: STANDARD };
  if (length > LONGEST) report.error([...at, "maxLength"], tooLong("a unique text has"));
  return rules;
}

const lengthOf = ({ maxLength, enum: words, format }: FieldRules): number | undefined =>
  maxLength ?? (words === undefined ? undefined : 0) ?? (format && OF_FORMAT[format]);

const tooLong = (what: string): string =>
  `${what} at most ${LONGEST} characters: an index holds no longer ones`;

/** The same for fields that are unique together. */
export function checkGroupLength(
  group: readonly { readonly rules: FieldRules; readonly type: FieldType }[],
  at: Path,
  { report }: Scope,
): void {
  const texts = group.filter(({ type }) => type === "string");
  const sum = texts.reduce((all, { rules }) => all + (lengthOf(rules) ?? 0), 0);
  if (texts.length > 1 && sum > LONGEST) report.error(at, tooLong("together such fields have"));
}
