import type { Call } from "../core/call.ts";
import type { Charge } from "../core/charge.ts";
import { catalogue } from "../core/errors.ts";
import type { Principal } from "../core/principal.ts";
import type { Route } from "../core/route.ts";
import { clipped, field, messageOf, milliseconds, remembered, safe, timestamp } from "./json-text.ts";
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
    `${field(',"trace_id":"', call.traceId)},"method":"${methodText(request.method)}"` +
    (call.version === null ? "" : field(',"api_version":"', call.version.name)) +
    `${routeFields(call.route)},"path":"${safe(redactPath(request.path))}"` +
    (request.query === "" ? "" : field(',"query":"', redactQuery(request.query))) +
    (request.host === "" ? "" : hostText(request.host)) +
    `,"status":${outcome.status},"bytes_in":${outcome.bytesIn},"bytes_out":${outcome.bytesOut}` +
    `,"duration_ms":${milliseconds(now - call.startedAt)}${upstreamFields(call)}` +
    field(',"client_ip":"', call.clientIp) +
    (call.principal === null ? "" : principalFields(call.principal)) +
    userAgentText(request.headers.get("user-agent") ?? "") +
    `,"http":"${request.version}"` +
    (call.clientRequestId === "" ? "" : field(',"client_request_id":"', redactText(call.clientRequestId))) +
    (call.charges === null ? "" : limitFields(call.charges)) +
    protectionFields(call) +
    (call.errorCode === null && outcome.aborted === null ? "}\n" : `${failureFields(call)}}\n`)
  );
}

/** Whose texts come again and again: what is logged of one is worked out once. */
const methodText = remembered((method) => safe(redactText(clipped(method, MAX_METHOD))));
const hostText = remembered((host) => field(',"host":"', redactText(host)));
const userAgentText = remembered((value) =>
  field(',"user_agent":"', clipped(redactText(value), MAX_USER_AGENT)),
);

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
  let asked = false;
  for (const charge of charges) {
    if (charge.outcome === "unasked") continue;
    asked = true;
    if (charge.outcome !== "passed") outcome = charge.outcome;
    for (const standing of charge.verdict.standings) remaining = Math.min(remaining, standing.remaining);
    if (charge.degraded) degraded = ',"rate_limit_degraded":true';
  }
  return asked ? `,"rate_limit":"${outcome}","rate_limit_remaining":${remaining}${degraded}` : "";
}

/** Most calls ask for none of them. */
function protectionFields({ idempotency, cache, circuit }: Call): string {
  if (idempotency === "" && cache === "" && circuit === "") return "";
  return field(',"idempotency":"', idempotency) + field(',"cache":"', cache) + field(',"circuit":"', circuit);
}

/** A principal is shared by all calls with its credential. */
const principalTexts = new WeakMap<Principal, string>();

function principalFields(principal: Principal): string {
  let text = principalTexts.get(principal);
  if (text === undefined) {
    const { kind, id, consumer } = principal;
    const credential = kind === "key" ? ',"key_id":"' : ',"token_id":"';
    text = field(',"consumer":"', redactText(consumer)) + field(credential, redactText(id));
    principalTexts.set(principal, text);
  }
  return text;
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
