import type { z } from "zod";
import { notOneOf } from "../core/fields.ts";
import { anyOf, found, quoted } from "../core/found.ts";
import { suggest } from "../core/suggest.ts";
import { knownKeys, placesByKey } from "./keys.ts";
import type { Finding, Path } from "./problem.ts";

/** Turns what zod finds into sentences, one for each thing that is wrong. */

type Issue = z.core.$ZodIssue;

/** Reads a value with a schema, or says in sentences why it cannot. */
export function read<Schema extends z.ZodType>(
  schema: Schema,
  value: unknown,
  at: Path = [],
): { value: z.output<Schema> } | { findings: Finding[] } {
  const result = schema.safeParse(value, { error: sentence, reportInput: true });
  if (result.success) return { value: result.data };
  return { findings: result.error.issues.flatMap((issue) => findings(issue, schema, value, at)) };
}

const NOUNS: Readonly<Record<string, string>> = {
  string: "text",
  number: "a number",
  int: "a whole number",
  boolean: "true or false",
  array: 'a list, such as ["a", "b"]',
  object: "an object",
  record: "an object",
};

/** The default sentence for an issue; a schema's own `error` comes before it. */
function sentence(issue: z.core.$ZodRawIssue): string {
  switch (issue.code) {
    case "invalid_type":
      return issue.expected === "array" && typeof issue.input === "string"
        ? `expected a list, ${found(issue.input)}; write [${issue.input}]`
        : `expected ${NOUNS[issue.expected] ?? issue.expected}, ${found(issue.input)}${advice(issue.expected, issue.input)}`;
    case "invalid_value":
      return notOneOf(issue.values.map(String), issue.input);
    case "too_small":
      return outside(issue.origin, "at least", issue.minimum, issue.input);
    case "too_big":
      return outside(issue.origin, "at most", issue.maximum, issue.input);
    default:
      return `is not valid, ${found(issue.input)}`;
  }
}

const YES = ["yes", "on", "true"];
const NO = ["no", "off", "false"];

/** For what YAML reads otherwise than people do. */
function advice(expected: string, input: unknown): string {
  if (typeof input !== "string") return "";
  const isYes = YES.includes(input.toLowerCase());
  if (expected === "boolean" && (isYes || NO.includes(input.toLowerCase())))
    return `; write ${isYes}, without quotes`;
  if ((expected === "number" || expected === "int") && /^\d+$/.test(input)) return "; leave the quotes out";
  return "";
}

function outside(origin: string, bound: string, limit: number | bigint, input: unknown): string {
  if (origin === "array") return `must have ${bound} ${limit === 1 ? "one entry" : `${limit} entries`}`;
  if (origin === "string") return `must have ${bound} ${limit} characters, ${found(input)}`;
  return `must be ${bound} ${limit}, ${found(input)}`;
}

function findings(issue: Issue, schema: z.ZodType, root: unknown, at: Path): Finding[] {
  const inside = issue.path as Path;
  const path = [...at, ...inside];
  switch (issue.code) {
    case "unrecognized_keys":
      return issue.keys.map((key) => unknownKey(key, issue, [...path, key], schema));
    case "invalid_union":
      return union(issue, schema, root, at);
    case "invalid_key":
      return [{ path, key: true, message: issue.issues[0]?.message ?? issue.message }];
    case "custom":
      return [{ path, message: issue.message, ...(isAboutKey(issue.params) ? { key: true as const } : {}) }];
    case "invalid_value":
      return [{ path, message: issue.message }];
    default:
      return [mismatch(path, issue)];
  }
}

/** Set by checks that look at the keys of a record. */
const isAboutKey = (params: { readonly key?: unknown } | undefined): boolean => params?.key === true;

/** `expected a list, found nothing` is about an empty value; a key that is not there is simply missing. */
function mismatch(path: Path, { input, message }: Issue): Finding {
  if (input !== undefined) return { path, message };
  return { path, missing: true, message: `is missing; ${message.replace(/, found nothing.*$/, "")}` };
}

function unknownKey(key: string, issue: Issue, path: Path, schema: z.ZodType): Finding {
  const finding = (message: string, meant?: string): Finding => ({ path, key: true, message, meant });
  const inside = issue.path as Path;
  if (key === MERGE) return finding("merge keys (<<) are not part of YAML 1.2; write the keys out", MERGE);
  const known = knownKeys(schema, inside);
  if (known.includes(key)) return finding(`does not go together with ${others(issue.input, key)}`);
  const meant = suggest(key, known);
  if (meant !== undefined) return finding(`unknown key; did you mean ${quoted(meant)}?`, meant);
  return finding(`unknown key${elsewhere(key, inside, schema)}`);
}

/** Part of YAML 1.1, and still in people's fingers. */
const MERGE = "<<";

const others = (holder: unknown, key: string): string =>
  Object.keys(holder ?? {})
    .filter((other) => other !== key)
    .map(quoted)
    .join(", ");

/** For keys that would be right, or nearly, in another place. */
function elsewhere(key: string, inside: Path, schema: z.ZodType): string {
  const all = placesByKey(schema);
  const meant = suggest(key, all.keys());
  if (meant === undefined) return "";
  // An answer for each version has the keys of an answer for all: once is enough.
  const everywhere = [...(all.get(meant) ?? [])].filter((place) => !place.endsWith(".to.<name>"));
  // `limits.headers` of a route: of all places with that key, the other `limits` is the one that was meant.
  const alike = everywhere.filter((place) => place.split(".").at(-1) === inside.at(-1));
  const places = anyOf((alike.length > 0 ? alike : everywhere).slice(0, 3));
  return meant === key
    ? `; ${quoted(key)} belongs in ${places}`
    : `; did you mean ${quoted(meant)}, which belongs in ${places}?`;
}

/**
 * Of the shapes that a value may have, the one that was probably meant is complained about. Shapes that
 * the value is not at all like (text where an object stands) are no candidates; of the others, the one
 * that knows most of its keys.
 */
function union(
  issue: Issue & { code: "invalid_union" },
  schema: z.ZodType,
  root: unknown,
  at: Path,
): Finding[] {
  const candidates = issue.errors.filter((issues) => !issues.some(isOtherShape));
  const [meant = []] = candidates.toSorted((a, b) => strangeness(a) - strangeness(b));
  // An unknown key says what is wrong; that the right one is missing follows from it.
  const hasStranger = meant.some(({ code, path }) => code === "unrecognized_keys" && path.length === 0);
  const telling = hasStranger ? meant.filter(({ input }) => input !== undefined) : meant;
  const isEmpty = typeof issue.input === "object" && Object.keys(issue.input ?? {}).length === 0;
  if (meant.length === 0 || isEmpty) return [mismatch([...at, ...(issue.path as Path)], issue)];
  return telling.flatMap((inner) =>
    findings({ ...inner, path: [...issue.path, ...inner.path] }, schema, root, at),
  );
}

const isOtherShape = ({ code, path }: Issue): boolean =>
  path.length === 0 && (code === "invalid_type" || code === "invalid_value");

const strangeness = (issues: readonly Issue[]): number =>
  issues.reduce((sum, issue) => sum + strangenessOf(issue), 0);

function strangenessOf(issue: Issue): number {
  if (issue.code === "unrecognized_keys") return issue.keys.length * 10;
  // A map by versions is not meant where its keys are none.
  return issue.code === "invalid_key" && issue.path.length === 1 ? 20 : 1;
}
