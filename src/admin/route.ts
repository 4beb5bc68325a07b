import type { Reply } from "../core/reply.ts";

/** An operation of the admin API. */
export interface AdminRoute {
  readonly method: "GET" | "POST" | "DELETE";
  /** `/v1/keys/{id}`: `{…}` is one segment. */
  readonly path: string;
  readonly answer: (request: AdminRequest) => Reply | Promise<Reply>;
}

/** What somebody with the admin token asks. */
export interface AdminRequest {
  readonly method: string;
  readonly path: string;
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  /** Of a POST, at most 64 KiB; empty for none. */
  readonly body: Buffer;
  readonly contentType: string;
  /** Values of `Idempotency-Key`. */
  readonly idempotencyKeys: readonly string[];
  /** The token that it came with. */
  readonly token: string;
  /** For the audit. */
  readonly actor: string;
}

export interface Match {
  readonly route: AdminRoute;
  readonly params: Readonly<Record<string, string>>;
}

/** The route of a request, or the methods that its path has; null for a path that is not there. */
export function matchRoute(
  routes: readonly AdminRoute[],
  method: string,
  path: string,
): Match | { readonly allow: string } | null {
  const wanted = method === "HEAD" ? "GET" : method;
  const allow = new Set<string>();
  for (const route of routes) {
    const params = matchPath(route.path, path);
    if (params === null) continue;
    if (route.method === wanted) return { route, params };
    allow.add(route.method);
    if (route.method === "GET") allow.add("HEAD");
  }
  return allow.size === 0 ? null : { allow: [...allow].join(", ") };
}

function matchPath(template: string, path: string): Record<string, string> | null {
  const wanted = template.split("/");
  const given = path.split("/");
  if (wanted.length !== given.length) return null;
  const params: Record<string, string> = {};
  for (const [i, part] of wanted.entries()) {
    const value = given[i] ?? "";
    if (part.startsWith("{")) params[part.slice(1, -1)] = value;
    else if (part !== value) return null;
  }
  return params;
}
