import { STATUS_CODES } from "node:http";
import type { Call } from "../../core/call.ts";
import { type FieldName, type Headers, Kind } from "../../core/headers.ts";
import type { Reply } from "../../core/reply.ts";

/** Never copied from a reply: the connection's own, what frames the message, what names software. */
export const NOT_COPIED = Kind.hop | Kind.framing | Kind.software | Kind.own;

const statusLines = new Map<number, string>();

export function statusLine(status: number): string {
  let line = statusLines.get(status);
  if (line === undefined) {
    line = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ""}\r\n`;
    statusLines.set(status, line);
  }
  return line;
}

/** What frames and ends a response: the lines that are always generated. */
export interface ResponseFraming {
  /** Null: no body and no length; `chunked`; or the number of bytes. */
  readonly length: number | "chunked" | null;
  readonly connection: "close" | "keep-alive" | "upgrade" | null;
}

/** Status line and fields, ending with the empty line. */
export function responseHead(call: Call, reply: Reply, framing: ResponseFraming, date: string): string {
  const { names, values } = reply.headers;
  const answer = call.answerIfAny;
  let text = statusLine(reply.status);
  let dated = false;
  for (let i = 0; i < names.length; i++) {
    const field = names[i] as FieldName;
    if ((field.kind & NOT_COPIED) !== 0 && !isDemandedUpgrade(reply, field)) continue;
    if (answer?.has(field.lower)) continue;
    if (field.kind === Kind.date) dated = true;
    text += `${field.start}${values[i]}\r\n`;
  }
  if (!dated) text += `Date: ${date}\r\n`;
  if (answer !== null) text += fieldLines(answer);
  text += `X-Request-Id: ${call.id}\r\n`;
  if (framing.length === "chunked") text += "Transfer-Encoding: chunked\r\n";
  else if (framing.length !== null) text += `Content-Length: ${framing.length}\r\n`;
  if (framing.connection === "close") return `${text}Connection: close\r\n\r\n`;
  if (framing.connection === "keep-alive") return `${text}Connection: keep-alive\r\n\r\n`;
  if (framing.connection === "upgrade") return `${text}Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n`;
  return `${text}\r\n`;
}

/** RFC 9110 §15.5.22: 426 must name what to upgrade to. */
function isDemandedUpgrade(reply: Reply, field: FieldName): boolean {
  return reply.status === 426 && field.lower === "upgrade";
}

function fieldLines(headers: Headers): string {
  let text = "";
  for (let i = 0; i < headers.names.length; i++) {
    text += `${(headers.names[i] as FieldName).start}${headers.values[i]}\r\n`;
  }
  return text;
}

/** An interim answer (RFC 9110 §15.2), such as 103 Early Hints. */
export function interimHead(status: number, headers: Headers): string {
  let text = statusLine(status);
  for (let i = 0; i < headers.names.length; i++) {
    const field = headers.names[i] as FieldName;
    if ((field.kind & NOT_COPIED) === 0) text += `${field.start}${headers.values[i]}\r\n`;
  }
  return `${text}\r\n`;
}
