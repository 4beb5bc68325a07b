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

/** Keys whose entries are on their own, and what one of them has to have, any of it, to be worth a look without a key that is wrong. */
const MAPS: Readonly<Record<string, readonly string[]>> = {
  fields: ["type", "enum", "ref", "format", "schema", "computed"],
  actions: ["set", "run"],
};
/** Without these a field is what it is. */
const ASIDE: readonly string[] = ["summary", "minLength", "maxLength", "minimum", "maximum", "pattern"];
/** In the place of an index that cannot be read: the others keep theirs, and nothing is wrong with it. */
const SOME_INDEX: readonly string[] = ["id"];

/** The definition without what is wrong, misspelt keys put right; undefined where it is none. */
function without(value: unknown, findings: readonly Finding[], unread: Set<string>): object | undefined {
  if (!isObject(value)) return undefined;
  const right: Record<string, unknown> = { ...value };
  for (const finding of findings) {
    const { path, meant } = finding;
    const [key, name] = path.map(String);
    if (key === undefined) return undefined;
    if (key === "id") unread.add("id");
    const map = right[key];
    if (name !== undefined && Object.hasOwn(MAPS, key) && isObject(map)) {
      const { [name]: entry, ...others } = map;
      const rest = withoutKey(entry, finding, MAPS[key] ?? []);
      if (rest === undefined && key === "fields") unread.add(name);
      right[key] = rest === undefined ? others : { ...map, [name]: rest };
    } else if (key === "indexes" && typeof path[1] === "number" && Array.isArray(map)) {
      right[key] = map.with(path[1], SOME_INDEX);
    } else {
      delete right[key];
      if (path.length === 1 && meant !== undefined) right[meant] ??= value[key];
    }
  }
  return right;
}

/** A field or an action without a key that is wrong; undefined where nobody knows what it is then. */
function withoutKey(
  entry: unknown,
  { path, key: isUnknown, meant }: Finding,
  needed: readonly string[],
): object | undefined {
  const wrong = String(path[2]);
  if (path.length !== 3 || !isObject(entry) || !(isUnknown || ASIDE.includes(wrong))) return undefined;
  const { [wrong]: value, ...others } = entry;
  const rest = meant === undefined ? others : { [meant]: value, ...others };
  return needed.some((one) => one in rest) ? rest : undefined;
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
