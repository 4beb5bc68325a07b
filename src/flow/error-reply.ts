import { STATUS_CODES } from "node:http";
import { BytesBody } from "../core/body.ts";
import type { Call } from "../core/call.ts";
import type { ErrorDetail, GatewayError } from "../core/errors.ts";
import { fieldPointer } from "../core/field-path.ts";
import { Headers } from "../core/headers.ts";
import type { Plan } from "../core/plan.ts";
import type { Reply } from "../core/reply.ts";
import { prefersProblem } from "./accept.ts";

/** ERR-5: a response is not the place for a thousand complaints. */
const MAX_DETAILS = 100;

/**
 * What a client is told (ERR-1, ERR-12): our envelope, or RFC 9457 problem details where it asked for those.
 * Built from the catalogue and the error's own public text only; causes stay in the log.
 */
export function errorReply(call: Call, error: GatewayError, { docs, hsts }: Plan["errors"]): Reply {
  const problem = prefersProblem(call.request.headers);
  const headers = new Headers();
  headers.append("Content-Type", problem ? "application/problem+json" : "application/json");
  headers.append("Cache-Control", "no-store");
  // SEC-1: an answer that a browser shows must not become a page.
  headers.append("X-Content-Type-Options", "nosniff");
  headers.append("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'");
  headers.append("Referrer-Policy", "no-referrer");
  if (hsts > 0 && call.request.peer.secure) headers.append("Strict-Transport-Security", `max-age=${hsts}`);
  headers.append("X-Error-Code", error.code);
  headers.append("Vary", "Accept");
  for (const [name, value] of Object.entries(error.headers)) headers.append(name, value);
  const document = problem ? problemDocument(call, error, docs) : { error: envelope(call, error) };
  return { status: error.status, headers, body: new BytesBody(Buffer.from(JSON.stringify(document))), error };
}

function envelope(call: Call, error: GatewayError): Record<string, unknown> {
  return {
    ...(error.type === "" ? {} : { type: error.type }),
    code: error.code,
    message: error.message,
    details: error.details.slice(0, MAX_DETAILS),
    ...(error.details.length > MAX_DETAILS ? { truncated: true } : {}),
    request_id: call.id,
  };
}

/** RFC 9457 §3.1. With `about:blank` the title is the status phrase (§4.2.1). */
function problemDocument(call: Call, error: GatewayError, docs: string | null): Record<string, unknown> {
  return {
    type: error.problem?.type ?? (docs === null ? "about:blank" : `${docs}#${error.code}`),
    title: error.problem?.title ?? (docs === null ? STATUS_CODES[error.status] : error.kind.title),
    status: error.status,
    detail: error.message,
    instance: `urn:turnpike:request:${call.id}`,
    code: error.code,
    request_id: call.id,
    errors: error.details.slice(0, MAX_DETAILS).map(problemOf),
    ...(error.details.length > MAX_DETAILS ? { truncated: true } : {}),
    ...error.problem?.members,
  };
}

/** A pointer leads into the body: what is wrong elsewhere has none. */
function problemOf({ field, issue }: ErrorDetail): Record<string, unknown> {
  const pointer = fieldPointer(field);
  return pointer === null ? { field, detail: issue } : { field, pointer, detail: issue };
}
