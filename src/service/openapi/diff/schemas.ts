/**
 * Compares schemas. What goes to the service may only grow: everything that was accepted still is. What comes from it may
 * only shrink: nothing comes that clients were not told of.
 */
import { type Changes, shown } from "./change.ts";
import { type Comparison, type Direction, type Pair, type Shapes, where } from "./pair.ts";
import { compareRules } from "./rules.ts";
import { type Property, type Shape, shapeOf } from "./shape.ts";
import { fields, type Source } from "./source.ts";

/** References lead in circles: a pair that is being compared is not compared again. */
type Visited = Set<string>;

export function compareSchemas(pair: Pair, comparison: Comparison, visited: Visited = new Set()): void {
  const { direction, subject } = pair;
  if (comparison.unchanged.is(pair.before, pair.after)) return;
  const key = `${direction} ${keyOf(pair.before)} ${keyOf(pair.after)}`;
  if (visited.has(key)) return;
  visited.add(key);
  const named = nameOf(pair.before) ?? subject;
  const before = shapeOf(pair.before, comparison.before, named);
  const after = shapeOf(pair.after, comparison.after, nameOf(pair.after) ?? subject);
  const shapes = { before, after, subject: named, direction };
  if (!compareTypes(shapes, comparison.changes)) return;
  compareValues(shapes, comparison.changes);
  compareRules(shapes, comparison, (inner) => compareSchemas(inner, comparison, visited));
  compareDefaults(shapes, comparison.changes);
  compareProperties(shapes, comparison, visited);
  compareBranches(shapes, comparison, visited);
}

const refOf = (schema: unknown): string | undefined => {
  const ref = fields(schema)["$ref"];
  return typeof ref === "string" ? ref : undefined;
};
const keyOf = (schema: unknown): string => refOf(schema) ?? JSON.stringify(schema);
const nameOf = (schema: unknown): string | undefined => refOf(schema)?.split("/").at(-1);

// ---------------------------------------------------------------- types and values

/** False where nothing else is worth comparing. */
function compareTypes({ before, after, subject, direction }: Shapes, changes: Changes): boolean {
  const [old, now] = [typesOf(before), typesOf(after)];
  const lost = [...old].filter((type) => !covers(now, type));
  const gained = [...now].filter((type) => !covers(old, type));
  if (lost.length === 0 && gained.length === 0) return true;
  const [worse, better] = direction === "request" ? [lost, gained] : [gained, lost];
  const [from, to] = [words(before.types), words(after.types)];
  if (worse.length > 0) {
    changes.add(
      "breaking",
      `${direction}-type-changed`,
      subject,
      `was ${from} and is ${to} ${where(direction)}`,
    );
  } else if (better.length > 0) {
    changes.add(
      "change",
      `${direction}-type-${direction === "request" ? "widened" : "narrowed"}`,
      subject,
      `was ${from} and is ${to} ${where(direction)}`,
    );
  }
  return [...old].some((type) => covers(now, type)) || now.has("any") || old.has("any");
}

const typesOf = ({ types, values }: Shape): ReadonlySet<string> =>
  types ?? (values === null ? new Set(["any"]) : new Set(values.map(typeOf)));

function typeOf(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "array";
  return Number.isInteger(value) ? "integer" : typeof value;
}

/** Every integer is a number. */
const covers = (types: ReadonlySet<string>, type: string): boolean =>
  types.has(type) || types.has("any") || (type === "integer" && types.has("number"));

const words = (types: ReadonlySet<string> | null): string =>
  types === null ? "anything" : types.size === 0 ? "nothing" : [...types].join(" or ");

function compareValues({ before, after, subject, direction }: Shapes, changes: Changes): void {
  const [old, now] = [before.values, after.values];
  if (old === null && now === null) return;
  if (old === null || now === null) {
    const narrows = old === null;
    const breaks = narrows === (direction === "request") && !(direction === "response" && before.open);
    const message = narrows ? `may only be one of ${shown(now)}` : `may be anything, not only ${shown(old)},`;
    changes.add(
      breaks ? "breaking" : "change",
      `${direction}-enum-${narrows ? "added" : "removed"}`,
      subject,
      `${message} ${where(direction)}`,
    );
    return;
  }
  const has = (values: readonly unknown[], value: unknown): boolean =>
    values.some((one) => JSON.stringify(one) === JSON.stringify(value));
  for (const value of old.filter((one) => !has(now, one))) {
    // Of codes that may grow in number each is a promise.
    const breaks = direction === "request" || before.open;
    changes.add(
      breaks ? "breaking" : "change",
      `${direction}-value-removed`,
      subject,
      `can no longer be ${shown(value)} ${where(direction)}`,
    );
  }
  for (const value of now.filter((one) => !has(old, one))) {
    const breaks = direction === "response" && !before.open;
    changes.add(
      breaks ? "breaking" : "addition",
      `${direction}-value-added`,
      subject,
      `can be ${shown(value)}, too, ${where(direction)}`,
    );
  }
}

