import type { Call } from "../../core/call.ts";
import type { CostOf, RateLimitOptions } from "./rate-limit.options.ts";

/** Infinity for what cannot be told. */
export function costsOf(cost: RateLimitOptions["cost"]): CostOf {
  if (typeof cost === "number") return () => cost;
  if (cost === "bytes") return bytesOf;
  if (typeof cost === "function") return checked(cost);
  if ("header" in cost) {
    const lower = cost.header.toLowerCase();
    return ({ request }) => largest(request.headers.all(lower), cost.default);
  }
  return ({ request }) => largest(new URLSearchParams(request.query).getAll(cost.query), cost.default);
}

/** Of a body that does not say its length, what it may have at most; the rest is given back in the end. */
function bytesOf({ request: { body } }: Call): number {
  return body === null ? 0 : (body.size ?? body.limit);
}

function checked(cost: CostOf): CostOf {
  return (call) => {
    const value = cost(call);
    if (Number.isSafeInteger(value) && value >= 0) return value;
    throw new Error(`the cost of a call has to be a whole number, not ${String(value)}`);
  };
}

/** Said twice, it may be the other one that counts for whoever answers. */
function largest(values: readonly string[], standard: number): number {
  let cost = -1;
  for (const value of values) if (/^[0-9]{1,15}$/.test(value)) cost = Math.max(cost, Number(value));
  return cost === -1 ? standard : cost;
}
