import { GatewayError } from "../../core/errors.ts";
import type { Headers } from "../../core/headers.ts";

/** Of the ranges that fit JSON the most specific decides (RFC 9110 §12.5.1). */
const RANGES: readonly string[] = ["application/json", "application/*", "*/*"];

/**
 * For answers with a body: JSON is all that there is (HTTP-7).
 *
 * @throws GatewayError NOT_ACCEPTABLE.
 */
export function requireJsonAccepted(headers: Headers): void {
  const accept = headers.get("accept");
  if (accept === undefined || accept === "*/*" || accept === "application/json") return;
  const weights = new Map(headers.all("accept").join(",").split(",").map(weighted));
  if (weights.size === 1 && weights.has("")) return;
  const decisive = RANGES.find((range) => weights.has(range));
  if (decisive === undefined || weights.get(decisive) === 0) throw new GatewayError("NOT_ACCEPTABLE");
}

function weighted(item: string): [range: string, weight: number] {
  const [range = "", ...parameters] = item.split(";").map((part) => part.trim().toLowerCase());
  const weight = parameters.find((part) => part.startsWith("q="));
  const value = weight === undefined ? 1 : Number(weight.slice(2));
  return [range, value >= 0 && value <= 1 ? value : 0];
}
