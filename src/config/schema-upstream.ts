import { z } from "zod";
import {
  distinct,
  hostHeader,
  isHostName,
  refuseFieldName,
  share,
  text,
  whole,
  word,
} from "../core/fields.ts";
import { found, quoted } from "../core/found.ts";
import { duration } from "../core/values.ts";
import { targetUrl } from "./target.ts";

const target = z.union(
  [
    targetUrl,
    z
      .strictObject({
        url: targetUrl.describe("Scheme, host and port."),
        weight: whole(1, 1000).default(1).describe("Its share of the calls, in proportion to the others."),
      })
      .transform(({ url, weight }) => ({ ...url, weight })),
  ],
  {
    error: ({ input }) => `expected a URL such as "http://127.0.0.1:9001" or { url: … }, ${found(input)}`,
  },
);

const upstreamHost = z.union(
  [
    z.enum(["preserve", "target"]),
    z.strictObject({ name: hostHeader.describe("The Host that the upstream sees.") }),
  ],
  { error: ({ input }) => `expected preserve, target or { name: "api.internal" }, ${found(input)}` },
);

function expectedTargets(input: unknown): string {
  const base = `expected a list of URLs such as ["http://127.0.0.1:9001"], ${found(input)}`;
  return typeof input === "string" ? `${base}; write [${quoted(input)}]` : base;
}

const hashBy = z.union(
  [
    z.enum(["client", "consumer", "path"]),
    z.strictObject({ header: text("the name of a header", refuseFieldName).describe("Its name.") }),
  ],
  { error: ({ input }) => `expected client, consumer, path or { header: "X-Session" }, ${found(input)}` },
);

const REASONS = ["unreachable", "disconnected", "timeout", 429, 502, 503, 504] as const;
const reason = z.literal(REASONS, {
  error: ({ input }) => `expected one of ${REASONS.join(", ")}, ${found(input)}`,
});

const retry = z
  .strictObject({
    attempts: whole(1, 10).default(2).describe("Attempts of one call together, the first included."),
    budget: share(0).default(0.2).describe("Retries that are allowed for each call of the last second."),
    minimum: whole(0, 1000)
      .default(3)
      .describe("Retries that are allowed in a second however few calls there are."),
    perTry: duration()
      .optional()
      .describe("To the head of one attempt's answer; `timeout.firstByte` when left out."),
    backoff: duration({ min: "0s", max: "1m" })
      .prefault("25ms")
      .describe("The first pause is drawn from nothing up to this, each further one from twice as much."),
    maxBackoff: duration({ min: "0s", max: "10m" }).prefault("1s").describe("No pause is longer."),
    maxRetryAfter: duration({ min: "0s", max: "10m" })
      .prefault("2s")
      .describe(
        "A `Retry-After` of the service is waited for up to this; beyond it its answer is passed on.",
      ),
    on: distinct(reason)
      .prefault(["unreachable", "disconnected", "timeout", 502, 503, 504])
      .describe("What is tried again, where the method or an `Idempotency-Key` makes that safe."),
  })
  .describe(
    "What is sent again when it fails. Without it only what no byte has left of goes to another target.",
  );

const circuitBreaker = z
  .strictObject({
    failureRate: share(0.01).default(0.5).describe("Opens at this share of failures in the window."),
    minimumCalls: whole(1, 1_000_000).default(20).describe("Shares say nothing before so many calls."),
    window: duration({ min: "100ms", max: "1h" })
      .prefault("10s")
      .describe("What is counted, in tenths of it: the past."),
    consecutiveFailures: z
      .union([z.literal("off"), z.int().min(1).max(1_000_000)], {
        error: ({ input }) => `expected off or a whole number from 1, ${found(input)}`,
      })
      .default(5)
      .describe("Opens at so many failures one after the other; `off` for never."),
    slowCall: duration().optional().describe("What takes longer counts as slow; nothing when left out."),
    slowRate: share(0.01).default(0.5).describe("Opens at this share of slow calls in the window."),
    openFor: duration().prefault("30s").describe("How long nothing goes through once it has opened."),
    probes: whole(1, 100)
      .default(1)
      .describe("Calls that go through then: if all are well it closes, if one is not it opens again."),
    failures: distinct(whole(400, 599))
      .prefault([500, 502, 503, 504])
      .describe("Statuses of the service that are failures, besides errors and timeouts."),
  })
  .describe(
    "Gives a failing service time to recover: 503 at once instead of calls to it. For each target, and for all together.",
  );

const ejection = z
  .strictObject({
    consecutiveFailures: whole(1, 1000)
      .default(5)
      .describe("Failures one after the other that take a target out."),
    for: duration().prefault("30s").describe("How long it stays out."),
    atMost: share(0).default(0.5).describe("Share of the targets that may be out; one always stays in."),
  })
  .describe("Takes targets that fail out of the rotation.");

