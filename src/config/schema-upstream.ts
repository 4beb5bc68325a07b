import { z } from "zod";
import { hostHeader, isHostName, text, whole, word } from "../core/fields.ts";
import { found, quoted } from "../core/found.ts";
import { duration } from "../core/values.ts";
import { targetUrl } from "./target.ts";

const target = z.union(
  [
    targetUrl,
    z.strictObject({ url: targetUrl.describe("Scheme, host and port.") }).transform(({ url }) => url),
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

export const upstream = z
  .strictObject({
    targets: z
      .array(target, { error: ({ input }) => expectedTargets(input) })
      .min(1)
      .describe("The addresses of the service: `http://host:port` or `https://host:port`."),
    balance: word(["round-robin"]).default("round-robin").describe("How a target is chosen."),
    timeout: z
      .strictObject({
        connect: duration().prefault("3s").describe("To open a connection, TLS included (504 beyond)."),
        firstByte: duration()
          .prefault("15s")
          .describe("From the request sent to the head of the answer (504 beyond)."),
        idle: duration().prefault("60s").describe("Longest pause inside a request or an answer."),
        tunnel: duration().prefault("1h").describe("Longest silence on a WebSocket."),
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
  })
  .describe("A service behind the gateway.");
