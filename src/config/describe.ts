import { count } from "../core/found.ts";
import type { FieldRules, FixedOptions, ForwardRules, UpstreamOptions } from "../core/kinds.ts";
import { formatDuration } from "../core/values.ts";

/** What the steps of a route do, in one line each with the numbers in force: the parts stand between ` · `. */

export const SEPARATOR = " · ";

export function describeUpstream(options: UpstreamOptions, forward: ForwardRules, secrets: Secrets): string {
  const { timeout, targets } = options;
  const parts = [
    targets.map(({ url }) => url).join(", ") + (targets.length > 1 ? ` (${options.balance})` : ""),
    ...(forward.rewrite === null ? [] : [`path becomes ${forward.rewrite}`]),
    `Host ${describeHost(options.host)}`,
    ...describeFields("request", forward.request, secrets),
    ...describeFields("answer", forward.response, secrets),
    `timeouts: connect ${formatDuration(timeout.connect)}, first byte ${formatDuration(timeout.firstByte)}, idle ${formatDuration(timeout.idle)}, tunnel ${formatDuration(timeout.tunnel)}${timeout.total === Number.POSITIVE_INFINITY ? "" : `, in all ${formatDuration(timeout.total)}`}`,
    `pool: ${options.connections} connections a target, ${options.pending} waiting, idle ones closed after ${formatDuration(options.keepAlive)}`,
    ...(options.pipelining > 1 ? [`pipelining: ${options.pipelining} safe requests a connection`] : []),
    ...describeTls(options),
  ];
  return parts.join(SEPARATOR);
}

function describeHost(host: UpstreamOptions["host"]): string {
  if (host === "preserve") return "as the client sent it";
  return host === "target" ? "of the target" : `always ${host.name}`;
}

function describeTls({ tls, targets }: UpstreamOptions): string[] {
  if (!targets.some(({ secure }) => secure)) return [];
  if (tls.insecure) return ["TLS: certificates NOT verified"];
  const trust = tls.ca === undefined ? "the system's certificates" : "the certificates of tls.ca";
  return [`TLS: verified with ${trust}${tls.serverName === undefined ? "" : ` for ${tls.serverName}`}`];
}

export function describeFixed({ status, headers, body }: FixedOptions, secrets: Secrets): string {
  const size = body === null ? "no body" : count(body.length, "byte");
  const set = describeFields("answer", { set: headers, remove: [] }, secrets);
  return [`always ${status} with ${size}`, ...set].join(SEPARATOR);
}

export function describeService(resources: readonly string[], answer: FieldRules, secrets: Secrets): string {
  return [`the resources ${resources.join(", ")}`, ...describeFields("answer", answer, secrets)].join(
    SEPARATOR,
  );
}

/** Values that come from the environment: whatever they are called, they were not to stand in the file. */
export type Secrets = ReadonlySet<unknown>;

/** Headers whose values are not for the eyes of everybody who may see a terminal. */
const SECRET = /authorization|cookie|token|secret|password|api-?key|signature/i;

function describeFields(where: string, { set, remove }: FieldRules, secrets: Secrets): string[] {
  const shown = set.map(([name, value]) => `${where}: set ${name}: ${visible(name, value, secrets)}`);
  return [...(remove.length === 0 ? [] : [`${where}: remove ${remove.join(", ")}`]), ...shown];
}

function visible(name: string, value: unknown, secrets: Secrets): string {
  return SECRET.test(name) || secrets.has(value) ? "(hidden)" : brief(value, secrets);
}

/** `limit 100, window 1m` from the options of a policy as they were written. */
export function describeOptions(written: unknown, secrets: Secrets): string {
  if (typeof written !== "object" || written === null) return "";
  return Object.entries(written)
    .map(([key, value]) => `${key} ${visible(key, value, secrets)}`)
    .join(", ");
}

function brief(value: unknown, secrets: Secrets): string {
  if (Array.isArray(value)) return value.map((one) => visible("", one, secrets)).join(" ");
  if (typeof value === "object" && value !== null) return `(${describeOptions(value, secrets)})`;
  // Of what is written over several lines, such as a key in PEM, the first says what it is.
  return String(value).replace(/\n[\s\S]*/, " …");
}
