import type { RouteConfig } from "./schema.ts";

/**
 * A name for every route. Those without one get theirs from the path (`/orders/{id}` is `orders-id`),
 * with a number behind it where the name is taken.
 */
export function routeNames(routes: readonly (RouteConfig | undefined)[]): string[] {
  const taken = new Set(routes.flatMap((route) => route?.name ?? []));
  return routes.map((route) => {
    if (route?.name !== undefined) return route.name;
    const base = fromPath(route?.path ?? "/");
    let name = base;
    for (let number = 2; taken.has(name); number++) name = `${base}-${number}`;
    taken.add(name);
    return name;
  });
}

function fromPath(path: string): string {
  const words = path.match(/[\w.-]+/g) ?? [];
  if (words.length === 0) return path.endsWith("*") ? "all" : "root";
  return words.join("-").slice(0, 60);
}
