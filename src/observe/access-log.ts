import type { Call } from "../core/call.ts";
import { catalogue } from "../core/errors.ts";
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
    `${routeFields(call.route)},"path":"${safe(redactPath(request.path))}"` +
    field(',"query":"', redactQuery(request.query)) +
    field(',"host":"', redactText(request.host)) +
    `,"status":${outcome.status},"bytes_in":${outcome.bytesIn},"bytes_out":${outcome.bytesOut}` +
    `,"duration_ms":${milliseconds(now - call.startedAt)}${upstreamFields(call)}` +
    field(',"client_ip":"', call.clientIp) +
    field(',"user_agent":"', userAgentText(request.headers.get("user-agent"))) +
    (request.minor === 1 ? ',"http":"1.1"' : ',"http":"1.0"') +
    field(',"client_request_id":"', redactText(call.clientRequestId)) +
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
