import type { Call } from "../../core/call.ts";
import { GatewayError } from "../../core/errors.ts";
import { type FieldName, type Headers, Kind } from "../../core/headers.ts";
import type { FieldRules } from "../../core/kinds.ts";

/** Never copied from a client: about its connection, about framing, or ours to say. */
const NOT_COPIED = Kind.hop | Kind.framing | Kind.provenance | Kind.identity;

/** The head that an upstream is sent in place of the client's. */
export function requestHead(
  call: Call,
  path: string,
  host: string,
  rules: FieldRules,
  pseudonym: string,
  provenance = call.provenance,
): string {
  const { request } = call;
  const { names, values } = request.headers;
  const dropped = droppedFields(request.headers, rules);
  let text = `${request.method} ${path}${request.query} HTTP/1.1\r\nHost: ${host}\r\n`;
  let via = "";
  for (let i = 0; i < names.length; i++) {
    const field = names[i] as FieldName;
    if ((field.kind & NOT_COPIED) !== 0) {
      if (field.lower === "via") via = via === "" ? (values[i] as string) : `${via}, ${values[i]}`;
      continue;
    }
    if (dropped?.has(field.lower)) continue;
    text += `${field.start}${values[i]}\r\n`;
  }
  for (const [name, value] of rules.set) text += `${name}: ${value}\r\n`;
  text += provenance;
  // RFC 9110 §7.6.3: every gateway adds itself to Via, and may find itself there.
  if (via.includes(pseudonym)) throw new GatewayError("LOOP_DETECTED");
  const hop = `${request.version} ${pseudonym}`;
  text += via === "" ? `Via: ${hop}\r\n` : `Via: ${via}, ${hop}\r\n`;
  return `${text}${connectionFields(call)}${framingField(call)}\r\n`;
}

function framingField(call: Call): string {
  const { body, method } = call.request;
  if (body !== null) {
    return body.size === undefined ? "Transfer-Encoding: chunked\r\n" : `Content-Length: ${body.size}\r\n`;
  }
  // RFC 9110 §8.6: for methods that have a body, its absence is stated.
  return method === "POST" || method === "PUT" || method === "PATCH" ? "Content-Length: 0\r\n" : "";
}

function connectionFields(call: Call): string {
  if (call.request.upgrade !== null) return "Connection: Upgrade\r\nUpgrade: websocket\r\n";
  // RFC 9110 §10.1.4: TE is hop-by-hop; we read trailers, so we may ask for them in our own name.
  const asks = (call.request.headers.kinds & Kind.te) !== 0 && acceptsTrailers(call.request.headers);
  return asks ? "TE: trailers\r\nConnection: TE\r\n" : "";
}

function acceptsTrailers(headers: Headers): boolean {
  return headers.all("te").some((value) => /\btrailers\b/i.test(value));
}

/** What the rules remove or set, and what `Connection` nominates; null for nothing. */
function droppedFields(headers: Headers, rules: FieldRules): Set<string> | null {
  if (headers.nominated === null && rules.remove.length === 0 && rules.set.length === 0) return null;
  const dropped = new Set(rules.remove);
  for (const [name] of rules.set) dropped.add(name.toLowerCase());
  for (const name of headers.nominated ?? []) dropped.add(name);
  return dropped;
}
