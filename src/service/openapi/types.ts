/** Documents of OpenAPI 3.1, as plain values in the order in which they are written. */
import type { Field, Resource, Resources, View } from "../../core/resource.ts";
import type { ApiVersion, VersionsPlan } from "../../core/version.ts";
import type { Components } from "./components.ts";

export type { Json, Schema } from "./json.ts";

export interface OpenApiOptions {
  readonly title: string;
  /** Of which the document is; null where the API has no versions. */
  readonly version: ApiVersion | null;
  readonly versions: VersionsPlan | null;
}

/** A resource in one version, with the names that a document has for it. */
export interface Described {
  readonly resource: Resource;
  readonly view: View;
  /** `Order`: names its schemas. */
  readonly noun: string;
  /** `Orders`. */
  readonly plural: string;
}

/** What every part of a document is made from. */
export interface Making extends OpenApiOptions {
  readonly resources: Resources;
  readonly described: ReadonlyMap<string, Described>;
  readonly components: Components;
}

export interface ShownField {
  readonly name: string;
  readonly field: Field;
}

/** What somebody may be shown: a link to the object that a reference names. */
export function linkOf(
  { field }: ShownField,
  { described }: Pick<Making, "described">,
): Described | undefined {
  const target = field.writeOnly ? undefined : described.get(field.reference?.resource ?? "");
  return target?.resource.verbs.has("get") === true ? target : undefined;
}
