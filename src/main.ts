/** From a config file to a running gateway, and back to nothing. The only place that chooses implementations. */
import { readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { makeHealth, type Readiness } from "./admin/health.ts";
import { makeFixed } from "./backends/fixed/fixed.ts";
import { makeUpstream } from "./backends/upstream/upstream.ts";
import { loadPlan, type World } from "./config/plan.ts";
import { formatProblem } from "./config/problem.ts";
import type { Call } from "./core/call.ts";
import type { Kinds, Upstream } from "./core/kinds.ts";
import { noMetrics } from "./core/metrics.ts";
import type { LimitsPlan, Plan } from "./core/plan.ts";
import type { Clock, Ticker, Tools } from "./core/tools.ts";
import { makeClientAddress } from "./flow/client-address.ts";
import { makeFlow, routed } from "./flow/flow.ts";
import { buildRouter, parseTemplate, shadowed } from "./flow/router/index.ts";
import { formatAccessLine } from "./observe/access-log.ts";
import { openLog } from "./observe/log.ts";
import { openAccessLog } from "./observe/log-sink.ts";
import { isRequestId, makeRequestIds } from "./observe/request-id.ts";
import { startTicker, systemClock } from "./observe/ticker.ts";
import { policies } from "./policies/index.ts";
import { Http1Server } from "./wire/http1/server.ts";

export const kinds: Kinds = { policies, upstream: makeUpstream, fixed: makeFixed };

export interface Overrides {
  /** Instead of `listen.port`. */
  readonly port?: number | undefined;
  /** Instead of the system's, so that tests move time by hand. */
  readonly time?: { readonly clock: Clock; readonly ticker: Ticker };
}

export interface RunningGateway {
  /** `http://HOST:PORT` of the data port. */
  readonly address: string;
  readonly adminAddress: string;
  /** Drains and stops. A second call while it drains ends at once what is in flight. */
  stop(reason?: StopReason): Promise<void>;
  /** Something was thrown that nobody caught: logs it, lets calls in flight finish, ends with exit code 1. */
  fail(error: unknown): Promise<void>;
  /** Opens the log file anew, after a rotation has moved it away. */
  reopenLog(): void;
  /** Resolves with the exit code when the gateway has stopped, whoever stopped it. */
  readonly done: Promise<number>;
}

/** `terminate` is an orchestrator's, which takes a while to stop sending; `interrupt` is a person's, who waits. */
export type StopReason = "terminate" | "interrupt";

/** @throws ConfigError, or the system's error where a port cannot be had. */
export async function runGateway(configFile: string, overrides: Overrides = {}): Promise<RunningGateway> {
  const { clock, ticker } = overrides.time ?? { clock: systemClock, ticker: startTicker(systemClock) };
  const tools: Tools = {
    clock,
    ticker,
    log: openLog("warn", "stderr"),
    metrics: noMetrics,
    counters: { close: () => {} },
    keys: { close: () => {} },
    revocations: { close: () => {} },
  };
  const world: World = { kinds, tools, paths: { parseTemplate, shadowed } };
  const { plan, upstreams, warnings } = await loadPlan(configFile, world, { port: overrides.port });
  for (const warning of warnings) tools.log.warn({}, formatProblem(warning));
  return serve(plan, upstreams, tools);
}

async function serve(
  plan: Plan,
  upstreams: ReadonlyMap<string, Upstream>,
  tools: Tools,
): Promise<RunningGateway> {
  const { clock } = tools;
  const lines = openAccessLog(plan.log.to);
  const record = plan.log.requests
    ? (call: Call) => lines.write(formatAccessLine(call, clock.now(), clock.wall()))
    : () => {};
  const newId = makeRequestIds(() => clock.wall());
  const clientAddress = makeClientAddress(plan.listen.trustedProxies);
  const common = { plan, clock, log: tools.log, newId, isId: isRequestId, clientAddress };
  let readiness: Readiness = "starting";

  const flow = makeFlow({ ...common, record, route: routed(plan.paths, buildRouter(plan.routes)) });
  const health = makeHealth({ readiness: () => readiness });
  const operations = makeFlow({ ...common, record: () => {}, route: (call) => health(call) });
  const server = new Http1Server({ ...tools, ...listener(plan), acceptor: flow });
  const admin = new Http1Server({ ...tools, ...listener(plan), acceptor: operations });

  const adminPort = await admin.listen(plan.admin.host, plan.admin.port);
  const port = await server.listen(plan.listen.host, plan.listen.port).catch(async (error) => {
    await admin.close(0);
    throw error;
  });
  readiness = "ready";

  const exit = Promise.withResolvers<number>();
  let exitCode = 0;
  let forced: (() => void) | null = null;
  async function stop(reason: StopReason = "terminate"): Promise<void> {
    if (forced !== null) {
      forced();
      return;
    }
    const force = Promise.withResolvers<void>();
    forced = force.resolve;
    readiness = "draining";
    server.startDraining();
    // Whoever sends us traffic needs a moment to see that we are not ready (HLT-4).
    await Promise.race([force.promise, waited(reason === "terminate" ? plan.drain.delay : 0)]);
    const hurry = force.promise.then(() => server.destroy());
    await Promise.race([server.close(plan.drain.timeout), hurry]);
    for (const upstream of upstreams.values()) upstream.close();
    await admin.close(0);
    await lines.close();
    exit.resolve(exitCode);
  }
  return {
    address: url(plan.listen.host, port),
    adminAddress: url(plan.admin.host, adminPort),
    stop,
    fail(error) {
      tools.log.error({ cause: error }, "stopping after an error that nothing caught");
      exitCode = 1;
      return stop("interrupt");
    },
    reopenLog: () => lines.reopen(),
    done: exit.promise,
  };
}

/** A wait that does not keep a process alive which has nothing else to do. */
function waited(milliseconds: number): Promise<void> {
  return delay(milliseconds, undefined, { ref: false });
}

function listener(plan: Plan): { limits: LimitsPlan; timeouts: Plan["timeouts"] } {
  const connections = Math.min(plan.limits.connections, Math.floor(openFilesLimit() * 0.8));
  return { limits: { ...plan.limits, connections }, timeouts: plan.timeouts };
}

/** Connections beyond the limit of open files would fail in accept, where no client gets an answer. */
function openFilesLimit(): number {
  try {
    const limit = /^Max open files\s+(\d+)/m.exec(readFileSync("/proc/self/limits", "utf8"));
    return limit === null ? Number.POSITIVE_INFINITY : Number(limit[1]);
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}

const url = (host: string, port: number): string =>
  `http://${host.includes(":") ? `[${host}]` : host}:${port}`;
