import { z } from "zod";
import { share } from "../core/fields.ts";
import { found } from "../core/found.ts";
import type { OverloadPlan } from "../core/plan.ts";
import { duration, size } from "../core/values.ts";

const memory = z
  .union([z.literal("auto"), z.literal("off"), size({ min: "1mb", max: "1024gb" })], {
    error: ({ input }) => `expected auto, off or a size such as "512mb", ${found(input)}`,
  })
  .describe(
    "What the process may use: `auto` for the limit of its container (cgroup), or the machine's memory; `off` to look at no memory at all.",
  );

const eventLoop = z
  .union([z.literal("off"), duration({ min: "10ms", max: "1m" })], {
    error: ({ input }) => `expected off or a duration such as "500ms", ${found(input)}`,
  })
  .describe(
    "How late a lane's event loop may be, again and again, before it refuses a part of the new calls.",
  );

export const overload = z
  .strictObject({
    memory: memory.prefault("auto"),
    shedAt: share(0.1)
      .default(0.85)
      .describe("Share of that memory, or of a lane's heap, from which on new calls are refused (503)."),
    refuseAt: share(0.1).default(0.95).describe("Share from which on new connections are closed, too."),
    eventLoop: eventLoop.prefault("500ms"),
    retryAfter: duration({ min: "1s", max: "1h" })
      .prefault("1s")
      .describe("What refused clients are told to wait, in `Retry-After`."),
  })
  .check(({ value, issues }) => {
    if (value.refuseAt >= value.shedAt) return;
    const message = `connections cannot be closed at ${value.refuseAt}, before calls are refused at ${value.shedAt} (shedAt)`;
    issues.push({ code: "custom", input: value.refuseAt, path: ["refuseAt"], message });
  })
  .describe(
    "When the gateway itself has too much to do: new calls are refused before those in flight suffer.",
  );

export function overloadPlan({
  memory,
  eventLoop,
  retryAfter,
  ...shares
}: z.output<typeof overload>): OverloadPlan {
  return {
    ...shares,
    memory: memory === "off" ? Number.POSITIVE_INFINITY : memory,
    eventLoop: eventLoop === "off" ? Number.POSITIVE_INFINITY : eventLoop,
    // The field counts in whole seconds (RFC 9110 §10.2.3).
    retryAfter: Math.ceil(retryAfter / 1000),
  };
}
