import type { Reliability } from "../../core/reliability.ts";
import { formatSize, formatDuration as time } from "../../core/values.ts";
import type { CacheOptions } from "./cache.options.ts";

/** What is answered without the service, and what instead of it. */
export function reliabilityOf(options: CacheOptions): Reliability {
  const { maxBytes, ttl, defaultTtl, staleWhileRevalidate, staleIfError, share } = options;
  const stale = [
    ...(staleWhileRevalidate > 0 ? [`${time(staleWhileRevalidate)} while a new one is got`] : []),
    ...(staleIfError > 0 ? [`${time(staleIfError)} in place of an error`] : []),
  ];
  const fresh =
    ttl !== undefined
      ? `fresh for ${time(ttl)}`
      : `fresh for as long as they say${defaultTtl === undefined ? "" : `, else ${time(defaultTtl)}`}`;
  return {
    role: "cache",
    lines: [
      `answers to GET and HEAD, ${fresh}, in ${formatSize(maxBytes)}; ${share ? "public ones shared by all callers" : "for each caller apart"}`,
      `stale ones are given ${stale.length === 0 ? "only where the answer says so" : `for ${stale.join(", and for ")}, or as the answer says`}`,
    ],
  };
}
