import { count, listOf } from "../core/found.ts";
import type { BreakerOptions, RetryOptions, UpstreamOptions } from "../core/kinds.ts";
import { METHODS } from "../core/methods.ts";
import type { OverloadPlan, Plan, RoutePlan, Step } from "../core/plan.ts";
import type { KeyRules } from "../core/reliability.ts";
import { formatDuration, formatSize as size } from "../core/values.ts";
import { SEPARATOR } from "./describe.ts";
import { attemptsOf, longestAskedPause, longestAttempt, longestCall, pausesOf } from "./worst-case.ts";

/**
 * What keeps a route answering when something goes wrong, in the order in which a call meets it, with the numbers in
 * force. `docs/reliability-plan.md` says how to read it.
 */

/** RFC 9110 §9.2.2 and RFC 10008: repeating these does no harm. */
export const IDEMPOTENT: readonly string[] = ["GET", "HEAD", "OPTIONS", "PUT", "DELETE", "QUERY"];

export interface Stage {
  readonly name: string;
  readonly lines: readonly string[];
}

export function reliabilityPlan(plan: Pick<Plan, "overload" | "upstreams">, route: RoutePlan): Stage[] {
  const keys = keyRules(route.steps);
  const stages = [stage("shed", shed(plan.overload))];
  for (const step of route.steps) {
    if (step.reliability !== undefined) stages.push(policyStage(step));
    const options = plan.upstreams.find(({ name }) => name === step.name);
    if (step.kind === "backend" && options !== undefined)
      stages.push(...backendStages(step, options, methodsOf(route), keys));
  }
  return stages;
}

const stage = (name: string, lines: readonly string[]): Stage => ({ name, lines });

function policyStage({ name, summary, reliability }: Step): Stage {
  const [written = ""] = summary.split(SEPARATOR);
  const lines = reliability?.lines ?? [];
  return stage(reliability?.role ?? name, lines.length > 0 ? lines : [`${name}: ${written}`]);
}

/** Several policies with keys are for different methods. */
const keyRules = (steps: readonly Step[]): KeyRules[] =>
  steps.flatMap(({ reliability }) => reliability?.keys ?? []);

/** Those that a route offers, and HEAD with GET. */
export function methodsOf({ methods }: Pick<RoutePlan, "methods">): readonly string[] {
  if (methods.length === 0) return METHODS;
  return methods.includes("GET") && !methods.includes("HEAD") ? [...methods, "HEAD"] : methods;
}

function shed({ memory, shedAt, refuseAt, eventLoop, retryAfter }: OverloadPlan): string[] {
  const of = memory === "auto" ? "what the container or the machine has" : size(memory);
  const watched = [
    ...(memory === Number.POSITIVE_INFINITY ? [] : [`${percent(shedAt)} of the memory is in use (of ${of})`]),
    ...(eventLoop === Number.POSITIVE_INFINITY
      ? []
      : [`the event loop is late by more than ${time(eventLoop)} again and again`]),
  ];
  if (watched.length === 0) return ["never"];
  const connections =
    memory === Number.POSITIVE_INFINITY ? [] : [`from ${percent(refuseAt)} no new connections`];
  return [`503, Retry-After: ${retryAfter}, when ${watched.join(", or ")}`, ...connections];
}

function backendStages(
  step: Step,
  options: UpstreamOptions,
  methods: readonly string[],
  keys: readonly KeyRules[],
): Stage[] {
  const { name, circuitBreaker, concurrency, retry } = options;
  return [
    stage("upstream", [`${step.version === undefined ? "" : `${step.version} → `}${name}`]),
    stage(
      "circuit breaker",
      circuitBreaker === null ? ["none"] : circuit(circuitBreaker, options.targets.length),
    ),
    stage("concurrency", [
      concurrency === null
        ? "no limit"
        : `${concurrency.limit} calls at a time on all lanes, ${concurrency.queue} more wait up to ${time(concurrency.wait)}; beyond: 503`,
    ]),
    stage("balancing", balancing(options)),
    stage("attempts", [...attempts(options, methods, keys), ...(retry === null ? [] : pauses(retry))]),
    stage("worst case", worst(options)),
    ...(step.fallback === undefined ? [] : [stage("fallback", fallback(step.fallback, methods))]),
  ];
}

function circuit(options: BreakerOptions, targets: number): string[] {
  const { failureRate, minimumCalls, window, consecutiveFailures, slowCall, slowRate, failures } = options;
  const opens = [
    `${percent(failureRate)} failures of at least ${minimumCalls} calls in ${time(window)}`,
    ...(consecutiveFailures === Number.POSITIVE_INFINITY ? [] : [`${consecutiveFailures} failures in a row`]),
    ...(slowCall === Number.POSITIVE_INFINITY
      ? []
      : [`${percent(slowRate)} that take longer than ${time(slowCall)}`]),
  ];
  return [
    `opens at ${opens.join(", or ")}${targets > 1 ? "; one for each target, one for their calls together" : ""}`,
    `failures: errors, timeouts${failures.length === 0 ? "" : `, ${failures.join(", ")}`}`,
    `then 503 for ${time(options.openFor)}, then ${options.probes === 1 ? "1 probe" : `${options.probes} probes`}`,
  ];
}

