import { z } from "zod";
import {
  distinct,
  fieldValue,
  isName,
  method,
  name,
  refuseFieldName,
  routeHost,
  text,
  whole,
} from "../core/fields.ts";
import { found, listOf } from "../core/found.ts";
import { METHODS, withHead } from "../core/methods.ts";
import { sizeOrUnlimited } from "../core/values.ts";
import { versionName } from "./schema-versions.ts";

const when = z.strictObject({
  methods: distinct(method)
    .min(1)
    .optional()
    .describe("Methods that the policy runs for; GET includes HEAD."),
});

/** The options are checked later, by the policy itself: only the plan knows which policies there are. */
export const policyEntry = z
  .looseObject(
    { when: when.optional().describe("Requests that the policy runs for; all when left out.") },
    {
      error: ({ input }) => `expected a policy and its options such as { cors: { … } }, ${found(input)}`,
    },
  )
  .check(({ value, issues }) => {
    const names = Object.keys(value).filter((key) => key !== "when");
    if (names.length === 1) return;
    const many = `one entry holds one policy, found ${listOf(names)}; give each its own "- "`;
    issues.push({
      code: "custom",
      input: value,
      message: names.length === 0 ? "expected the name of a policy beside when" : many,
    });
  })
  .transform(({ when: condition, ...rest }) => {
    const [[kind, options] = ["", {}]] = Object.entries(rest);
    return { kind, options: options ?? {}, methods: condition?.methods && withHead(condition.methods) };
  });

const fieldName = text("the name of a header", refuseFieldName);

const setFields = z.record(fieldName, fieldValue).check(({ value, issues }) => {
  const seen = new Set<string>();
  for (const given of Object.keys(value)) {
    const message = `${given} is set twice; header names ignore case`;
    if (seen.has(given.toLowerCase()))
      issues.push({ code: "custom", input: given, path: [given], params: { key: true }, message });
    seen.add(given.toLowerCase());
  }
});

function fieldRules(from: string) {
  return z
    .strictObject({
      set: setFields.prefault({}).describe("Headers to write, replacing those of the same name."),
      remove: z
        .array(fieldName)
        .prefault([])
        .describe(`Headers of ${from} to leave out; happens before \`set\`.`),
    })
    .prefault({});
}

const fixed = z
  .strictObject({
    status: whole(200, 599).default(200).describe("The status of the answer."),
    headers: setFields.prefault({}).describe("The headers of the answer."),
    body: z.unknown().optional().describe("Text, or any value to be sent as JSON; no body when left out."),
  })
  .check(({ value, issues }) => {
    const { status, body } = value;
    if (body === undefined || body === null) return;
    const refuse = (message: string) => issues.push({ code: "custom", input: body, path: ["body"], message });
    if (status === 204 || status === 205 || status === 304)
      refuse(`an answer with status ${status} has no body`);
    else if (!isJson(body)) refuse(`expected text or a value that JSON can say, ${found(body)}`);
  });

/** Only a TypeScript config can hold anything else. */
function isJson(value: unknown): boolean {
  try {
    return JSON.stringify(value) !== undefined;
  } catch {
    return false;
  }
}

const upstreamName = text("the name of an upstream", (value) => {
  if (isName(value)) return undefined;
  const base = `expected the name of an upstream, ${found(value)}`;
  return value.includes("://") ? `${base}; list the URL under "upstreams" and give its name here` : base;
});

const rewrite = text("a path", (path) =>
  path.startsWith("/") ? undefined : `a rewritten path starts with "/", ${found(path)}`,
).optional();

const fallback = z.union(
  [
    z.strictObject({ fixed: fixed.describe("An answer of the gateway itself.") }),
    z.strictObject({
      upstream: upstreamName.describe("Another one of `upstreams`."),
      rewrite: rewrite.describe("The path that it sees; as for the first one when left out."),
    }),
    z.strictObject({
      lastGood: z
        .literal(true)
        .describe("The last complete 200 that the same caller got for the same GET, for GET and HEAD."),
    }),
  ],
  {
    error: ({ input }) => `expected { fixed: … }, { upstream: … } or { lastGood: true }, ${found(input)}`,
  },
);

const one = z.union(
  [
    z.strictObject({
      upstream: upstreamName.describe("One of `upstreams`."),
      rewrite: rewrite.describe(
        "The path that the upstream sees: `{name}` stands for a parameter, a final `*` for what the route's own `*` matched.",
      ),
      fallback: fallback
        .optional()
        .describe(
          "What answers, with `X-Fallback: true`, where the upstream cannot: when the request has not reached it, and for GET and HEAD also when it has and no answer came.",
        ),
    }),
    z.strictObject({ fixed: fixed.describe("An answer of the gateway itself.") }),
    z.strictObject({
      service: z.literal(true).describe("The `resources` of this config answer, in their own versions."),
    }),
  ],
  { error: ({ input }) => expectedTo(input) },
);

const to = z.union(
  [
    ...one.options,
    z
      .record(versionName, one)
      .refine((byVersion) => Object.keys(byVersion).length > 0, { error: ({ input }) => expectedTo(input) })
      .describe("An answer for each version of the API, by its name; 404 in the others."),
  ],
  { error: ({ input }) => expectedTo(input) },
);

function expectedTo(input: unknown): string {
  const base = `expected { upstream: … }, { service: true } or { fixed: … }, ${found(input)}`;
  if (input === "service") return `${base}; write { service: true }`;
  return typeof input === "string" && isName(input) ? `${base}; write { upstream: ${input} }` : base;
}

export const route = z
  .strictObject({
    name: name.optional().describe("For logs and metrics; made from the path when left out."),
    path: text("a path", (path) =>
      path.startsWith("/") ? undefined : `a path starts with "/", ${found(path)}`,
    ).describe("`/orders` alone, `/orders/{id}` with a named segment, `/orders/*` with everything below."),
    hosts: distinct(routeHost)
      .min(1)
      .optional()
      .describe("Hosts that the route answers for; every host when left out."),
    methods: distinct(method)
      .min(1)
      .optional()
      .describe(`Methods that the route offers, of ${METHODS.join(", ")}; all when left out.`),
    priority: whole(-1000, 1000)
      .default(0)
      .describe("Wins over routes of lower priority that match the same request."),
    to: to.describe("Who answers."),
    headers: z
      .strictObject({
        request: fieldRules("the request").describe("What the upstream sees."),
        response: fieldRules("the answer").describe("What the client sees."),
      })
      .prefault({})
      .describe("Headers to change on the way."),
    limits: z
      .strictObject({
        body: sizeOrUnlimited({ min: "0b", max: "1024gb" })
          .optional()
          .describe("Largest body of a request on this route."),
      })
      .prefault({})
      .describe("Where this route differs from `limits`."),
    policies: z
      .array(policyEntry)
      .prefault([])
      .describe("For this route, outermost first, inside those for every route."),
  })
  .describe("Which requests, and who answers them.");
