import type { LogPlan } from "../core/plan.ts";
import type { Log } from "../core/tools.ts";
import { formatLogLine } from "./log-line.ts";
import { type LogSink, openAccessLog } from "./log-sink.ts";

const LEVELS: readonly LogPlan["level"][] = ["debug", "info", "warn", "error"];

/** Logs are made in many places and never closed, so those that go to the same place are one. */
const shared = new Map<string, LogSink>();

function sharedSink(to: string): LogSink {
  const sink = shared.get(to) ?? openAccessLog(to);
  shared.set(to, sink);
  return sink;
}

/** The log of everything that is not a call, in the same form. `to` as for `openAccessLog`, or what that returned. */
export function openLog(level: LogPlan["level"], to: string | LogSink): Log {
  const sink = typeof to === "string" ? sharedSink(to) : to;
  const least = LEVELS.indexOf(level);
  const at = (name: "info" | "warn" | "error"): Log["info"] =>
    LEVELS.indexOf(name) < least
      ? () => {}
      : (fields, message) => sink.write(formatLogLine(Date.now(), name, fields, message));
  return { info: at("info"), warn: at("warn"), error: at("error") };
}

/** Hands every line to the kernel now: a thread that is terminated runs no exit handlers. */
export function flushLogs(): void {
  for (const sink of shared.values()) sink.flushSync();
}