function balancing({ targets, balance, hashBy, slowStart, healthCheck, ejection, resolve }: UpstreamOptions) {
  const by = typeof hashBy === "object" ? hashBy.header : hashBy;
  const many = targets.length > 1;
  const [only] = targets;
  return [
    many
      ? `${targets.length}, ${balance}${balance === "consistent-hash" ? ` by ${by}` : ""}`
      : `${only?.url ?? ""}, the only one`,
    ...(healthCheck === null
      ? []
      : [
          `asked GET ${healthCheck.path} every ${time(healthCheck.every)}: ${many ? "" : "shown only, "}out after ${healthCheck.unhealthy} bad answers, in after ${healthCheck.healthy} good ones`,
        ]),
    ...(ejection === null || !many
      ? []
      : [
          `out for ${time(ejection.for)} after ${ejection.consecutiveFailures} failures in a row, ${percent(ejection.atMost)} of the targets at most`,
        ]),
    ...(slowStart > 0 && many ? [`back with a growing share for ${time(slowStart)}`] : []),
    ...(targets.some(({ host }) => /[a-z]/i.test(host.replace(/^\[.*\]$/, "")))
      ? [`names looked up ${resolve === Number.POSITIVE_INFINITY ? "once" : `every ${time(resolve)}`}`]
      : []),
  ];
}

function attempts(
  { retry, targets, idempotent }: UpstreamOptions,
  methods: readonly string[],
  keys: readonly KeyRules[],
): string[] {
  const unsent = targets.length > 1 ? "; what no byte has left of goes to another target at once" : "";
  if (retry === null) return [`1${unsent}`];
  if (retry.attempts === 1) return [`1: retry.attempts is 1${unsent}`];
  const harmless = methods.filter((method) => IDEMPOTENT.includes(method));
  const keyed = methods.filter(
    (method) =>
      !harmless.includes(method) && idempotent && keys.some((rules) => rules.methods.includes(method)),
  );
  const once = methods.filter((method) => !harmless.includes(method) && !keyed.includes(method));
  const again = [
    ...(harmless.length === 0 ? [] : [harmless.join(", ")]),
    ...(keyed.length === 0
      ? []
      : [`${keyed.join(", ")} with an Idempotency-Key, which the upstream honours`]),
  ];
  return [
    `up to ${retry.attempts}${again.length === 0 ? "" : `: ${again.join("; ")}`}${unsent}`,
    `after ${listOf(retry.on.map(String))}`,
    ...(once.length === 0 ? [] : [`never again once a byte has left: ${once.join(", ")}`]),
    "never again: a request that is still arriving, an answer that has begun",
    `the service gets at most ${1 + retry.budget} × its calls, or ${retry.minimum} retries a second if that is more`,
  ];
}

function pauses(retry: RetryOptions): string[] {
  const longest = pausesOf(retry);
  if (longest.length === 0) return [];
  const asked = longestAskedPause(retry);
  return [
    `pauses up to ${longest.map(time).join(", ")}${asked === 0 ? "" : `; Retry-After of the service up to ${time(asked)}`}`,
  ];
}

function worst(options: UpstreamOptions): string[] {
  const { timeout, retry, targets, concurrency } = options;
  const attempt = longestAttempt(options);
  const call = longestCall(options);
  const parts = `${time(timeout.connect)} for a free connection, ${time(timeout.connect)} to connect, ${time(timeout.firstByte)} to the head of the answer`;
  const before = concurrency === null ? "" : `, after ${time(concurrency.wait)} at the gate`;
  const cut = timeout.total < call ? `, ended by the deadline after ${time(timeout.total)}` : "";
  return [
    `an attempt: ${time(attempt)} (${retry !== null && retry.perTry <= attempt ? "perTry" : parts})`,
    `a call: ${attemptsOf(options)} × ${time(attempt)}${retry !== null && retry.attempts > 1 ? " and the pauses" : ""}${targets.length > 1 ? ` and ${count(targets.length - 1, "unreachable target")}` : ""} = ${time(call)}${cut}${before}`,
    `a pause in the answer: ${time(timeout.idle)}; its length has no limit`,
  ];
}

const fallback = (summary: string, methods: readonly string[]): string[] => [
  `${summary}, with X-Fallback: true`,
  `where nothing has reached the service${methods.some((method) => method === "GET") ? "; for GET, HEAD also where no answer came" : ""}`,
];

export const percent = (part: number): string => `${Math.round(part * 1000) / 10}%`;

/** As people say it: `15.075s` rather than `15075ms`. */
export const time = (ms: number): string =>
  ms >= 1000 && ms % 1000 !== 0 ? `${ms / 1000}s` : formatDuration(ms);
