import type { Access, Resource, Resources, Verb } from "../../core/resource.ts";

/** What a resource offers, as a client sees it. */
export interface Operation {
  readonly method: string;
  /** `/orders/{id}/cancel` */
  readonly path: string;
  /** A verb, or the name of an action. */
  readonly name: string;
  readonly access: Access;
}

const METHODS: Readonly<Record<Verb, string>> = {
  list: "GET",
  get: "GET",
  create: "POST",
  replace: "PUT",
  update: "PATCH",
  delete: "DELETE",
};
const OF_ALL: ReadonlySet<Verb> = new Set(["list", "create"]);

/** Everything that is offered, the lists inside other objects last. */
export function operationsOf(resource: Resource, resources: Resources): readonly Operation[] {
  const { path, verbs, access, actions, sublists } = resource;
  const operation = (name: Verb, at: string): Operation => ({
    method: METHODS[name],
    path: at,
    name,
    access: access[name],
  });
  const own = [...verbs].map((verb) => operation(verb, OF_ALL.has(verb) ? path : `${path}/{id}`));
  const more = actions.map(({ name, access: who }) => ({
    method: "POST",
    path: `${path}/{id}/${name}`,
    name,
    access: who,
  }));
  const inside = sublists.flatMap(({ parent, segment }) => {
    const above = resources.get(parent);
    const offered = [...verbs].filter((verb) => OF_ALL.has(verb));
    return above === undefined ? [] : offered.map((verb) => operation(verb, `${above.path}/{id}/${segment}`));
  });
  return [...own, ...more, ...inside];
}

/** The operation that a request asks for, and its resource; null where no resource offers it. HEAD is GET. */
export function operationAt(
  resources: Resources,
  method: string,
  path: string,
): { readonly resource: Resource; readonly operation: Operation } | null {
  const wanted = method === "HEAD" ? "GET" : method;
  for (const resource of resources.values()) {
    const operation = operationsOf(resource, resources).find(
      (one) => one.method === wanted && matches(one.path, path),
    );
    if (operation !== undefined) return { resource, operation };
  }
  return null;
}

function matches(template: string, path: string): boolean {
  const parts = path.split("/");
  const wanted = template.split("/");
  return (
    parts.length === wanted.length &&
    wanted.every((part, index) => (part === "{id}" ? parts[index] !== "" : part === parts[index]))
  );
}
