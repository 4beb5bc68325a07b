/**
 * Every way to name somebody else's object, made of the definitions: each verb, action and sublist, every parameter of
 * each, every reference in a body, every filter.
 */
import type { Field, Resource, Resources, View } from "../../src/core/resource.ts";

/** One request, given the id (or other value) that it is about. */
export interface Probe {
  readonly what: string;
  readonly method: string;
  readonly path: (id: string) => string;
  readonly body?: (id: string) => unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/** What a caller has: an id of each resource, for bodies. */
export type Own = ReadonlyMap<string, string | number>;

let numbers = 0;

/** A body that creates an object, in the names of the version. */
export function bodyFor(
  view: View,
  own: Own,
  more: Readonly<Record<string, unknown>> = {},
): Record<string, unknown> {
  const required = view.fields.filter(({ field }) => field.required && !field.readOnly);
  return { ...Object.fromEntries(required.map(({ name, field }) => [name, valueFor(field, own)])), ...more };
}

function valueFor(field: Field, own: Own): unknown {
  const { type, rules, reference } = field;
  if (reference !== null) return own.get(reference.resource);
  if (rules.enum !== undefined) return rules.enum[0];
  const number = ++numbers;
  if (rules.format === "email") return `n${number}@example.com`;
  switch (type) {
    case "integer":
    case "number":
      return rules.minimum ?? 1;
    case "boolean":
      return true;
    case "object":
      return {};
    case "array":
      return [];
    default:
      return `text ${number}`;
  }
}

/** Requests whose path names an object of the resource. `tags` are those that the object is known to have. */
export function probesOfPath(
  resource: Resource,
  resources: Resources,
  view: View,
  own: Own,
  tags: readonly string[],
): Probe[] {
  const { path } = resource;
  const item = (id: string): string => `${path}/${id}`;
  const probes: Probe[] = [];
  const add = (what: string, method: string, at: Probe["path"], body?: unknown): void => {
    const sent = body === undefined ? {} : { body: () => body };
    probes.push({ what: `${method} ${what}`, method, path: at, ...sent });
    for (const headers of conditions(tags))
      probes.push({
        what: `${method} ${what} ${JSON.stringify(headers)}`,
        method,
        path: at,
        ...sent,
        headers,
      });
  };
  const verbs: readonly (readonly [boolean, string, unknown])[] = [
    [resource.verbs.has("get"), "GET", undefined],
    [resource.verbs.has("get"), "HEAD", undefined],
    [resource.verbs.has("replace"), "PUT", bodyFor(view, own)],
    [resource.verbs.has("update"), "PATCH", {}],
    [resource.verbs.has("update"), "PATCH", bodyFor(view, own)],
    [resource.verbs.has("update"), "PATCH", { nonsense: 1 }],
    [resource.verbs.has("delete"), "DELETE", undefined],
  ];
  for (const [offered, method, body] of verbs) if (offered) add(path, method, item, body);
  if (resource.verbs.has("get"))
    for (const query of looks(view)) add(`${path}?${query}`, "GET", (id) => `${item(id)}?${query}`);
  for (const { name } of resource.actions) add(`${path} ${name}`, "POST", (id) => `${item(id)}/${name}`, {});
  for (const child of resources.values())
    for (const { parent, segment, field } of child.sublists) {
      if (parent !== resource.name) continue;
      const inside = (id: string): string => `${item(id)}/${segment}`;
      const childView = child.views.get(view.version) as View;
      const { [nameIn(childView, field)]: _, ...body } = bodyFor(childView, own);
      if (child.verbs.has("create")) add(`${path} ${segment}`, "POST", inside, body);
      if (!child.verbs.has("list")) continue;
      for (const query of [
        "",
        "?total=true",
        "?page=1&total=true",
        "?limit=1&sort=-id",
        ...looks(childView).map((look) => `?${look}`),
      ])
        add(`${path} ${segment}${query}`, "GET", (id) => inside(id) + query);
    }
  return probes;
}

/** Requests that name an object of the resource where others refer to it. `mine` is an object of the caller's to change. */
export function probesOfReferences(resource: Resource, resources: Resources, view: View, own: Own): Probe[] {
  const probes: Probe[] = [];
  for (const other of resources.values()) {
    const otherView = other.views.get(view.version) as View;
    for (const { name, field } of otherView.fields) {
      if (field.reference?.resource !== resource.name) continue;
      const mine = `${other.path}/${own.get(other.name)}`;
      const named = (id: string): unknown => bodyFor(otherView, own, { [name]: id });
      const what = `${other.name}.${name}`;
      const headers = { "If-Match": "*" };
      if (other.verbs.has("create"))
        probes.push({ what: `POST ${what}`, method: "POST", path: () => other.path, body: named });
      if (other.verbs.has("replace"))
        probes.push({ what: `PUT ${what}`, method: "PUT", path: () => mine, body: named, headers });
      if (other.verbs.has("update")) {
        const body = (id: string): unknown => ({ [name]: id });
        probes.push({ what: `PATCH ${what}`, method: "PATCH", path: () => mine, body, headers });
      }
      probes.push(...probesOfFilter(other, name));
    }
  }
  return probes;
}

/** Lists that are filtered by a value, in each way there is. Long enough for one page: cursors are never alike. */
export function probesOfFilter(resource: Resource, name: string): Probe[] {
  if (!resource.verbs.has("list")) return [];
  const ways = ["", "[ne]", "[gt]", "[gte]", "[lt]", "[lte]", "[in]"];
  return ways.flatMap((way) =>
    ["", "&total=true", "&page=1&total=true"].map((more) => {
      const query = (value: string): string =>
        `${encodeURIComponent(name + way)}=${encodeURIComponent(value)}&limit=100${more}`;
      return {
        what: `GET ${resource.name}?${name}${way}${more}`,
        method: "GET",
        path: (value: string) => `${resource.path}?${query(value)}`,
      };
    }),
  );
}

function conditions(tags: readonly string[]): Readonly<Record<string, string>>[] {
  return [...tags, "*", '"nonsense"'].flatMap((tag) => [{ "If-Match": tag }, { "If-None-Match": tag }]);
}

function looks(view: View): string[] {
  const references = view.fields.filter(({ field }) => field.reference !== null).map(({ name }) => name);
  return ["fields=id", ...references.map((name) => `expand=${name}`)];
}

export const nameIn = (view: View, field: Field): string =>
  view.fields.find((shown) => shown.field === field)?.name ?? field.name;
