/** Answers of requests that were carried out. */
import type { AnswerField } from "./answer-headers.ts";
import { commonHeaders, headersOf } from "./answer-headers.ts";
import { exampleOf, idExample } from "./examples.ts";
import { partRef, shownRef } from "./object-schemas.ts";
import type { Described, Json, Making } from "./types.ts";
import { aWord } from "./words.ts";

const ALWAYS: readonly AnswerField[] = ["Cache-Control", "Vary"];
const KEYED: readonly AnswerField[] = ["Idempotent-Replayed", "Original-Request"];

/** One object: 200, or 201 where it is new. */
export function objectAnswer(
  described: Described,
  kind: { readonly isNew: boolean; readonly keyed: boolean },
  making: Making,
): Json {
  const { isNew, keyed } = kind;
  const words = aWord(described.resource);
  return {
    description: isNew ? `The new ${words.replace(/^an? /, "")}.` : `The ${words.replace(/^an? /, "")}.`,
    headers: {
      ...commonHeaders(false, making),
      ...headersOf(
        ["ETag", ...ALWAYS, ...(isNew ? (["Location"] as const) : [])],
        keyed ? ["Link", ...KEYED] : ["Link"],
        making,
      ),
    },
    content: {
      "application/json": { schema: wholeOrPart(described, making), ...shownExample(described, making) },
    },
  };
}

const wholeOrPart = (described: Described, making: Making): Json => ({
  anyOf: [shownRef(described, making), partRef(described, making)],
});

export function listAnswer(described: Described, making: Making): Json {
  return {
    description: `A page of ${described.resource.name.replaceAll("_", " ")}.`,
    headers: { ...commonHeaders(false, making), ...headersOf(ALWAYS, ["Link"], making) },
    content: {
      "application/json": { schema: pageRef(described, making), ...pageExample(described, making) },
    },
  };
}

export const notModified = (making: Making): Json =>
  making.components.ref("responses", "NotModified", () => ({
    description: "The object still has the entity tag that the request names.",
    headers: { ...commonHeaders(false, making), ...headersOf(["ETag", ...ALWAYS], ["Link"], making) },
  }));

export const deleted = (making: Making): Json =>
  making.components.ref("responses", "Deleted", () => ({
    description: "The object is no longer there.",
    headers: { ...commonHeaders(false, making), ...headersOf(ALWAYS, ["Link", ...KEYED], making) },
  }));

const CURSOR = { type: ["string", "null"] };

function pageRef(described: Described, making: Making): Json {
  const make = (): Json => ({
    type: "object",
    properties: {
      data: { type: "array", items: wholeOrPart(described, making) },
      page: { type: "integer", minimum: 1, description: "Of a list that is read by `page`." },
      limit: { type: "integer", minimum: 1, description: "How many objects there are at most on a page." },
      has_more: { type: "boolean", description: "Whether there is more behind these objects." },
      next_cursor: { ...CURSOR, description: "Where the list goes on; null at its end." },
      prev_cursor: { ...CURSOR, description: "What is in front of these objects; null at the beginning." },
      total: {
        type: "integer",
        minimum: 0,
        description: "How many objects there are, where `total=true` asks.",
      },
      total_pages: {
        type: "integer",
        minimum: 0,
        description: "How many pages of `limit` objects these make.",
      },
    },
    required: ["data", "limit", "has_more"],
    oneOf: [{ required: ["page"] }, { required: ["next_cursor", "prev_cursor"] }],
    dependentRequired: { total: ["total_pages"], total_pages: ["total"] },
  });
  const { noun, resource } = described;
  return making.components.ref("schemas", `${noun}List`, make, `${resource.name} list`);
}

// ---------------------------------------------------------------- examples

/** Nothing where a field has no value to show. */
function shownExample(described: Described, making: Making): { readonly example?: Json } {
  const example = objectExample(described, making);
  return example === undefined ? {} : { example };
}

function objectExample({ view, resource }: Described, { described }: Making): Json | undefined {
  const shown = [...view.fields.filter(({ field }) => !field.writeOnly), ...view.computed];
  const entries = shown
    .filter(({ field }) => field.readScope === "")
    .map(
      ({ name, field }) =>
        [name, field === resource.id ? idExample(resource) : exampleOf(name, field, described)] as const,
    );
  const nullable = new Map(shown.map(({ name, field }) => [name, field.nullable]));
  const filled = entries.map(([name, value]) => [
    name,
    value ?? (nullable.get(name) === true ? null : undefined),
  ]);
  return filled.some(([, value]) => value === undefined) ? undefined : Object.fromEntries(filled);
}

function pageExample(described: Described, making: Making): { readonly example?: Json } {
  const object = objectExample(described, making);
  if (object === undefined) return {};
  const { limits } = described.resource;
  return {
    example: { data: [object], limit: limits.default, has_more: false, next_cursor: null, prev_cursor: null },
  };
}
