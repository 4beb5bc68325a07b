/** Compares what schemas say besides types, values and properties: bounds, patterns, items and the rest. */
import { type Changes, shown } from "./change.ts";
import { compareOwnWord, isOwnWord } from "./own-words.ts";
import { type Comparison, type Pair, type Shapes, where } from "./pair.ts";

/** Keywords with a number: the larger, the tighter; or the smaller. */
const TIGHTER: Readonly<Record<string, "larger" | "smaller">> = {
  minimum: "larger",
  exclusiveMinimum: "larger",
  minLength: "larger",
  minItems: "larger",
  minProperties: "larger",
  minContains: "larger",
  maximum: "smaller",
  // Of numbers that are written as text, in documents of ours.
  "x-minimum": "larger",
  "x-maximum": "smaller",
  exclusiveMaximum: "smaller",
  maxLength: "smaller",
  maxItems: "smaller",
  maxProperties: "smaller",
  maxContains: "smaller",
};
/** Keywords with a schema of a part of the value. */
const INNER: ReadonlySet<string> = new Set([
  "items",
  "additionalProperties",
  "unevaluatedProperties",
  "propertyNames",
  "contains",
]);

type CompareSchemas = (pair: Pair) => void;

export function compareRules(shapes: Shapes, { changes }: Comparison, compare: CompareSchemas): void {
  const keywords = new Set([...shapes.before.rules.keys(), ...shapes.after.rules.keys()]);
  for (const keyword of keywords) {
    const [old, now] = [shapes.before.rules.get(keyword), shapes.after.rules.get(keyword)];
    if (JSON.stringify(old) === JSON.stringify(now) && !INNER.has(keyword)) continue;
    if (INNER.has(keyword)) compareInner(keyword, old, now, shapes, changes, compare);
    else if (isOwnWord(keyword)) compareOwnWord(keyword, old, now, shapes, changes);
    else if (keyword in TIGHTER) compareBound(keyword, old, now, shapes, changes);
    // Of members that others have made up nobody knows what they mean.
    else if (keyword.startsWith("x-")) continue;
    else compareOther(keyword, old, now, shapes, changes);
  }
}

/** What is left out of `items` and the like may be anything. */
function compareInner(
  keyword: string,
  old: unknown,
  now: unknown,
  { subject, direction }: Shapes,
  changes: Changes,
  compare: CompareSchemas,
): void {
  const [before, after] = [old ?? true, now ?? true];
  const closed = [before, after].map((one) => one === false);
  if (closed[0] === true && closed[1] === true) return;
  if (closed[0] !== closed[1]) {
    const closes = closed[1] === true;
    const breaks = closes && direction === "request";
    const message = closes ? "may have no members that are not named" : "may have members that are not named";
    changes.add(
      breaks ? "breaking" : "change",
      `${direction}-${keyword}-${closes ? "closed" : "opened"}`,
      subject,
      message,
    );
    return;
  }
  const suffix = keyword === "items" ? "[]" : keyword === "propertyNames" ? " (names)" : ".*";
  compare({ before, after, subject: subject + suffix, direction });
}

/** In answers a bound that widens is worth a look; clients that rely on one are few, and forms want to grow. */
function compareBound(
  keyword: string,
  old: unknown,
  now: unknown,
  { subject, direction }: Shapes,
  changes: Changes,
): void {
  const tighter = isTighter(keyword, old, now);
  const breaks = tighter && direction === "request";
  const message = `has ${keyword} ${now === undefined ? "no longer" : shown(now)}${old === undefined ? "" : `, not ${shown(old)},`}`;
  const rule = `${direction}-${keyword}-${tighter ? "tightened" : "widened"}`;
  changes.add(breaks ? "breaking" : "change", rule, subject, `${message} ${where(direction)}`);
}

function isTighter(keyword: string, old: unknown, now: unknown): boolean {
  if (typeof now !== "number") return false;
  if (typeof old !== "number") return true;
  return TIGHTER[keyword] === "larger" ? now > old : now < old;
}

/** A format says what a text means: another one is another type, in both directions. Of everything else nobody can say which is tighter. */
function compareOther(
  keyword: string,
  old: unknown,
  now: unknown,
  { subject, direction }: Shapes,
  changes: Changes,
): void {
  const retyped = keyword === "format" && old !== undefined;
  const restricts = direction === "request" && now !== undefined && now !== false;
  const breaks = restricts || (retyped && (direction === "response" || now !== undefined));
  const what = old === undefined ? "added" : now === undefined ? "removed" : "changed";
  const message = `${keyword} ${old === undefined ? "" : `was ${shown(old)}, and `}is ${now === undefined ? "left out" : shown(now)}`;
  changes.add(
    breaks ? "breaking" : "change",
    `${direction}-${keyword}-${what}`,
    subject,
    `${message} ${where(direction)}`,
  );
}
