/**
 * Fastify as an API gateway: hooks by hand over maps, which do less than @fastify/cors and @fastify/rate-limit would
 * and are meant to flatter it. The log is Fastify's own logger with one line for a request instead of its two.
 */
import { randomUUID } from "node:crypto";
import { openSync, write } from "node:fs";
import proxy from "@fastify/http-proxy";
import fastify, { type FastifyInstance } from "fastify";
import { consumer, exposed, type Limit, origin, secretOf } from "../stack.ts";

const consumers: ReadonlyMap<string, string> = new Map([[secretOf(0), consumer]]);
const origins: ReadonlySet<string> = new Set([origin]);

interface Guarded {
  readonly upstream: string;
  readonly log: string;
  readonly limit: Limit;
}

export async function guard({ upstream, log, limit }: Guarded): Promise<FastifyInstance> {
  const take = tokenBucket(limit);
  const server = fastify({
    logger: { stream: openLog(log), base: null },
    disableRequestLogging: true,
    genReqId: () => randomUUID(),
  });
  server.decorateRequest("consumer", "");
  server.addHook("onRequest", async (request, reply) => {
    const { headers } = request;
    reply.header("X-Request-Id", request.id);
    reply.header("Vary", "Origin");
    if (headers.origin !== undefined && origins.has(headers.origin)) {
      reply.header("Access-Control-Allow-Origin", headers.origin);
      reply.header("Access-Control-Expose-Headers", exposed);
    }
    const caller = consumers.get(String(headers["x-api-key"]));
    if (caller === undefined) {
      reply.header("WWW-Authenticate", 'Bearer realm="api"');
      return await reply.code(401).send({ error: { code: "INVALID_API_KEY" } });
    }
    request.consumer = caller;
    const { passes, left, fullIn } = take(caller);
    reply.header("X-RateLimit-Limit", limit.count);
    reply.header("X-RateLimit-Remaining", left);
    reply.header("X-RateLimit-Reset", Math.ceil(Date.now() / 1000 + fullIn));
    reply.header("RateLimit-Policy", `"default";q=${limit.count};w=${limit.seconds}`);
    reply.header("RateLimit", `"default";r=${left};t=${Math.ceil(fullIn)}`);
    if (!passes) return await reply.code(429).send({ error: { code: "RATE_LIMITED" } });
  });
  server.addHook("onResponse", async (request, reply) => {
    const { id, method, url, host, ip } = request;
    request.log.info(
      {
        id,
        method,
        path: url,
        host,
        status: reply.statusCode,
        duration_ms: reply.elapsedTime,
        client_ip: ip,
        user_agent: request.headers["user-agent"],
        consumer: request.consumer,
      },
      "request",
    );
  });
  await server.register(proxy, {
    upstream,
    disableRequestLogging: true,
    replyOptions: {
      rewriteRequestHeaders: (request, headers) => {
        const forwarded = {
          ...headers,
          "x-request-id": String(request.id),
          "x-consumer-id": request.consumer,
        };
        return { ...forwarded, "x-api-key": undefined };
      },
    },
  });
  return server;
}

declare module "fastify" {
  interface FastifyRequest {
    consumer: string;
  }
}

interface Taken {
  readonly passes: boolean;
  readonly left: number;
  /** Seconds. */
  readonly fullIn: number;
}

function tokenBucket({ count, seconds }: Limit): (caller: string) => Taken {
  const buckets = new Map<string, { tokens: number; at: number }>();
  const perMs = count / (seconds * 1000);
  return (caller) => {
    const now = performance.now();
    let bucket = buckets.get(caller);
    if (bucket === undefined) {
      bucket = { tokens: count, at: now };
      buckets.set(caller, bucket);
    }
    bucket.tokens = Math.min(count, bucket.tokens + (now - bucket.at) * perMs);
    bucket.at = now;
    const passes = bucket.tokens >= 1;
    if (passes) bucket.tokens -= 1;
    return { passes, left: Math.floor(bucket.tokens), fullIn: (count - bucket.tokens) / perMs / 1000 };
  };
}

const chunkSize = 64 * 1024;
const flushEveryMs = 100;

/** Lines in pieces of 64 KiB or after 100 ms, as Turnpike writes them; Fastify by itself writes each at once. */
function openLog(path: string): { write(line: string): void } {
  const file = openSync(path, "a");
  let lines = "";
  const flush = (): void => {
    if (lines === "") return;
    const chunk = lines;
    lines = "";
    write(file, chunk, (error) => {
      if (error !== null) throw error;
    });
  };
  setInterval(flush, flushEveryMs);
  return {
    write(line) {
      lines += line;
      if (lines.length >= chunkSize) flush();
    },
  };
}
