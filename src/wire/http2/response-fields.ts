import type { OutgoingHttpHeaders } from "node:http2";
import type { Call } from "../../core/call.ts";
import { type FieldName, type Headers, Kind } from "../../core/headers.ts";
import type { Reply } from "../../core/reply.ts";
import { NOT_COPIED } from "../http1/response-head.ts";

/** The head of an answer: names and values in turn, the status first. `length` -1 where only the end will tell. */
export function responseFields(call: Call, reply: Reply, length: number, date: string): string[] {
  const { names, values } = reply.headers;
  const answer = call.answerIfAny;
  const fields = [":status", String(reply.status)];
  let dated = false;
  for (let i = 0; i < names.length; i++) {
    const { lower, kind } = names[i] as FieldName;
    if ((kind & NOT_COPIED) !== 0 || answer?.has(lower)) continue;
    if (kind === Kind.date) dated = true;
    fields.push(lower, values[i] as string);
  }
  if (!dated) fields.push("date", date);
  if (answer !== null) {
    for (let i = 0; i < answer.names.length; i++) {
      const { lower, kind } = answer.names[i] as FieldName;
      if ((kind & (Kind.hop | Kind.framing)) === 0) fields.push(lower, answer.values[i] as string);
    }
  }
  fields.push("x-request-id", call.id);
  if (length >= 0) fields.push("content-length", String(length));
  return fields;
}

/** An interim answer such as 103 Early Hints. */
export function interimFields(status: number, headers: Headers): OutgoingHttpHeaders {
  const fields: Record<string, string | string[]> = { ":status": String(status) };
  for (const { lower, kind } of headers.names) {
    if ((kind & NOT_COPIED) === 0) fields[lower] ??= headers.all(lower);
  }
  return fields;
}

/** The trailers that may be forwarded; null for none. */
export function trailerFields(
  trailers: Headers | null,
  allowed: (lower: string) => boolean,
): OutgoingHttpHeaders {
  const fields: Record<string, string[]> = {};
  for (const { lower } of trailers?.names ?? []) {
    if (allowed(lower)) fields[lower] ??= (trailers as Headers).all(lower);
  }
  return fields;
}
