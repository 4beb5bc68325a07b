/**
 * The head of a request to the service thread. What the gateway knows of the call stands in `X-Turnpike-*`, which no
 * client's field ever becomes: fields of that kind are dropped here and towards upstreams (AUTH-8).
 *
 *     Host                     as the client used it
 *     X-Request-Id             the gateway's id of the call
 *     X-Turnpike-Client        address of the client
 *     X-Turnpike-Generation    number of the config that the call goes by
 *     X-Turnpike-Way           see `way.ts`
 *     X-Turnpike-Caller        see `caller.ts`; left out where nobody has proved who he is
 *     X-Turnpike-Challenge     `WWW-Authenticate` for whoever turns out to need a credential
 */
import type { Call } from "../../core/call.ts";
import { type FieldName, Kind } from "../../core/headers.ts";
import { writeCaller } from "./caller.ts";

/** Of HTTP/1.0 clients that name none. */
export const NO_HOST = "none.invalid";

/** About another connection, ours to say, or nobody's but the gateway's. */
const NOT_COPIED = Kind.hop | Kind.framing | Kind.provenance | Kind.identity | Kind.baggage;
/** Credentials have done their work, and the rest says nothing to a service that writes JSON as it is. */
const NOT_SENT: ReadonlySet<string> = new Set([
  "authorization",
  "cookie",
  "x-api-key",
  "user-agent",
  "accept-encoding",
]);

export function serviceRequestHead(call: Call, way: string, generation: number): string {
  const { request, principal } = call;
  const { names, values } = request.headers;
  let text = `${request.method} ${request.path}${request.query} HTTP/1.1\r\nHost: ${call.host === "" ? NO_HOST : call.host}\r\nX-Request-Id: ${call.id}\r\nX-Turnpike-Client: ${call.clientIp}\r\nX-Turnpike-Generation: ${generation}\r\nX-Turnpike-Way: ${way}\r\n`;
  if (principal !== null) text += `X-Turnpike-Caller: ${writeCaller(principal)}\r\n`;
  if (call.challenge !== "") text += `X-Turnpike-Challenge: ${call.challenge}\r\n`;
  for (let i = 0; i < names.length; i++) {
    const field = names[i] as FieldName;
    if ((field.kind & NOT_COPIED) === 0 && !NOT_SENT.has(field.lower))
      text += `${field.start}${values[i]}\r\n`;
  }
  return `${text}${framing(call)}\r\n`;
}

function framing({ request: { body } }: Call): string {
  if (body === null) return "";
  return body.size === undefined ? "Transfer-Encoding: chunked\r\n" : `Content-Length: ${body.size}\r\n`;
}
