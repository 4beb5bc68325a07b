import { z } from "zod";
import { distinct, text, whole, word } from "../../core/fields.ts";
import { found } from "../../core/found.ts";
import { KEY_DRAFT } from "../../core/idempotency-terms.ts";
import { duration, size } from "../../core/values.ts";

/** The others change nothing, so that a repetition of them needs no key. */
const METHODS = ["POST", "PATCH", "PUT", "DELETE"] as const;

const url = text("a URL such as https://docs.example/idempotency", (value) =>
  URL.canParse(value) && /^https?:[!-~]+$/.test(value) && !value.includes(">")
    ? undefined
    : `expected a URL such as https://docs.example/idempotency, ${found(value)}`,
);

export const idempotencyOptions = z
  .strictObject({
    keep: duration({ min: "1m", max: "30d" })
      .prefault("24h")
      .describe("How long a key is remembered, from its first use on; then it is new again."),
    required: z.boolean().default(false).describe("Whether a request without a key is refused."),
    methods: distinct(word(METHODS))
      .min(1)
      .prefault(["POST", "PATCH"])
      .describe("Methods whose key is looked at; on others it is passed on and means nothing here."),
    whenRunning: word(["conflict", "wait"])
      .default("conflict")
      .describe(
        "What a repetition gets while the first request runs: 409 at once, or the answer of the first when it is there.",
      ),
    waitFor: duration({ min: "100ms", max: "5m" })
      .prefault("10s")
      .describe("How long a repetition waits with `whenRunning: wait`, before it gets 409."),
    onUnknown: word(["refuse", "resend"])
      .default("refuse")
      .describe(
        "What a repetition gets where nobody knows what came of the first request: 409, or it is sent again with the same key, for upstreams that are `idempotent`.",
      ),
    storeServerErrors: distinct(whole(500, 599))
      .prefault([500, 501])
      .describe("Statuses from 500 on, of the service's own answers, that are kept and replayed."),
    maxBody: size({ min: "0b", max: "16mb" })
      .prefault("1mb")
      .describe(
        "Largest body of an answer that is kept. A larger one is sent on, and a repetition gets 409.",
      ),
    onStoreError: word(["refuse", "pass"])
      .default("refuse")
      .describe(
        "Where the records cannot be reached: 503 and nothing is sent on, or the request passes unprotected.",
      ),
    compat: word(["draft", "stripe"])
      .default("draft")
      .describe("Status for a key that was used for another request: 422 as in the IETF draft, or 400."),
    docs: url
      .default(KEY_DRAFT)
      .describe("Where clients read about it: `Link` with `rel=describedby` on what is refused for its key."),
  })
  .check(({ value, issues }) => {
    if (value.required && value.onStoreError === "pass") {
      const message = "pass protects nothing while the records cannot be reached, and required asks for that";
      issues.push({ code: "custom", input: value, path: ["onStoreError"], message });
    }
  });

export type IdempotencyOptions = z.output<typeof idempotencyOptions>;
