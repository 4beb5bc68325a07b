import type { Headers } from "../core/headers.ts";

/** Whether `Accept` ranks problem details above plain JSON (ERR-12; RFC 9110 §12.5.1). */
export function prefersProblem(headers: Headers): boolean {
  const accept = headers.all("accept").join(",");
  if (!/problem\+json/i.test(accept)) return false;
  const ranges = accept.split(",").map(parseRange);
  return quality(ranges, "problem+json") > quality(ranges, "json");
}

interface Range {
  readonly type: string;
  readonly quality: number;
}

function parseRange(text: string): Range {
  const [type = "", ...parameters] = text.split(";").map((part) => part.trim().toLowerCase());
  const weight = parameters.find((parameter) => parameter.startsWith("q="));
  const value = weight === undefined ? 1 : Number(weight.slice(2));
  return { type, quality: value >= 0 && value <= 1 ? value : 0 };
}

/** The most specific range that matches decides, as RFC 9110 §12.5.1 has it. A tie means plain JSON. */
function quality(ranges: readonly Range[], subtype: string): number {
  const named = ranges.find(({ type }) => type === `application/${subtype}`);
  if (named !== undefined) return named.quality;
  // Only by name does anybody ask for problem details.
  if (subtype === "problem+json") return 0;
  const wide =
    ranges.find(({ type }) => type === "application/*") ?? ranges.find(({ type }) => type === "*/*");
  // A client that names problem+json and admits anything else prefers what it named.
  return wide === undefined ? 0 : Math.min(wide.quality, 0.999);
}
