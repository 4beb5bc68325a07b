import type { World } from "../config/plan.ts";
import { noCounters } from "../core/counters.ts";
import type { Handler } from "../core/handler.ts";
import { noIdempotency } from "../core/idempotency.ts";
import { noKeys } from "../core/keys.ts";
import { noMetrics } from "../core/metrics.ts";
import { noRevocations } from "../core/revocations.ts";
import { ownMemory } from "../core/shared-memory.ts";
import type { Tools } from "../core/tools.ts";
import { buildRouter, parseTemplate, shadowed } from "../flow/router/index.ts";
import { policies } from "../policies/index.ts";

const neverCalled: Handler = () => {
  throw new Error("a plan that was made to be looked at was run");
};

const tools: Tools = {
  pseudonym: "turnpike-dry",
  clock: { now: () => 0, wall: () => 0 },
  ticker: { subscribe: () => () => {} },
  log: { info: () => {}, warn: () => {}, error: () => {} },
  metrics: noMetrics,
  counters: noCounters,
  keys: noKeys,
  revocations: noRevocations,
  idempotency: noIdempotency,
  shared: ownMemory(),
  random: () => 0,
};

/** For plans that are only looked at: no socket, no timer, no pool comes of them. */
export const dryWorld: World = {
  kinds: {
    policies,
    upstream: () => ({ handler: () => neverCalled, close: () => {} }),
    fixed: () => neverCalled,
    service: () => neverCalled,
    fallback: () => (next) => next,
    lastGood: () => (next) => next,
    versions: () => () => (next) => next,
  },
  tools,
  paths: { buildRouter, parseTemplate, shadowed },
};
