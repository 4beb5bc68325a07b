/** The description of an API that resources make, for one of its versions: OpenAPI 3.1, in an order that never changes by itself. */
import type { Resources } from "../../core/resource.ts";
import { canonicalVersion } from "../../core/version.ts";
import { Components } from "./components.ts";
import { pascal, UniqueNames } from "./names.ts";
import { Operations, type PathItem } from "./operations.ts";
import type { Described, Json, Making, OpenApiOptions } from "./types.ts";

/** Names of schemas that are no resource's. */
const TAKEN = ["Error", "Problem"];

export function openApiOf(resources: Resources, options: OpenApiOptions): Json {
  const described = describe(resources, options);
  const making: Making = { ...options, resources, described, components: new Components() };
  const paths = pathsOf(making);
  return {
    openapi: "3.1.0",
    info: infoOf(options),
    jsonSchemaDialect: "https://spec.openapis.org/oas/3.1/dialect/base",
    servers: [{ url: serverOf(options) }],
    tags: [...described.values()].map(({ resource: { name, summary } }) => ({
      name,
      ...(summary === "" ? {} : { description: summary }),
    })),
    paths,
    components: making.components.toJson(),
  };
}

function describe(resources: Resources, { version }: OpenApiOptions): ReadonlyMap<string, Described> {
  const nouns = new UniqueNames(TAKEN);
  const plurals = new UniqueNames();
  const entries = [...resources].flatMap(([name, resource]) => {
    const view = resource.views.get(version);
    if (view === undefined) return [];
    const noun = nouns.take(pascal(resource.singular));
    return [[name, { resource, view, noun, plural: plurals.take(pascal(name)) }] as const];
  });
  return new Map(entries);
}

function infoOf({ title, version }: OpenApiOptions): Json {
  const described = version === null ? null : endOf(version);
  return {
    title,
    version: version?.name ?? "1",
    ...(described === null ? {} : { description: described }),
  };
}

/** Null for a version that goes on. */
function endOf({
  deprecated,
  sunset,
  successor,
  link,
}: NonNullable<OpenApiOptions["version"]>): string | null {
  const day = (time: number): string => new Date(time).toISOString().slice(0, 10);
  const parts = [
    ...(deprecated === null ? [] : [`Deprecated since ${day(deprecated)}.`]),
    ...(sunset === null ? [] : [`Ends on ${day(sunset)}.`]),
    ...((deprecated === null && sunset === null) || successor === null ? [] : [`Use version ${successor}.`]),
    ...(link === "" ? [] : [`See ${link}`]),
  ];
  return parts.length === 0 ? null : parts.join(" ");
}

/** Where the paths begin: behind the version, where a path may name it. */
function serverOf({ version, versions }: OpenApiOptions): string {
  const named = version !== null && versions?.from.includes("path") === true;
  return named ? `/v${canonicalVersion(version.name) ?? version.name}` : "/";
}

function pathsOf(making: Making): Json {
  const ids = new UniqueNames();
  const paths: Record<string, PathItem> = {};
  const add = (path: string, item: PathItem): void => {
    if (Object.keys(item).length > 0) paths[path] = { ...paths[path], ...item };
  };
  for (const described of making.described.values()) {
    const operations = new Operations(described, making, ids);
    const { resource } = described;
    add(resource.path, operations.collection(null));
    add(`${resource.path}/{id}`, operations.object());
    for (const action of resource.actions)
      add(`${resource.path}/{id}/${action.name}`, operations.action(action));
    for (const sublist of resource.sublists) {
      const parent = making.described.get(sublist.parent);
      if (parent === undefined) continue;
      add(`${parent.resource.path}/{id}/${sublist.segment}`, operations.collection({ parent, sublist }));
    }
  }
  return paths;
}
