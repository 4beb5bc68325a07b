/** The way from a lane to the service thread: HTTP/1.1 on a Unix socket that nobody else can open. */
import type { Handler } from "../../core/handler.ts";
import type { FieldRules, Target } from "../../core/kinds.ts";
import type { Reply } from "../../core/reply.ts";
import type { Tools } from "../../core/tools.ts";
import { type PoolOptions, UpstreamPool } from "../../wire/http1/upstream-pool.ts";
import { ServiceExchange } from "./exchange.ts";
import { serviceRequestHead } from "./request-head.ts";
import { writeWay } from "./way.ts";

/** One for each lane; it outlives plans. */
export interface ServiceLink {
  /** For the routes of one config. `generation` is its number, `answer` what a route changes on the way back. */
  handler(answer: FieldRules, generation: number): Handler;
  close(): void;
}

const NO_TLS = { ca: undefined, serverName: undefined, insecure: false };

/** A statement that takes longer than this has been given up by the database. */
const OPTIONS: PoolOptions = {
  timeout: { connect: 5_000, firstByte: 60_000, idle: 60_000 },
  keepAlive: 60_000,
  connections: 256,
  pending: 1_024,
  pipelining: 1,
  keepsToHead: true,
  resolve: Number.POSITIVE_INFINITY,
  tls: NO_TLS,
};

export function makeServiceLink(
  socket: string,
  { clock, ticker }: Pick<Tools, "clock" | "ticker">,
): ServiceLink {
  const target: Target = { url: "service", socket, secure: false, host: "service", port: 0, weight: 1 };
  const pool = new UpstreamPool(target, OPTIONS, clock.now());
  const stopTicking = ticker.subscribe((now) => pool.sweep(now));
  return {
    handler: (answer, generation) => (call) =>
      new Promise<Reply>((resolve, reject) => {
        const head = serviceRequestHead(call, writeWay(call), generation);
        new ServiceExchange(call, head, { pool, clock, answer }, resolve, reject).start();
      }),
    close() {
      stopTicking();
      pool.close();
    },
  };
}
