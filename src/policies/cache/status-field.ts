/** What a cache did with a request, in words of RFC 9211: for developers, and for caches and people in front. */
import type { Call } from "../../core/call.ts";
import type { Headers } from "../../core/headers.ts";

/** Why a request went forward (§2.2). */
export type Forwarded = "bypass" | "method" | "uri-miss" | "vary-miss" | "stale" | "request";

export interface Report {
  /** Left out where the request did not go forward: then it was a hit. */
  readonly fwd?: Forwarded;
  readonly fwdStatus?: number | undefined;
  readonly stored?: boolean;
  readonly collapsed?: boolean;
  /** Milliseconds that are left; negative for a stale answer. */
  readonly left?: number;
  readonly detail?: string;
}

/** `before` are the fields of the answer: caches nearer to the origin come first (§2). */
export function report(call: Call, what: Report, before?: Headers): void {
  const others = before?.all("cache-status") ?? [];
  call.answer.set("Cache-Status", [...others, member(what)].join(", "));
}

function member({ fwd, fwdStatus, stored, collapsed, left, detail }: Report): string {
  let text = fwd === undefined ? "turnpike; hit" : `turnpike; fwd=${fwd}`;
  if (fwdStatus !== undefined) text += `; fwd-status=${fwdStatus}`;
  if (left !== undefined) text += `; ttl=${Math.floor(left / 1000)}`;
  if (stored === true) text += "; stored";
  if (collapsed === true) text += "; collapsed";
  if (detail !== undefined) text += `; detail=${detail}`;
  return text;
}