function compareDefaults({ before, after, subject, direction }: Shapes, changes: Changes): void {
  if (direction === "response" || JSON.stringify(before.default) === JSON.stringify(after.default)) return;
  if (before.default === undefined) {
    changes.add("change", "default-added", subject, `is ${shown(after.default)} where it is left out`);
    return;
  }
  const now = after.default === undefined ? "has no default any more" : `is ${shown(after.default)} now`;
  changes.add(
    "breaking",
    "default-changed",
    subject,
    `was ${shown(before.default)} where it is left out, and ${now}`,
  );
}

// ---------------------------------------------------------------- properties

function compareProperties(shapes: Shapes, comparison: Comparison, visited: Visited): void {
  const { before, after, direction } = shapes;
  for (const [name, old] of before.properties) {
    const now = after.properties.get(name);
    const wasThere = isIn(old, comparison.before, direction);
    const isThere = now !== undefined && isIn(now, comparison.after, direction);
    if (wasThere && isThere) compareProperty(name, old, now, shapes, comparison, visited);
    else if (wasThere) sayRemoved(old.subject, direction, comparison.changes);
    else if (isThere) sayAdded(name, now.subject, shapes, comparison.changes);
  }
  for (const [name, now] of after.properties) {
    if (!before.properties.has(name) && isIn(now, comparison.after, direction)) {
      sayAdded(name, now.subject, shapes, comparison.changes);
    }
  }
}

/** What is read-only is no part of requests, what is write-only none of answers. */
function isIn({ schema, subject }: Property, source: Source, direction: Direction): boolean {
  const { readOnly, writeOnly } = shapeOf(schema, source, subject);
  return direction === "request" ? !readOnly : !writeOnly;
}

function sayRemoved(subject: string, direction: Direction, changes: Changes): void {
  const message = direction === "request" ? "can no longer be given in requests" : "is no longer in answers";
  changes.add("breaking", `${direction}-field-removed`, subject, message);
}

function sayAdded(name: string, subject: string, { after, direction }: Shapes, changes: Changes): void {
  const needed = direction === "request" && after.required.has(name);
  if (needed)
    changes.add(
      "breaking",
      "request-field-required",
      subject,
      "has to be given in requests, and did not exist",
    );
  else changes.add("addition", `${direction}-field-added`, subject, `is new ${where(direction)}`);
}

function compareProperty(
  name: string,
  old: Property,
  now: Property,
  { before, after, direction }: Shapes,
  comparison: Comparison,
  visited: Visited,
): void {
  const { subject } = old;
  const [was, is] = [before.required.has(name), after.required.has(name)];
  if (direction === "request" && is && !was) {
    comparison.changes.add(
      "breaking",
      "request-field-required",
      subject,
      "has to be given in requests, and could be left out",
    );
  } else if (direction === "request" && was && !is) {
    comparison.changes.add("change", "request-field-optional", subject, "may be left out of requests");
  } else if (direction === "response" && was && !is) {
    comparison.changes.add("breaking", "response-field-optional", subject, "may be missing in answers");
  }
  compareSchemas({ before: old.schema, after: now.schema, subject, direction }, comparison, visited);
}

// ---------------------------------------------------------------- unions

function compareBranches(shapes: Shapes, comparison: Comparison, visited: Visited): void {
  const { before, after, subject, direction } = shapes;
  const [old, now] = [before.branches.flat(), after.branches.flat()];
  if (old.length === 0 || now.length === 0) {
    if (old.length !== now.length) sayUnion(now.length > 0, shapes, comparison.changes);
    return;
  }
  const compare = (one: unknown, other: unknown): void =>
    compareSchemas({ before: one, after: other, subject, direction }, comparison, visited);
  const lost = old.filter((one) => !now.some((other) => keyOf(one) === keyOf(other)));
  const gained = now.filter((one) => !old.some((other) => keyOf(one) === keyOf(other)));
  for (const branch of now) if (!gained.includes(branch)) compare(branch, branch);
  // One that stands in the place of another is that one, changed.
  if (lost.length === gained.length) {
    lost.forEach((branch, index) => {
      compare(branch, gained[index]);
    });
    return;
  }
  for (const branch of lost) sayBranch(branch, "removed", shapes, comparison.changes);
  for (const branch of gained) sayBranch(branch, "added", shapes, comparison.changes);
}

function sayUnion(restricts: boolean, { subject, direction }: Shapes, changes: Changes): void {
  const breaks = restricts === (direction === "request");
  const message = restricts ? "has to be one of several forms" : "need no longer be one of several forms";
  const rule = `${direction}-union-${restricts ? "added" : "removed"}`;
  changes.add(breaks ? "breaking" : "change", rule, subject, `${message} ${where(direction)}`);
}

function sayBranch(
  branch: unknown,
  what: "removed" | "added",
  { subject, direction }: Shapes,
  changes: Changes,
): void {
  const name = nameOf(branch) ?? shown(branch);
  const message = what === "removed" ? `can no longer be ${name}` : `can be ${name}, too,`;
  const breaks = (what === "removed") === (direction === "request");
  const kind = breaks ? "breaking" : what === "added" ? "addition" : "change";
  changes.add(kind, `${direction}-branch-${what}`, subject, `${message} ${where(direction)}`);
}
