import { quoted } from "../../core/found.ts";
import type { Field, FieldType, Reference, Resource, Resources } from "../../core/resource.ts";
import { didYouMean } from "../../core/suggest.ts";
import type { Path } from "../problem.ts";
import type { Identity } from "./identity.ts";
import type { FieldConfig } from "./schema-field.ts";
import type { Scope } from "./scope.ts";

/** References between resources, and the circles that they may make. */

/** What the type of the ids decides, or what makes no sense of an id. */
const NOT_OF_REFERENCES = [
  "type",
  "enum",
  "format",
  "minLength",
  "maxLength",
  "pattern",
  "minimum",
  "maximum",
  "schema",
] as const;

export function referenceOf(
  config: FieldConfig,
  target: string,
  at: Path,
  identities: ReadonlyMap<string, Identity>,
  scope: Scope,
): { reference: Reference | null; type: FieldType } {
  const { report, names } = scope;
  const identity = identities.get(target);
  if (!names.has(target))
    report.error([...at, "ref"], `there is no resource ${quoted(target)}${didYouMean(target, names)}`);
  for (const key of NOT_OF_REFERENCES) {
    if (config[key] === undefined || (key === "type" && config.type === identity?.field.type)) continue;
    report.keyError([...at, key], "does not go together with ref: the field holds an id of that resource");
  }
  const onDelete = config.onDelete ?? "refuse";
  const nullable = config.nullable ?? (!config.required && config.default === undefined);
  if (onDelete === "clear" && !nullable)
    report.error(
      [...at, "onDelete"],
      "cannot clear a field that cannot be null; write refuse or delete, or nullable: true",
    );
  if (config.default !== undefined && config.default !== null)
    report.keyWarn(
      [...at, "default"],
      `an object of ${target} with this id has to be there, or nothing can be created without the field`,
    );
  return {
    reference: identity === undefined ? null : { resource: target, onDelete },
    type: identity?.field.type ?? "string",
  };
}

/** Whoever sees an object that all share sees the ids in it. */
export function checkOwners(
  resources: Resources,
  pathOf: (resource: Resource) => Path,
  { report }: Scope,
): void {
  for (const resource of resources.values()) {
    for (const { name, reference, readOnly } of resource.owner === null ? resource.fields : []) {
      const target = reference === null ? undefined : resources.get(reference.resource);
      if (target == null || target.owner === null || readOnly) continue;
      report.warn(
        [...pathOf(resource), "fields", name, "ref"],
        `${target.name} have owners and ${resource.name} have none: everybody sees the ids of everybody's ${target.name} here; write owner: true for ${resource.name} if that is not meant`,
      );
    }
  }
}

/** Circles in which nothing can be the first, or in which one deletion takes all. */
export function checkCircles(
  resources: Resources,
  pathOf: (resource: Resource) => Path,
  { report }: Scope,
): void {
  const at = ([first]: Circle): Path =>
    first === undefined ? [] : [...pathOf(first.resource), "fields", first.field.name];
  for (const circle of circles(resources, ({ required, nullable }) => required && !nullable)) {
    // What is in somebody else's table has got there somehow.
    if (circle.some(({ resource }) => resource.external)) continue;
    const message = `nothing could ever be created: ${told(circle, "need")}`;
    report.error([...at(circle), "required"], message);
  }
  for (const circle of circles(resources, ({ reference }) => reference?.onDelete === "delete")) {
    // A tree of one kind goes with its root.
    if (circle.length === 1) continue;
    report.error([...at(circle), "onDelete"], `goes in a circle: ${told(circle, "go with")}`);
  }
}

interface Link {
  readonly resource: Resource;
  /** Leads to the next one. */
  readonly field: Field;
}

type Circle = readonly Link[];

/** `a need b, which need a` */
function told(circle: Circle, verb: string): string {
  const [first = "", ...others] = circle.map(({ resource }) => resource.name);
  return `${first} ${verb} ${[...others, first].join(`, which ${verb} `)}`;
}

/** Each circle of references that pass the test, once. */
function circles(resources: Resources, test: (field: Field) => boolean): Circle[] {
  const found: Circle[] = [];
  const done = new Set<Resource>();
  const visit = (resource: Resource, path: Circle): void => {
    const start = path.findIndex((link) => link.resource === resource);
    if (start !== -1) found.push(path.slice(start));
    if (start !== -1 || done.has(resource)) return;
    for (const field of resource.fields) {
      const next =
        field.reference !== null && test(field) ? resources.get(field.reference.resource) : undefined;
      if (next !== undefined) visit(next, [...path, { resource, field }]);
    }
    done.add(resource);
  };
  for (const resource of resources.values()) visit(resource, []);
  return found;
}
