import type { Finding } from "../problem.ts";
import { read } from "../sentences.ts";
import { type ResourceConfig, resource } from "./schema.ts";

/** A resource with mistakes, as far as it can be read: what is wrong in one field shall not hide what is wrong in others. */
export interface ReadableResource {
  readonly config: ResourceConfig;
  /** Names of fields that are there and cannot be read, and `id` where that cannot: nothing follows from them. */
  readonly unread: ReadonlySet<string>;
}

/** Leaving out what is wrong brings to light what was behind it, such as the fields below a misspelt key. */
const PASSES = 4;

export function readableResource(value: unknown): ReadableResource | undefined {
  const unread = new Set<string>();
  let rest = value;
  for (let pass = 0; pass < PASSES; pass++) {
    const result = read(resource, rest);
    if ("value" in result) return { config: result.value, unread };
    const repaired = without(rest, result.findings, unread);
    if (repaired === undefined) return undefined;
    rest = repaired;
  }
  return undefined;
}

/** Keys whose entries are on their own. */
const MAPS: readonly string[] = ["fields", "actions"];

/** The definition without what is wrong, misspelt keys put right; undefined where it is none. */
function without(value: unknown, findings: readonly Finding[], unread: Set<string>): object | undefined {
  if (!isObject(value)) return undefined;
  const right: Record<string, unknown> = { ...value };
  for (const { path, meant } of findings) {
    const [key, name] = path.map(String);
    if (key === undefined) return undefined;
    if (key === "id") unread.add("id");
    if (key === "fields" && name !== undefined) unread.add(name);
    const map = right[key];
    if (name !== undefined && MAPS.includes(key) && isObject(map)) {
      const { [name]: _, ...others } = map;
      right[key] = others;
    } else {
      delete right[key];
      if (path.length === 1 && meant !== undefined) right[meant] ??= value[key];
    }
  }
  return right;
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
