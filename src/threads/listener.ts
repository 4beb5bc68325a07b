import { readFileSync } from "node:fs";
import type { LimitsPlan, Plan } from "../core/plan.ts";

/** The part of a plan that a listener goes by. */
export function listener(plan: Pick<Plan, "limits" | "timeouts">): {
  limits: LimitsPlan;
  timeouts: Plan["timeouts"];
} {
  const connections = Math.min(plan.limits.connections, Math.floor(openFiles * 0.8));
  return { limits: { ...plan.limits, connections }, timeouts: plan.timeouts };
}

/** The same for the port that clients use. */
export function dataListener({ listen, ...plan }: Pick<Plan, "limits" | "timeouts" | "listen">) {
  return { ...listener(plan), tls: listen.tls, http2: listen.http2 };
}

/** Connections beyond the limit of open files would fail in accept, where no client gets an answer. */
const openFiles = openFilesLimit();

function openFilesLimit(): number {
  try {
    const limit = /^Max open files\s+(\d+)/m.exec(readFileSync("/proc/self/limits", "utf8"));
    return limit === null ? Number.POSITIVE_INFINITY : Number(limit[1]);
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}
