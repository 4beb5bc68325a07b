/** Compares what can be asked and what is answered, operation by operation. */
import type { Fields } from "../../../core/json-schema/documents.ts";
import { compareStates } from "./own-words.ts";
import { type Comparison, type Direction, where } from "./pair.ts";
import { type Asked, compareParameters, schemaOf } from "./parameters.ts";
import { compareSchemas } from "./schemas.ts";
import { compareSecurity } from "./security.ts";
import { fields, list, type Source } from "./source.ts";

/** In the order in which they are shown. */
const METHODS = ["get", "head", "post", "put", "patch", "delete", "options", "trace", "query"] as const;

export interface Items {
  readonly before: Fields;
  readonly after: Fields;
  /** `/orders/{id}` */
  readonly path: string;
  /** The same with other names of its parameters. */
  readonly pathAfter: string;
  /** Of what the client sends; the other way round for webhooks and callbacks. */
  readonly sends: Direction;
}

/** Compares everything that one path offers. */
export function compareItems({ before, after, path, pathAfter, sends }: Items, comparison: Comparison): void {
  for (const method of METHODS) {
    const [old, now] = [before[method], after[method]];
    const operation = `${method.toUpperCase()} ${path}`;
    comparison.changes.within(operation, () => {
      if (old === undefined && now === undefined) return;
      if (now === undefined) comparison.changes.add("breaking", "operation-removed", operation, "is gone");
      else if (old === undefined) comparison.changes.add("addition", "operation-added", operation, "is new");
      else {
        const sides = [withShared(old, before, path), withShared(now, after, pathAfter)] as const;
        compareOperation(operation, sides, sends, comparison);
      }
    });
  }
}

interface Operation {
  readonly value: Fields;
  readonly asked: Asked;
}

/** An operation with the parameters of its path. */
function withShared(operation: unknown, item: Fields, path: string): Operation {
  const value = fields(operation);
  return { value, asked: { path, parameters: [...list(item["parameters"]), ...list(value["parameters"])] } };
}

function compareOperation(
  operation: string,
  [old, now]: readonly [Operation, Operation],
  sends: Direction,
  comparison: Comparison,
): void {
  const { changes } = comparison;
  const [before, after] = [old.value, now.value];
  const [oldId, newId] = [before["operationId"], after["operationId"]];
  if (typeof oldId === "string" && oldId !== newId) {
    changes.add(
      "breaking",
      "operation-renamed",
      operation,
      `was called ${oldId} and is called ${String(newId ?? "nothing")}: programs that were generated call it by that name`,
    );
  }
  if (before["deprecated"] !== true && after["deprecated"] === true) {
    changes.add("change", "operation-deprecated", operation, "is deprecated");
  }
  compareStates(operation, before["x-possible-from"], after["x-possible-from"], changes);
  compareParameters(old.asked, now.asked, sends, comparison);
  compareBodies(operation, before["requestBody"], after["requestBody"], sends, comparison);
  compareResponses(operation, fields(before["responses"]), fields(after["responses"]), sends, comparison);
  compareSecurity(operation, before["security"], after["security"], comparison);
  compareCallbacks(fields(before["callbacks"]), fields(after["callbacks"]), comparison);
}

const opposite = (direction: Direction): Direction => (direction === "request" ? "response" : "request");

// ---------------------------------------------------------------- bodies

function compareBodies(
  operation: string,
  before: unknown,
  after: unknown,
  sends: Direction,
  comparison: Comparison,
): void {
  const { changes } = comparison;
  const subject = `the request body of ${operation}`;
  if (before === undefined && after === undefined) return;
  const [old, now] = [comparison.before.follow(before), comparison.after.follow(after)];
  if (after === undefined) changes.add("breaking", "request-body-removed", subject, "is no longer taken");
  else if (now["required"] === true && old["required"] !== true) {
    changes.add(
      "breaking",
      "request-body-required",
      subject,
      before === undefined ? "has to be given, and did not exist" : "has to be given, and could be left out",
    );
  } else if (before === undefined) changes.add("addition", "request-body-added", subject, "is new");
  if (before !== undefined && after !== undefined) compareContents(subject, old, now, sends, comparison);
}

