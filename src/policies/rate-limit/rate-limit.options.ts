import { z } from "zod";
import type { Call } from "../../core/call.ts";
import { ALGORITHMS } from "../../core/counters.ts";
import { distinct, isToken, name, text, whole, word } from "../../core/fields.ts";
import { found, quoted } from "../../core/found.ts";
import { duration } from "../../core/values.ts";
import { contradictions } from "./contradictions.ts";

/** Counts of sliding windows are kept in 32 bits. */
const MOST_UNITS = 1_000_000_000;
/** A take locks the counts of all its limits at once. */
const MOST_LIMITS = 8;

/** The number of seconds is told to clients, as a whole number. */
const window = duration({ min: "1s", max: "366d" }).refine((ms) => ms % 1000 === 0, {
  error: () => "must be whole seconds",
});

const units = whole(1, MOST_UNITS);

const limitFields = {
  limit: units.describe("Requests, or units of `cost`, in a window."),
  window: window.describe("Length of the window: `1s`, `1m`, `1h`, `1d` …"),
  algorithm: word(ALGORITHMS).optional().describe("As `algorithm` of the entry, which it replaces."),
  burst: units.optional().describe("What a token bucket holds when it is full; `limit` by default."),
  name: name.optional().describe("What clients see in `RateLimit`; made from the numbers by default."),
};

const oneLimit = z.strictObject(limitFields);
const severalLimits = z.array(oneLimit).min(1).max(MOST_LIMITS);

const plan = z.union(
  [
    z.literal("unlimited"),
    z.strictObject({ ...limitFields, window: limitFields.window.optional() }),
    severalLimits,
  ],
  {
    error: ({ input }) => `expected { limit, window }, a list of such limits, or unlimited, ${found(input)}`,
  },
);

const header = text("the name of a header", (value) =>
  isToken(value) ? undefined : `${quoted(value)} is not a header name: letters, digits and - make one`,
);
const nonEmpty = (noun: string) =>
  text(noun, (value) => (value === "" ? `expected ${noun}, found nothing` : undefined));

const WHO = ["consumer", "ip", "all"] as const;
const who = z.union(
  [
    z.enum(WHO),
    z.strictObject({ header: header.describe("Each value of this header for itself.") }),
    z.strictObject({
      claim: nonEmpty("the name of a claim").describe("Each value of this claim of the token."),
    }),
  ],
  { error: ({ input }) => `expected consumer, ip, all, { header: … } or { claim: … }, ${found(input)}` },
);

/** Units that a call costs: whole, not negative. What it throws is answered with 500. */
export type CostOf = (call: Call) => number;

const EXPECTED_COST = "a number, bytes, { header: … }, { query: … } or, in a turnpike.config.ts, a function";
const costOf = z
  .unknown()
  .check(({ value, issues }) => {
    // Not a message of its own: a value of another shape is probably meant as one of the others.
    if (typeof value !== "function")
      issues.push({ code: "invalid_type", expected: "function", input: value });
  })
  .transform((value) => value as CostOf)
  // Files that editors check hold no functions.
  .meta({ not: {} });

const costIfAbsent = whole(0, MOST_UNITS).default(1).describe("Where it is absent or not a number.");
const cost = z.union(
  [
    whole(0, MOST_UNITS),
    z.literal("bytes"),
    z.strictObject({
      header: header.describe("A header of the request that says it."),
      default: costIfAbsent,
    }),
    z.strictObject({
      query: nonEmpty("the name of a parameter").describe(
        "A parameter of the query that says it; the largest, if repeated.",
      ),
      default: costIfAbsent,
    }),
    costOf,
  ],
  { error: ({ input }) => `expected ${EXPECTED_COST}, ${found(input)}` },
);

export const rateLimitOptions = z
  .strictObject({
    ...limitFields,
    algorithm: word(ALGORITHMS)
      .default("token-bucket")
      .describe(
        "`token-bucket` refills continuously and lets bursts pass, `fixed-window` starts afresh at whole multiples of the window (UTC), `sliding-window` never lets more than `limit` into any window.",
      ),
    limit: limitFields.limit.optional(),
    window: limitFields.window.optional(),
    limits: severalLimits
      .optional()
      .describe("Several limits that all have to be kept, instead of `limit` and `window`."),
    plans: z
      .record(name, plan)
      .optional()
      .describe(
        "Limits that hold instead, by the plan of the key or token: the same numbers, a list, or `unlimited`.",
      ),
    by: z
      .union([distinct(who).min(1), who], {
        error: ({ input }) =>
          `expected consumer, ip, all, { header: … }, { claim: … } or a list of them, ${found(input)}`,
      })
      .optional()
      .describe(
        "Who is counted: each `consumer` (callers without a credential by `ip`), `ip` (IPv6 by /64), value of a `{ header }` or `{ claim }`, `all` together, or each combination of a list. By default the consumer where one is known by then, else the `ip`.",
      ),
    cost: cost
      .default(1)
      .describe(
        "Units that a request costs: a number, `bytes` of its body, what a `{ header }` or a parameter of the `{ query }` says, or a function in a TypeScript config.",
      ),
    onStoreError: word(["local", "open", "closed"])
      .default("local")
      .describe(
        "Where the store of the counters cannot answer: this process counts alone (`local`), every request passes (`open`), or none (`closed`, 503).",
      ),
    dryRun: z
      .boolean()
      .default(false)
      .describe("Refuses nothing; headers, log and metrics say what would have been refused."),
  })
  .check(({ value, issues }) => {
    for (const { path, message } of contradictions(value))
      issues.push({ code: "custom", input: value, path: [...path], message });
  });

export type RateLimitOptions = z.output<typeof rateLimitOptions>;
export type LimitOptions = z.output<typeof oneLimit>;
export type Who = z.output<typeof who>;
