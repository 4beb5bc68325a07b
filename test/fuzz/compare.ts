/** Whether two readings of the same bytes are the same reading. Everything returns null, or what is wrong in words. */
import type { Fields, SeenRequest } from "./our-server.ts";

/**
 * The law: every request that we accept is accepted by the other parser, as the same. Ours may stop earlier, and of a
 * body that was refused it may have passed on less; never more, never anything else.
 */
export function withinLaw(
  ours: readonly SeenRequest[],
  theirs: readonly SeenRequest[],
  readsBodies: boolean,
): string | null {
  for (const [i, mine] of ours.entries()) {
    const other = theirs[i];
    if (other === undefined) return `request ${i} (${mine.method} ${mine.target}) exists only for us`;
    const difference = differs(mine, other, readsBodies);
    if (difference !== null) return `request ${i}: ${difference}`;
  }
  return null;
}

function differs(mine: SeenRequest, other: SeenRequest, readsBodies: boolean): string | null {
  if (mine.method !== other.method) return `method ${mine.method} / ${other.method}`;
  const target = expectedTarget(other);
  if (mine.target !== target.target) return `target ${mine.target} / ${target.target} (${other.target})`;
  if (mine.host !== null && mine.host !== target.host) return `host ${mine.host} / ${target.host}`;
  const fields = fieldsDiffer(mine.fields, other.fields);
  if (fields !== null) return fields;
  // After CONNECT there is no body, only what belongs to the tunnel that we never open.
  if (!readsBodies || mine.method === "CONNECT") return null;
  if (!mine.complete) {
    return other.body.startsWith(mine.body) ? null : "of a body that broke off we passed on something else";
  }
  if (!other.complete) return "the body is complete only for us";
  if (mine.body !== other.body) return "the bodies differ";
  return fieldsDiffer(mine.trailers, other.trailers);
}

/** What of the target and Host must reach a route: the authority of an absolute target wins (RFC 9112 §3.2.2). */
function expectedTarget(other: SeenRequest): { target: string; host: string } {
  const hostField = other.fields.find(([name]) => name.toLowerCase() === "host")?.[1];
  if (other.method === "CONNECT") return { target: "/", host: plainHost(other.target) };
  const scheme = /^https?:\/\//i.exec(other.target);
  if (scheme === null)
    return { target: other.target, host: hostField === undefined ? "" : plainHost(hostField) };
  const rest = other.target.slice(scheme[0].length);
  const end = rest.search(/[/?]/);
  const authority = end === -1 ? rest : rest.slice(0, end);
  const path = end === -1 ? "" : rest.slice(end);
  return { target: path.startsWith("/") ? path : `/${path}`, host: plainHost(authority) };
}

function plainHost(value: string): string {
  const colon = /:([0-9]+)$/.exec(value);
  const name = colon === null ? value : value.slice(0, colon.index);
  const port = colon === null ? "" : `:${Number(colon[1])}`;
  return name.toLowerCase().replace(/\.$/, "") + port;
}

export function fieldsDiffer(mine: Fields, other: Fields): string | null {
  if (mine.length !== other.length) return `${mine.length} / ${other.length} fields`;
  for (const [i, [name, value]] of mine.entries()) {
    const [otherName, otherValue] = other[i] as readonly [string, string];
    if (name !== otherName || value !== otherValue) {
      return `field ${JSON.stringify([name, value])} / ${JSON.stringify([otherName, otherValue])}`;
    }
  }
  return null;
}
