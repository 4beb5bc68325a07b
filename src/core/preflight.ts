import type { Request } from "./call.ts";

/** The method that a browser asks leave for (CORS-1); null for what is no preflight. */
export function preflightFor({ method, headers }: Request): string | null {
  if (method !== "OPTIONS" || !headers.has("origin")) return null;
  return headers.get("access-control-request-method") ?? null;
}
