import type { Call } from "../core/call.ts";
import type { Charge } from "../core/charge.ts";
import { catalogue } from "../core/errors.ts";
import type { Principal } from "../core/principal.ts";
import type { Route } from "../core/route.ts";
import { clipped, field, messageOf, milliseconds, safe, timestamp } from "./json-text.ts";
import { redactMessage, redactPath, redactQuery, redactText } from "./redact.ts";

const MAX_METHOD = 32;
const MAX_USER_AGENT = 256;
const MAX_CAUSE = 512;

/**
 * One line, with its line feed, for a call that is over (OBS-6). `now` is of the monotonic clock, `wall` in
 * milliseconds since the epoch. What is not known is left out.
 */
export function formatAccessLine(call: Call, now: number, wall: number): string {
  const { request, outcome } = call;
  return (
    `{"time":"${timestamp(wall)}","level":"${levelOf(call)}","msg":"request","id":"${safe(call.id)}"` +
    `${field(',"trace_id":"', call.traceId)},"method":"${safe(methodText(request.method))}"` +
    field(',"api_version":"', call.version?.name ?? "") +
    `${routeFields(call.route)},"path":"${safe(redactPath(request.path))}"` +
    field(',"query":"', redactQuery(request.query)) +
    field(',"host":"', redactText(request.host)) +
    `,"status":${outcome.status},"bytes_in":${outcome.bytesIn},"bytes_out":${outcome.bytesOut}` +
    `,"duration_ms":${milliseconds(now - call.startedAt)}${upstreamFields(call)}` +
    field(',"client_ip":"', call.clientIp) +
    (call.principal === null ? "" : principalFields(call.principal)) +
    field(',"user_agent":"', userAgentText(request.headers.get("user-agent"))) +
    `,"http":"${request.version}"` +
    field(',"client_request_id":"', redactText(call.clientRequestId)) +
    (call.charges === null ? "" : limitFields(call.charges)) +
    (call.errorCode === null && outcome.aborted === null ? "}\n" : `${failureFields(call)}}\n`)
  );
}

const methodText = (method: string): string => redactText(clipped(method, MAX_METHOD));

const userAgentText = (value: string | undefined): string =>
  value === undefined ? "" : clipped(redactText(value), MAX_USER_AGENT);

/** Only what the operator of the gateway can put right is an error; a failing service is a warning. */
function levelOf(call: Call): "info" | "warn" | "error" {
  if (call.outcome.status < 500) return "info";
  const blame = call.errorCode === null ? "upstream" : catalogue[call.errorCode].blame;
  return blame === "gateway" || blame === "config" ? "error" : "warn";
}

/** A plan lives long and has few routes, so what they contribute is made once. */
const routeTexts = new WeakMap<Route, string>();

function routeFields(route: Route | null): string {
  if (route === null) return "";
  let text = routeTexts.get(route);
  if (text === undefined) {
    text = field(',"route":"', route.name) + field(',"path_template":"', route.path);
    routeTexts.set(route, text);
  }
  return text;
}

/** What the rate limits decided together, and how much is left of the one that is nearest to its end. */
function limitFields(charges: readonly Charge[]): string {
  let outcome: Charge["outcome"] = "passed";
  let remaining = Number.POSITIVE_INFINITY;
  let degraded = "";
  for (const charge of charges) {
    if (charge.outcome === "unasked") continue;
    if (charge.outcome !== "passed") outcome = charge.outcome;
    for (const standing of charge.verdict.standings) remaining = Math.min(remaining, standing.remaining);
    if (charge.degraded) degraded = ',"rate_limit_degraded":true';
  }
  return charges.every((charge) => charge.outcome === "unasked")
    ? ""
    : `,"rate_limit":"${outcome}","rate_limit_remaining":${remaining}${degraded}`;
}

function principalFields({ kind, id, consumer }: Principal): string {
  const credential = kind === "key" ? ',"key_id":"' : ',"token_id":"';
  return field(',"consumer":"', redactText(consumer)) + field(credential, redactText(id));
}

function upstreamFields(call: Call): string {
  const time = call.upstreamTime > 0 ? `,"upstream_ms":${milliseconds(call.upstreamTime)}` : "";
  const attempts = call.attempts > 0 ? `,"attempts":${call.attempts}` : "";
  return time + field(',"upstream":"', call.upstreamTarget) + attempts;
}

function failureFields(call: Call): string {
  const { errorCode } = call;
  const error = errorCode === null ? "" : `,"error":"${errorCode}","blame":"${catalogue[errorCode].blame}"`;
  const cause = errorCode === null ? "" : field(',"cause":"', causeText(call.errorCause));
  return `${error}${cause}${field(',"aborted":"', call.outcome.aborted ?? "")}`;
}

/** The one line that says most about what went wrong. */
function causeText(cause: unknown): string {
  const text = cause instanceof Error ? messageOf(cause) : typeof cause === "string" ? cause : "";
  return text === "" ? "" : clipped(redactMessage(text), MAX_CAUSE);
}
