import { z } from "zod";
import type { Handler } from "../../core/handler.ts";
import type { FieldRules, FixedOptions, ForwardRules, UpstreamOptions } from "../../core/kinds.ts";
import { definePolicy } from "../../core/policy.ts";
import { principal } from "../../core/principal.ts";
import type { ComputedField, Field, Resource, View } from "../../core/resource.ts";
import type { Tools } from "../../core/tools.ts";
import { duration } from "../../core/values.ts";
import { buildRouter, parseTemplate, shadowed } from "../../flow/router/index.ts";
import type { Made, World } from "../plan.ts";

/** A world in which nothing runs: it only remembers what a plan has been made of. */

const identify = definePolicy({
  name: "identify",
  summary: "Learns who is calling.",
  options: z.strictObject({}),
  learns: () => [principal],
  rejects: [],
  create: () => (next) => next,
});

const guard = definePolicy({
  name: "guard",
  summary: "Lets each caller make so many calls in a window.",
  options: z.strictObject({
    limit: z.int().min(1).describe("Calls in a window."),
    window: duration().describe("Length of the window."),
    token: z.string().optional().describe("What the store asks for."),
    by: z
      .union([z.literal("principal"), z.strictObject({ header: z.string() })])
      .default("principal")
      .describe("Who is counted."),
  }),
  needs: ({ by }) => (by === "principal" ? [principal] : []),
  rejects: [],
  create: () => (next) => next,
});

const greet = definePolicy({
  name: "greet",
  summary: "Says hello.",
  options: z.strictObject({ name: z.string().default("world").describe("To whom.") }),
  rejects: [],
  create: () => (next) => next,
});

const broken = definePolicy({
  name: "broken",
  summary: "Cannot be made.",
  options: z.strictObject({}),
  rejects: [],
  create: () => {
    throw new Error("nothing can be made of these options");
  },
});

const frame = definePolicy({
  name: "frame",
  summary: "Has a say in every answer.",
  options: z.strictObject({ colour: z.string().default("black").describe("What it looks like.") }),
  outermost: true,
  rejects: [],
  create: () => (next) => next,
});

interface Recorded {
  readonly world: World;
  /** The plan and what the backends were given, one thing a line. */
  dump(made: Made): string;
}

export function recordingWorld(): Recorded {
  const upstreams: UpstreamOptions[] = [];
  const backends = new Map<Handler, FixedOptions | ForwardRules | FieldRules>();
  const remember = (options: FixedOptions | ForwardRules | FieldRules): Handler => {
    const handler: Handler = () => {
      throw new Error("nothing runs here");
    };
    backends.set(handler, options);
    return handler;
  };
  const kinds: World["kinds"] = {
    policies: [identify, guard, greet, broken, frame],
    upstream: (options) => {
      upstreams.push(options);
      return { handler: remember, close: () => {} };
    },
    fixed: remember,
    service: remember,
    fallback: () => (next) => next,
    lastGood: () => (next) => next,
    versions: () => () => (next) => next,
  };
  return {
    world: { kinds, tools: {} as Tools, paths: { buildRouter, parseTemplate, shadowed } },
    dump: ({ plan }) => {
      // Written as the backends were given them, below.
      const { routes, outermost: _, upstreams: __, resources, ...rest } = plan;
      return [
        ...Object.entries(rest).map(([key, value]) => `${key} ${inline(value)}`),
        ...[...resources.values()].flatMap(resourceLines),
        ...upstreams.map(({ name, ...options }) => `upstream ${name} ${inline(options)}`),
        ...routes.flatMap(({ name, handler: _, outermost: __, announcements: ___, steps, ...route }) => [
          `route ${name} ${inline(route)}`,
          ...steps.map((step) => `  ${step.kind} ${step.name}: ${step.summary}`),
        ]),
        ...[...backends.values()].map((options) => `backend ${inline(options)}`),
        "",
      ]
        .join("\n")
        .replaceAll(import.meta.dirname, "TESTDATA");
    },
  };
}

/** Fields by name, except where they are told. */
function resourceLines(resource: Resource): string[] {
  const { fields, computed, byName, views, access, actions, sublists, hooks, ...rest } = resource;
  const told = ({ name, ...field }: Field | ComputedField) => `  field ${name} ${inline(field)}`;
  const namesOf = (view: View) => view.fields.map(({ name }) => name).join(" ");
  return [
    `resource ${rest.name} ${inline(byNames(rest))}`,
    `  verbs ${[...rest.verbs].map((verb) => `${verb}=${inline(access[verb])}`).join(" ")}`,
    ...[...fields, ...computed].map(told),
    `  named ${[...byName.keys()].join(" ")}; hooks ${Object.keys(hooks).join(" ")}`,
    ...actions.map(({ input, ...action }) => `  action ${inline({ ...byNames(action), input })}`),
    ...sublists.map((list) => `  inside ${inline(byNames(list))}`),
    ...[...views.values()].map((view) => `  view ${view.version?.name ?? "*"}: ${namesOf(view)}`),
  ];
}

/** The same, with the names of fields in the place of fields; maps and sets as lists. */
function byNames(value: unknown): object {
  return JSON.parse(
    JSON.stringify(value, (_, inner: unknown) => {
      if (inner instanceof Map || inner instanceof Set) return [...inner];
      return typeof inner === "object" && inner !== null && "column" in inner && "name" in inner
        ? inner.name
        : inner;
    }),
  );
}

function inline(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) => {
    if (inner === Number.POSITIVE_INFINITY) return "Infinity";
    const bytes = inner as { type?: string; data?: number[] } | null;
    return bytes?.type === "Buffer" ? Buffer.from(bytes.data ?? []).toString() : inner;
  });
}
