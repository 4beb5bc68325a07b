import { definePolicy, type Neighbour } from "../../core/policy.ts";
import { idempotencyOptions } from "./idempotency.options.ts";
import { Keeper } from "./keeper.ts";
import { reliabilityOf } from "./reliability.ts";
import { statusEndpoint } from "./status-endpoint.ts";

/** Who calls, and whether he may, is settled before anybody is shown an answer (IDEM-9). */
const NEIGHBOURS: readonly Neighbour[] = [
  ...["api-key", "jwt"].map((kind) => ({
    kind,
    belongs: "before" as const,
    otherwise: "callers that are not told apart yet would share their keys, and get each other's answers",
    strict: true,
  })),
  ...["authorize", "ip-allow"].map((kind) => ({
    kind,
    belongs: "before" as const,
    otherwise: "whoever has lost the right would still get the answers of earlier requests",
    strict: true,
  })),
  {
    kind: "rate-limit",
    belongs: "before",
    otherwise: "in front of it, repetitions do not count",
    strict: false,
  },
  {
    kind: "body-limit",
    belongs: "before",
    otherwise: "in front of it, bodies are read before their size is looked at",
    strict: false,
  },
  {
    kind: "validate",
    belongs: "behind",
    otherwise: "in front of it, a rule that has become stricter refuses repetitions of what was done before",
    strict: false,
  },
];

/** Lets clients repeat what changes something without doing it twice; see idempotency.md. */
export const idempotency = definePolicy({
  name: "idempotency",
  summary: "Carries out requests with the same Idempotency-Key once, and answers repetitions alike.",
  options: idempotencyOptions,
  uses: ["records"],
  dependsOnStores: true,
  neighbours: NEIGHBOURS,
  once: true,
  reliability: reliabilityOf,
  rejects: [
    "IDEMPOTENCY_KEY_INVALID",
    "IDEMPOTENCY_KEY_REQUIRED",
    "IDEMPOTENCY_KEY_IN_USE",
    "IDEMPOTENCY_KEY_REUSED",
    "IDEMPOTENCY_OUTCOME_UNKNOWN",
    "IDEMPOTENCY_ANSWER_NOT_KEPT",
    "IDEMPOTENCY_UNAVAILABLE",
    "IDEMPOTENCY_RECORD_NOT_FOUND",
  ],
  create(options, tools) {
    const methods: ReadonlySet<string> = new Set(options.methods);
    const keeper = new Keeper(options, tools);
    tools.offer(statusEndpoint(tools));
    return (next) => (call) => {
      if (!methods.has(call.request.method)) return next(call);
      const key = keeper.keyOf(call);
      if (key === null) return next(call);
      return call.route?.reachesService?.(call) === true
        ? keeper.passOn(call, next)
        : keeper.once(call, key, next);
    };
  },
});
