import { BytesBody } from "../core/body.ts";
import { Headers } from "../core/headers.ts";
import type { Reply } from "../core/reply.ts";

/** What an operation answers. Never kept by anybody: it may hold a secret (KEY-3). */
export function json(
  status: number,
  document: unknown,
  fields: Readonly<Record<string, string>> = {},
): Reply {
  const headers = Headers.of({ "Content-Type": "application/json", "Cache-Control": "no-store", ...fields });
  return { status, headers, body: new BytesBody(Buffer.from(JSON.stringify(document))) };
}

export function noContent(): Reply {
  return { status: 204, headers: Headers.of({ "Cache-Control": "no-store" }), body: null };
}
