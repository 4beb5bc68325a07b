import type { LogPlan } from "../core/plan.ts";
import { clipped, codeOf, messageOf, quoted, timestamp } from "./json-text.ts";
import { isSecretField, redactMessage } from "./redact.ts";

const MAX_TEXT = 8192;
const MAX_ENTRIES = 100;
const MAX_DEPTH = 4;

/**
 * One line for an event. Only plain data and errors are written out; of an instance of a class no more than its
 * name, because nobody can know what it carries (headers, keys, a whole call).
 */
export function formatLogLine(
  wall: number,
  level: LogPlan["level"],
  fields: Readonly<Record<string, unknown>>,
  message: string,
): string {
  const head = `{"time":"${timestamp(wall)}","level":"${level}","msg":${textJson(message)}`;
  try {
    return `${head}${fieldsJson(fields)}}\n`;
  } catch {
    // A getter or proxy that throws. The event is worth more than its fields.
    return `${head}}\n`;
  }
}

function fieldsJson(fields: Readonly<Record<string, unknown>>): string {
  let json = "";
  const written = new Set(["time", "level", "msg"]);
  for (const [key, value] of Object.entries(fields)) {
    // Errors are found in one place whatever the caller calls them.
    const name = value instanceof Error && !written.has("cause") ? "cause" : key;
    const text = memberJson(key, value, 0);
    if (text === undefined || written.has(name)) continue;
    written.add(name);
    json += `,${quoted(name)}:${text}`;
  }
  return json;
}

function memberJson(key: string, value: unknown, depth: number): string | undefined {
  return isSecretField(key) && value !== undefined ? '"[redacted]"' : valueJson(value, depth);
}

function valueJson(value: unknown, depth: number): string | undefined {
  switch (typeof value) {
    case "string":
      return textJson(value);
    case "number":
      return Number.isFinite(value) ? String(value) : `"${value}"`;
    case "boolean":
      return String(value);
    case "bigint":
      return `"${value}"`;
    case "object":
      return value === null ? "null" : objectJson(value, depth);
    default:
      return undefined;
  }
}

const textJson = (text: string): string => quoted(redactMessage(clipped(text, MAX_TEXT)));

function objectJson(value: object, depth: number): string {
  if (depth === MAX_DEPTH) return '"[...]"';
  if (value instanceof Error) return errorJson(value, depth);
  if (value instanceof Date) return quoted(String(value.toJSON()));
  if (Array.isArray(value)) {
    const items = value.slice(0, MAX_ENTRIES).map((item) => valueJson(item, depth + 1) ?? "null");
    return `[${items.join(",")}]`;
  }
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) return quoted(`[${value.constructor.name}]`);
  return recordJson(Object.entries(value), depth);
}

function errorJson(error: Error, depth: number): string {
  const { stack, cause } = error;
  return recordJson(
    Object.entries({ message: messageOf(error), code: codeOf(error) || undefined, stack, cause }),
    depth,
  );
}

function recordJson(entries: readonly (readonly [string, unknown])[], depth: number): string {
  const members: string[] = [];
  for (const [key, value] of entries.slice(0, MAX_ENTRIES)) {
    const text = memberJson(key, value, depth + 1);
    if (text !== undefined) members.push(`${quoted(key)}:${text}`);
  }
  return `{${members.join(",")}}`;
}
