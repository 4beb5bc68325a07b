import { randomBytes } from "node:crypto";

const SPAN = /^(traceparent: [0-9a-f]{2}-[0-9a-f]{32}-)([0-9a-f]{16})/m;

/**
 * The lines that tell a service who is calling, for an attempt after the first (RTY-7): which one it is, and a span of
 * its own in the same trace. The id of the request stays.
 */
export function laterProvenance(provenance: string, attempt: number): string {
  const span = randomBytes(8).toString("hex");
  const [, , first] = SPAN.exec(provenance) ?? [];
  // Our entry of tracestate names the span as well.
  const own = first === undefined ? provenance : provenance.replaceAll(first, span);
  return `${own}X-Attempt-Count: ${attempt}\r\n`;
}
