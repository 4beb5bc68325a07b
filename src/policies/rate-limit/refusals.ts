import type { Standing, Verdict } from "../../core/counters.ts";
import { GatewayError, type Problem } from "../../core/errors.ts";
import type { Limit, Ration } from "./rations.ts";

/** Registered with IANA, so that clients know them whoever answers (RL-5). */
const QUOTA_EXCEEDED = "https://iana.org/assignments/http-problem-types#quota-exceeded";
const REDUCED_CAPACITY = "https://iana.org/assignments/http-problem-types#temporary-reduced-capacity";

/** 429: names the limits that are used up, and the moment from which on the same request passes. */
export function refusal({ limits }: Ration, { standings }: Verdict): GatewayError {
  const violated = limits.filter((_, i) => (standings[i] as Standing).wait > 0);
  const seconds = Math.max(1, Math.ceil(Math.max(...standings.map(({ wait }) => wait)) / 1000));
  return new GatewayError("RATE_LIMITED", {
    message: `Too many requests: the limit of ${violated.map(({ text }) => text).join(" and of ")} is used up. Retry after ${seconds} s.`,
    details: violated.map(({ name, text }) => ({
      field: "",
      issue: `the limit "${name}" (${text}) is used up`,
    })),
    headers: { "Retry-After": String(seconds) },
    problem: problem(
      QUOTA_EXCEEDED,
      "Request cannot be satisfied as assigned quota has been exceeded",
      violated,
    ),
  });
}

/** 503 where the store cannot answer and the config says to let nobody pass. */
export function unavailable(limits: readonly Limit[]): GatewayError {
  return new GatewayError("RATE_LIMIT_UNAVAILABLE", {
    headers: { "Retry-After": "1" },
    problem: problem(
      REDUCED_CAPACITY,
      "Request cannot be satisfied due to temporary server capacity constraints",
      limits,
    ),
  });
}

/** 422: waiting would not help. */
export function tooCostly({
  cost,
  ration,
}: {
  readonly cost: number;
  readonly ration: Ration;
}): GatewayError {
  const message = Number.isFinite(cost)
    ? `The request costs ${cost}, and the limit never allows more than ${ration.most} at once.`
    : "The request has a body without a Content-Length, and the limit counts its bytes.";
  return new GatewayError("COST_EXCEEDS_LIMIT", { message });
}

function problem(type: string, title: string, limits: readonly Limit[]): Problem {
  return { type, title, members: { "violated-policies": limits.map(({ name }) => name) } };
}
