/** From a validator's errors to what a person is told: every wrong place once, in the order of the value. */
import type { ErrorObject } from "ajv";
import { issueOf, mustBeOneOf, REQUIRED, typeWords, UNKNOWN_FIELD } from "./issues.ts";
import type { Discriminator } from "./schema.ts";
import type { UnionParams } from "./union-keywords.ts";

export interface Finding {
  /** Keys of objects and indexes of lists, from the root of the value. */
  readonly path: readonly (string | number)[];
  readonly issue: string;
}

/** Sorted by where in the value they are; what is missing comes behind what is there. */
export function explain(value: unknown, errors: readonly ErrorObject[]): Finding[] {
  const places = new Places();
  // Inside of `not` and `if` errors are counted, and say nothing.
  const found = errors.filter(({ keyword }) => keyword !== undefined).flatMap(findingsOf);
  // Schemas that are composed say the same thing twice.
  const once = new Map(
    (found.length > 0 ? found : [NOT_VALID]).map((one) => [JSON.stringify([one.steps, one.issue]), one]),
  );
  return [...once.values()]
    .map(({ steps, issue }) => ({ ...places.find(value, steps), issue }))
    .sort((a, b) => compare(a.order, b.order))
    .map(({ path, issue }) => ({ path, issue }));
}

/** For a schema that nobody has words for. */
const NOT_VALID: Raw = { steps: [], issue: "is not valid" };

interface Raw {
  readonly steps: readonly string[];
  readonly issue: string;
}

function findingsOf(error: ErrorObject): Raw[] {
  const steps = stepsOf(error.instancePath);
  const at = (name: unknown, issue: string): Raw[] => [{ steps: [...steps, String(name)], issue }];
  const params = error.params as Readonly<Record<string, unknown>>;
  // What is wrong with a name is said of the name, below.
  if (error.propertyName !== undefined) return [];
  switch (error.keyword) {
    case "required":
      return at(params["missingProperty"], REQUIRED);
    case "dependentRequired":
      return at(params["missingProperty"], `is required together with ${String(params["property"])}`);
    case "additionalProperties":
      return at(params["additionalProperty"], UNKNOWN_FIELD);
    case "unevaluatedProperties":
      return isDeclared(error, params["unevaluatedProperty"])
        ? []
        : at(params["unevaluatedProperty"], UNKNOWN_FIELD);
    case "propertyNames":
      return at(params["propertyName"], "has a name that is not allowed");
    case "if":
      // Its branch has said why.
      return [];
    case "anyOf":
    case "oneOf":
      return unionFindings(error, params as unknown as UnionParams);
    default:
      return [{ steps, issue: issueOf(error) }];
  }
}

/** A field counts as evaluated only where its schema is met: where it is not, that has been said. */
function isDeclared({ parentSchema }: ErrorObject, name: unknown): boolean {
  return (parentSchema?.["declaredFields"] as readonly unknown[] | undefined)?.includes(name) ?? false;
}

/** The errors of the one branch that was meant, where it can be told; one sentence about all of them otherwise. */
function unionFindings(error: ErrorObject, { branches, passed }: UnionParams): Raw[] {
  const steps = stepsOf(error.instancePath);
  if (passed > 0) return [{ steps, issue: "matches more than one of the alternatives" }];
  const tagged = byDiscriminator(error, branches, steps);
  if (tagged !== undefined) return tagged;
  const here = error.instancePath;
  const ofType = branches.filter((errors) => !errors.some((one) => isAt(one, here, ["type"])));
  const ofKind = ofType.filter((errors) => !errors.some((one) => isOtherKind(one, here)));
  const meant = ofKind.length === 1 ? ofKind[0] : ofType.length === 1 ? ofType[0] : undefined;
  if (meant !== undefined) return meant.flatMap(findingsOf);
  return [{ steps, issue: alternatives(branches, here) }];
}

function isAt({ instancePath, keyword }: ErrorObject, place: string, keywords: readonly string[]): boolean {
  return instancePath === place && keywords.includes(keyword);
}

/** A branch that fixes the value, or one of its fields, to another one describes another kind of thing. */
function isOtherKind({ instancePath, keyword }: ErrorObject, place: string): boolean {
  if (keyword !== "const" && keyword !== "enum") return false;
  return instancePath === place || instancePath.slice(0, instancePath.lastIndexOf("/")) === place;
}

function byDiscriminator(
  { parentSchema, data }: ErrorObject,
  branches: UnionParams["branches"],
  steps: readonly string[],
): Raw[] | undefined {
  const hint = parentSchema?.["discriminator"] as Discriminator | undefined;
  if (hint === undefined || typeof data !== "object" || data === null || Array.isArray(data))
    return undefined;
  const { propertyName, values } = hint;
  const at = [...steps, propertyName];
  if (!Object.hasOwn(data, propertyName)) return [{ steps: at, issue: REQUIRED }];
  const tag: unknown = (data as Record<string, unknown>)[propertyName];
  const index = values.findIndex((ofBranch) => ofBranch.includes(tag as string));
  if (index >= 0) return (branches[index] ?? []).flatMap(findingsOf);
  return values.some((ofBranch) => ofBranch.length > 0)
    ? [{ steps: at, issue: mustBeOneOf(values.flat()) }]
    : undefined;
}

function alternatives(branches: UnionParams["branches"], here: string): string {
  const own = (keywords: readonly string[]) =>
    branches.map((errors) => errors.find((one) => isAt(one, here, keywords))?.schema);
  const types = own(["type"]);
  if (types.every((type) => type !== undefined)) return `must be ${typeWords(types.flat() as string[])}`;
  const values = own(["const", "enum"]);
  if (values.every((value) => value !== undefined)) return mustBeOneOf(values.flat());
  return `matches none of the ${branches.length} alternatives`;
}

function stepsOf(pointer: string): string[] {
  return pointer
    .split("/")
    .slice(1)
    .map((name) => name.replaceAll("~1", "/").replaceAll("~0", "~"));
}

/** Behind everything that is there. */
const MISSING = Number.MAX_SAFE_INTEGER;

class Places {
  readonly #indexes = new Map<object, Map<string, number>>();

  /** The path with indexes of lists as numbers, and where it is: the index at every level. */
  find(root: unknown, steps: readonly string[]): { path: (string | number)[]; order: number[] } {
    const path: (string | number)[] = [];
    const order: number[] = [];
    let value = root;
    for (const name of steps) {
      if (Array.isArray(value)) {
        path.push(Number(name));
        order.push(Number(name));
        value = value[Number(name)];
      } else {
        path.push(name);
        order.push(this.#indexOf(value, name));
        value =
          typeof value === "object" && value !== null ? (value as Record<string, unknown>)[name] : undefined;
      }
    }
    return { path, order };
  }

  #indexOf(value: unknown, name: string): number {
    if (typeof value !== "object" || value === null) return MISSING;
    let indexes = this.#indexes.get(value);
    if (indexes === undefined) {
      indexes = new Map(Object.keys(value).map((key, index) => [key, index]));
      this.#indexes.set(value, indexes);
    }
    return indexes.get(name) ?? MISSING;
  }
}

function compare(a: readonly number[], b: readonly number[]): number {
  for (let i = 0; i < Math.min(a.length, b.length); i++) {
    const difference = (a[i] as number) - (b[i] as number);
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}
