/** What backends are made with, from what the config says of them. */
import type { FieldRules, FixedOptions, UpstreamOptions } from "../core/kinds.ts";
import { readCertificates } from "./certificates.ts";
import type { RouteConfig, UpstreamConfig } from "./schema.ts";
import type { Destination } from "./versions.ts";

const NEVER = Number.POSITIVE_INFINITY;

export function upstreamOptions(name: string, config: UpstreamConfig, folder: string): UpstreamOptions {
  const { timeout, resolve, tls, retry, circuitBreaker, ejection, healthCheck, concurrency, ...plain } =
    config;
  const certificates = tls.ca === undefined ? undefined : readCertificates(tls.ca, folder);
  const ca = certificates !== undefined && "pem" in certificates ? certificates.pem : undefined;
  return {
    ...plain,
    name,
    timeout: { ...timeout, total: timeout.total ?? NEVER },
    resolve: resolve === "never" ? NEVER : resolve,
    retry: retry === undefined ? null : { ...retry, perTry: retry.perTry ?? NEVER },
    circuitBreaker:
      circuitBreaker === undefined
        ? null
        : {
            ...circuitBreaker,
            slowCall: circuitBreaker.slowCall ?? NEVER,
            consecutiveFailures:
              circuitBreaker.consecutiveFailures === "off" ? NEVER : circuitBreaker.consecutiveFailures,
          },
    ejection: ejection ?? null,
    healthCheck: healthCheck ?? null,
    concurrency: concurrency ?? null,
    tls: { ca, serverName: tls.serverName, insecure: tls.insecure },
  };
}

export function fieldRules({ set, remove }: RouteConfig["headers"]["request"]): FieldRules {
  return { set: Object.entries(set), remove: remove.map((name) => name.toLowerCase()) };
}

type FixedConfig = Extract<Destination["to"], { fixed: unknown }>["fixed"];

/** The route's rules for answers are applied here: no backend looks at a fixed answer again. */
export function fixedOptions({ status, headers, body }: FixedConfig, response: FieldRules): FixedOptions {
  const removed = new Set([...response.remove, ...response.set.map(([name]) => name.toLowerCase())]);
  const own = Object.entries(headers);
  const content = fixedBody(body);
  const hasType = own.some(([name]) => name.toLowerCase() === "content-type");
  const typed = content === null || hasType ? own : [["Content-Type", content.type] as const, ...own];
  const kept = typed.filter(([name]) => !removed.has(name.toLowerCase()));
  return { status, headers: [...kept, ...response.set], body: content === null ? null : content.bytes };
}

function fixedBody(body: unknown): { type: string; bytes: Buffer } | null {
  if (body === undefined || body === null) return null;
  if (typeof body === "string") return { type: "text/plain; charset=utf-8", bytes: Buffer.from(body) };
  return { type: "application/json", bytes: Buffer.from(JSON.stringify(body)) };
}
