import type { Call } from "../../core/call.ts";
import type { Reply } from "../../core/reply.ts";

/** `id` is the segment of the path that stands for one, decoded; empty where the path has none. */
export type Answerer = (call: Call, id: string) => Reply | Promise<Reply>;

/** What a place offers: by method, HEAD and OPTIONS left out. */
export interface Endpoint {
  readonly methods: ReadonlyMap<string, Answerer>;
  readonly allow: string;
}

export interface Place {
  readonly endpoint: Endpoint;
  readonly id: string;
}

const ORDER: readonly string[] = ["GET", "POST", "PUT", "PATCH", "DELETE"];

export function endpoint(methods: Readonly<Record<string, Answerer | undefined>>): Endpoint {
  const offered = new Map(
    ORDER.flatMap((name) => (methods[name] === undefined ? [] : [[name, methods[name]]])),
  );
  const names = [...offered.keys()].flatMap((name) => (name === "GET" ? ["GET", "HEAD"] : [name]));
  return { methods: offered, allow: [...names, "OPTIONS"].join(", ") };
}

/** Places whose path has at most one id in it: `/orders`, `/orders/{id}`, `/orders/{id}/cancel`. */
export class Router {
  readonly #fixed = new Map<string, Endpoint>();
  readonly #items = new Map<string, Endpoint>();
  /** By what stands in front of the id, then behind it. */
  readonly #inside = new Map<string, Map<string, Endpoint>>();

  /** What offers nothing is not there. */
  fixed(path: string, place: Endpoint): void {
    if (place.methods.size > 0) this.#fixed.set(path, place);
  }

  item(before: string, place: Endpoint): void {
    if (place.methods.size > 0) this.#items.set(before, place);
  }

  inside(before: string, segment: string, place: Endpoint): void {
    if (place.methods.size === 0) return;
    const segments = this.#inside.get(before) ?? new Map<string, Endpoint>();
    this.#inside.set(before, segments.set(segment, place));
  }

  find(path: string): Place | null {
    const fixed = this.#fixed.get(path);
    if (fixed !== undefined) return { endpoint: fixed, id: "" };
    const last = path.lastIndexOf("/");
    const item = this.#items.get(path.slice(0, last));
    if (item !== undefined) return placeAt(item, path.slice(last + 1));
    const before = path.lastIndexOf("/", last - 1);
    if (before < 0) return null;
    const inside = this.#inside.get(path.slice(0, before))?.get(path.slice(last + 1));
    return inside === undefined ? null : placeAt(inside, path.slice(before + 1, last));
  }
}

/** An empty segment is another path, not an empty id. */
function placeAt(found: Endpoint, segment: string): Place | null {
  return segment === "" ? null : { endpoint: found, id: decoded(segment) };
}

/** What cannot be decoded is no id of anything. */
function decoded(segment: string): string {
  if (!segment.includes("%")) return segment;
  try {
    return decodeURIComponent(segment);
  } catch {
    return "";
  }
}
