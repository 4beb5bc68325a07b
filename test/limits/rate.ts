import { createHash } from "node:crypto";
import type { RawResponse } from "../harness/raw.ts";

/** What one answer says of the limits, with numbers as numbers. */
export interface Rate {
  readonly limit: number;
  readonly remaining: number;
  /** Epoch seconds. */
  readonly reset: number;
  readonly policy: string;
  readonly items: string;
  readonly retryAfter: number | undefined;
}

export function rateOf({ headers }: RawResponse): Rate {
  const field = (name: string): string => {
    const values = headers.get(name) ?? [];
    if (values.length !== 1) throw new Error(`${values.length} fields called ${name}`);
    return values[0] as string;
  };
  const retryAfter = headers.get("retry-after")?.[0];
  return {
    limit: Number(field("x-ratelimit-limit")),
    remaining: Number(field("x-ratelimit-remaining")),
    reset: Number(field("x-ratelimit-reset")),
    policy: field("ratelimit-policy"),
    items: field("ratelimit"),
    retryAfter: retryAfter === undefined ? undefined : Number(retryAfter),
  };
}

/** An entry of `keys` in a config, for a secret. */
export function configKey(consumer: string, secret: string, plan?: string): Record<string, unknown> {
  const hash = `sha256:${createHash("sha256").update(secret).digest("hex")}`;
  return { id: consumer, hash, consumer, ...(plan === undefined ? {} : { plan }) };
}