/** What is answered in a type that a client did not ask for breaks nobody. */
function compareContents(
  subject: string,
  before: Fields,
  after: Fields,
  direction: Direction,
  comparison: Comparison,
): void {
  const [old, now] = [fields(before["content"]), fields(after["content"])];
  for (const [type, media] of Object.entries(old)) {
    const other = now[type];
    if (other === undefined)
      comparison.changes.add("breaking", "media-type-removed", subject, `is no longer ${type}`);
    else {
      const [one, two] = [fields(media)["schema"] ?? true, fields(other)["schema"] ?? true];
      compareSchemas({ before: one, after: two, subject, direction }, comparison);
    }
  }
  for (const type of Object.keys(now)) {
    if (!(type in old))
      comparison.changes.add("addition", "media-type-added", subject, `may be ${type}, too`);
  }
}

// ---------------------------------------------------------------- answers

function compareResponses(
  operation: string,
  before: Fields,
  after: Fields,
  sends: Direction,
  comparison: Comparison,
): void {
  for (const [status, response] of Object.entries(before)) {
    const subject = `the answer ${status} of ${operation}`;
    const other = after[status];
    if (other === undefined)
      comparison.changes.add("breaking", "status-removed", subject, "is no longer given");
    else {
      const [old, now] = [comparison.before.follow(response), comparison.after.follow(other)];
      compareContents(subject, old, now, opposite(sends), comparison);
      comparison.changes.within(`${operation} → ${status}`, () =>
        compareHeaders(old, now, opposite(sends), comparison),
      );
    }
  }
  for (const status of Object.keys(after)) {
    if (!(status in before))
      comparison.changes.add("addition", "status-added", `the answer ${status} of ${operation}`, "is new");
  }
}

/** What was never sure to be there nobody can have relied on. */
function compareHeaders(before: Fields, after: Fields, direction: Direction, comparison: Comparison): void {
  const { changes } = comparison;
  const [old, now] = [headersOf(before, comparison.before), headersOf(after, comparison.after)];
  for (const [name, { shown, value }] of old) {
    const subject = `the header field ${shown}`;
    const other = now.get(name);
    const wasSure = value["required"] === true;
    if (other === undefined) {
      changes.add(
        wasSure ? "breaking" : "change",
        "header-removed",
        subject,
        `is no longer ${where(direction)}`,
      );
      continue;
    }
    if (wasSure && other.value["required"] !== true)
      changes.add("breaking", "header-optional", subject, `may be missing ${where(direction)}`);
    const schemas = { before: schemaOf(value), after: schemaOf(other.value) };
    compareSchemas({ ...schemas, subject, direction }, comparison);
  }
  for (const [name, { shown }] of now) {
    if (!old.has(name))
      changes.add("addition", "header-added", `the header field ${shown}`, `is new ${where(direction)}`);
  }
}

function headersOf(
  { headers }: Fields,
  source: Source,
): Map<string, { readonly shown: string; readonly value: Fields }> {
  const entries = Object.entries(fields(headers));
  return new Map(
    entries.map(([name, one]) => [name.toLowerCase(), { shown: name, value: source.follow(one) }]),
  );
}

/** Requests that the service makes: what is asked there comes from it. */
function compareCallbacks(before: Fields, after: Fields, comparison: Comparison): void {
  for (const [name, one] of Object.entries(before)) {
    const [old, now] = [comparison.before.follow(one), comparison.after.follow(after[name])];
    for (const [expression, item] of Object.entries(old)) {
      const sides = {
        before: comparison.before.follow(item),
        after: comparison.after.follow(now[expression]),
      };
      const path = `${name} ${expression}`;
      compareItems({ ...sides, path, pathAfter: path, sends: "response" }, comparison);
    }
  }
}