/** RFC 9112 §3.2.1: it is sent as it is. */
function refuseCheckPath(path: string): string | undefined {
  if (!path.startsWith("/")) return `a path starts with "/", ${found(path)}`;
  return /^[!-~]+$/.test(path) && !path.includes("#")
    ? undefined
    : `write spaces, "#" and what is not ASCII percent-encoded, ${found(path)}`;
}

const healthCheck = z
  .strictObject({
    path: text("a path", refuseCheckPath).describe("What is asked with GET, with its query."),
    every: duration({ min: "100ms", max: "1h" }).prefault("5s").describe("How often each target is asked."),
    timeout: duration({ min: "10ms", max: "1m" }).prefault("2s").describe("How long it may take."),
    healthy: whole(1, 100).default(2).describe("Good answers one after the other that bring it back."),
    unhealthy: whole(1, 100).default(3).describe("Bad answers one after the other that take it out."),
    status: z
      .tuple([whole(100, 599), whole(100, 599)])
      .default([200, 399])
      .describe("Lowest and highest status of a good answer."),
  })
  .describe("Asks each target whether it is well.");

const concurrency = z
  .strictObject({
    limit: whole(1, 1_000_000).describe("Calls in flight to the service, of all lanes together."),
    queue: whole(0, 1_000_000).default(0).describe("Calls that may wait for their turn (503 beyond)."),
    wait: duration().prefault("1s").describe("How long they may wait (503 beyond)."),
  })
  .describe("How many calls the service gets at a time.");

export const upstream = z
  .strictObject({
    targets: z
      .array(target, { error: ({ input }) => expectedTargets(input) })
      .min(1)
      .describe("The addresses of the service: `http://host:port` or `https://host:port`."),
    balance: word(["round-robin", "least-connections", "consistent-hash"])
      .default("round-robin")
      .describe("How a target is chosen."),
    hashBy: hashBy
      .default("client")
      .describe(
        "What calls to one target have in common, for `consistent-hash`: the client's address, the consumer (the address where there is none), the path, or a header.",
      ),
    slowStart: duration({ min: "0s", max: "1h" })
      .prefault("0s")
      .describe("How long a target that has come back takes to get its full share again."),
    resolve: z
      .union([z.literal("never"), duration({ min: "1s", max: "24h" })])
      .prefault("30s")
      .describe("How often the names of targets are looked up again; `never` for once a connection."),
    idempotent: z
      .boolean()
      .default(false)
      .describe(
        "The service executes requests with the same `Idempotency-Key` once: keyed requests may be sent to it again.",
      ),
    timeout: z
      .strictObject({
        connect: duration().prefault("3s").describe("To open a connection, TLS included (504 beyond)."),
        firstByte: duration()
          .prefault("15s")
          .describe("From the request sent to the head of the answer (504 beyond)."),
        idle: duration().prefault("60s").describe("Longest pause inside a request or an answer."),
        tunnel: duration().prefault("1h").describe("Longest silence on a WebSocket."),
        total: duration()
          .optional()
          .describe(
            "From the first attempt to the head of the answer, all retries and pauses included (504 beyond); no deadline when left out.",
          ),
      })
      .prefault({})
      .describe("How long the upstream may take."),
    keepAlive: duration()
      .prefault("4s")
      .describe("How long an idle connection is kept; shorter than the upstream's own limit."),
    connections: whole(1, 65_535)
      .default(1024)
      .describe("Open connections to each target, of all lanes together."),
    pending: whole(0, 1_000_000)
      .default(256)
      .describe("Requests that may wait for a connection (503 beyond)."),
    pipelining: whole(1, 64)
      .default(1)
      .describe(
        "Safe requests in flight on one connection, for origins that are trusted to answer each just once; 1 is no pipelining.",
      ),
    host: upstreamHost
      .default("preserve")
      .describe("The Host that the upstream sees: the client's, the target's, or a fixed one."),
    tls: z
      .strictObject({
        ca: text("a file name", (file) => (file === "" ? "expected a file name, found nothing" : undefined))
          .optional()
          .describe(
            "PEM file with the certificates to trust, instead of the system's (relative to the config).",
          ),
        serverName: text("a host name", (host) =>
          isHostName(host) ? undefined : `expected a host name, ${found(host)}`,
        )
          .optional()
          .describe("The name to ask for and to verify, where it is not the target's host."),
        insecure: z.boolean().default(false).describe("Accepts any certificate: for tests only."),
      })
      .prefault({})
      .describe("For `https` targets."),
    retry: retry.optional(),
    circuitBreaker: circuitBreaker.optional(),
    ejection: ejection.optional(),
    healthCheck: healthCheck.optional(),
    concurrency: concurrency.optional(),
  })
  .describe("A service behind the gateway.");
