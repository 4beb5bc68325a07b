/** What documents of resources say beyond JSON Schema, in members of their own: rules that no keyword has words for. */
import { type Changes, shown } from "./change.ts";
import type { Shapes } from "./pair.ts";
import { fields, list } from "./source.ts";

type Compare = (old: unknown, now: unknown, shapes: Shapes, changes: Changes) => void;

/** Members of schemas. */
const WORDS: Readonly<Record<string, Compare>> = {
  "x-lowered-to": compareMost("request-lowered", "is lowered to"),
  "x-deepest": compareMost("request-deepest", "ends at object"),
  "x-unique": compareRefused(
    "unique",
    "must not be what another object has",
    "may be what another object has",
  ),
  "x-immutable": compareRefused("immutable", "can no longer be changed", "can be changed"),
  "x-refers-to": compareWord("reference", "has to be the id of one of"),
  "x-write-scope": compareWord("write-scope", "takes the scope"),
  "x-unique-together": compareGroups,
  "x-id-prefix": comparePrefix,
};

export const isOwnWord = (keyword: string): boolean => Object.hasOwn(WORDS, keyword);

export function compareOwnWord(
  keyword: string,
  old: unknown,
  now: unknown,
  shapes: Shapes,
  changes: Changes,
): void {
  WORDS[keyword]?.(old, now, shapes, changes);
}

function compareMost(rule: string, verb: string): Compare {
  return (old, now, { subject, direction }, changes) => {
    if (direction === "response") return;
    const tighter = typeof now === "number" && (typeof old !== "number" || now < old);
    const before = old === undefined ? "" : `, not ${shown(old)}`;
    const message = now === undefined ? `no longer ${verb} ${shown(old)}` : `${verb} ${shown(now)}${before}`;
    const [kind, how] = tighter ? (["breaking", "tightened"] as const) : (["change", "widened"] as const);
    changes.add(kind, `${rule}-${how}`, subject, message);
  };
}

function compareRefused(rule: string, added: string, removed: string): Compare {
  return (old, now, { subject, direction }, changes) => {
    if (direction === "response") return;
    if (now === true) changes.add("breaking", `request-${rule}-added`, subject, `${added}, in requests`);
    else if (old === true)
      changes.add("change", `request-${rule}-removed`, subject, `${removed}, in requests`);
  };
}

function compareWord(rule: string, verb: string): Compare {
  return (old, now, { subject, direction }, changes) => {
    if (direction === "response") return;
    if (now === undefined)
      changes.add(
        "change",
        `request-${rule}-removed`,
        subject,
        `no longer ${verb} ${shown(old)} in requests`,
      );
    else changes.add("breaking", `request-${rule}-added`, subject, `${verb} ${shown(now)} in requests`);
  };
}

/** Lists of names that are unique together. */
function compareGroups(old: unknown, now: unknown, { subject, direction }: Shapes, changes: Changes): void {
  if (direction === "response") return;
  const [before, after] = [old, now].map((groups) => new Set(list(groups).map(groupName)));
  for (const group of after ?? [])
    if (before?.has(group) === false)
      changes.add(
        "breaking",
        "request-unique-added",
        subject,
        `must not have the ${group} of another object`,
      );
  for (const group of before ?? [])
    if (after?.has(group) === false)
      changes.add("change", "request-unique-removed", subject, `may have the ${group} of another object`);
}

const groupName = (names: unknown): string => list(names).map(String).sort().join(" with ");

/** Some clients tell by it what an id is of. */
function comparePrefix(old: unknown, now: unknown, { subject, direction }: Shapes, changes: Changes): void {
  if (direction === "request" || old === undefined) return;
  const message =
    now === undefined
      ? `no longer begins with ${shown(old)}`
      : `begins with ${shown(now)}, not with ${shown(old)}, in new objects`;
  changes.add("breaking", "response-id-prefix-changed", subject, message);
}

/** `x-possible-from` of an operation: what an object has to be for it, by field. */
export function compareStates(operation: string, before: unknown, after: unknown, changes: Changes): void {
  const [old, now] = [fields(before), fields(after)];
  for (const [field, values] of Object.entries(now)) {
    const known = field in old ? texts(old[field]) : null;
    const possible = texts(values);
    const words = [...possible].join(" or ");
    if (known === null)
      changes.add("breaking", "state-required", operation, `is possible only where ${field} is ${words}`);
    for (const value of known ?? [])
      if (!possible.has(value))
        changes.add(
          "breaking",
          "state-removed",
          operation,
          `is no longer possible where ${field} is ${value}`,
        );
    for (const value of known === null ? [] : possible)
      if (known?.has(value) === false)
        changes.add("addition", "state-added", operation, `is possible where ${field} is ${value}, too`);
  }
  for (const field of Object.keys(old))
    if (!(field in now))
      changes.add("addition", "state-added", operation, `is possible whatever ${field} is`);
}

const texts = (values: unknown): ReadonlySet<string> => new Set(list(values).map(shown));
