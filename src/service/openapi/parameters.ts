/** What a request may say in its path, its query and its header fields. */
import type { Field } from "../../core/resource.ts";
import { comparisonsOf } from "../resources/input/filters.ts";
import {
  DEEPEST_EXPANSION,
  MOST_EXPANSIONS,
  MOST_SORT_KEYS,
  MOST_VALUES,
} from "../resources/input/limits.ts";
import type { Comparison } from "../resources/store.ts";
import { exampleOf, idExample } from "./examples.ts";
import { plainSchema } from "./field-schema.ts";
import { type Described, type Json, linkOf, type Making, type Schema, type ShownField } from "./types.ts";
import { aWord } from "./words.ts";

/** Names of components have no brackets and no dots that mean anything. */
const componentName = ({ resource }: Described, name: string): string =>
  `${resource.name}.${name.replaceAll(/[[\]]/g, ".").replace(/\.$/, "")}`;

/** `{id}` of a path. */
export function idParameter(described: Described, { components }: Making): Json {
  const { resource } = described;
  return components.ref("parameters", componentName(described, "path.id"), () => ({
    name: "id",
    in: "path",
    required: true,
    description: `The id of ${aWord(resource)}.`,
    schema: plainSchema(resource.id.type, {}),
    example: idExample(resource),
  }));
}

/** `fields` and `expand`: how much of an object is answered. */
export function shownParameters(described: Described, making: Making): Json[] {
  const paths = pathsToExpand(described, making, DEEPEST_EXPANSION);
  const { components } = making;
  const fields = components.ref("parameters", componentName(described, "fields"), () => ({
    ...listParameter("fields", { enum: visibleNames(described) }),
    description: "The fields to answer, instead of all; the id is always among them.",
  }));
  if (paths.length === 0) return [fields];
  const expand = components.ref("parameters", componentName(described, "expand"), () => ({
    ...listParameter("expand", { enum: paths }, MOST_EXPANSIONS),
    description: "References to answer with the objects that they name, instead of their ids.",
  }));
  return [fields, expand];
}

/** Everything that the query of a list may say. */
export function listParameters(described: Described, making: Making): Json[] {
  return [
    ...pagingParameters(described, making),
    ...shownParameters(described, making),
    ...described.view.fields.flatMap((shown) => filterParameters(shown, described, making)),
  ];
}

const listParameter = (name: string, items: Schema, maxItems?: number): Json => ({
  name,
  in: "query",
  style: "form",
  explode: false,
  schema: {
    type: "array",
    items: { type: "string", ...items },
    minItems: 1,
    ...(maxItems === undefined ? {} : { maxItems }),
  },
});

function visibleNames({ view }: Described): string[] {
  return [...view.fields.filter(({ field }) => !field.writeOnly), ...view.computed].map(({ name }) => name);
}

function pathsToExpand(described: Described, making: Making, depth: number): string[] {
  return described.view.fields.flatMap((shown) => {
    const target = linkOf(shown, making);
    if (target === undefined) return [];
    const further = depth > 1 ? pathsToExpand(target, making, depth - 1) : [];
    return [shown.name, ...further.map((path) => `${shown.name}.${path}`)];
  });
}

function pagingParameters(described: Described, { components }: Making): Json[] {
  const { limits } = described.resource;
  const of = (name: string, description: string, schema: Schema): Json =>
    components.ref("parameters", componentName(described, name), () => ({
      name,
      in: "query",
      description,
      schema,
    }));
  const order = sortParameter(described);
  return [
    of(
      "cursor",
      "Where to read on: `next_cursor` or `prev_cursor` of another answer, with all other parameters but `limit` unchanged.",
      {
        type: "string",
      },
    ),
    of(
      "page",
      `The number of a page, instead of a cursor. Pages end at ${limits.deepest} objects: \`page\` times \`limit\` must not be more.`,
      {
        type: "integer",
        minimum: 1,
        "x-deepest": limits.deepest,
      },
    ),
    of(
      "limit",
      `How many objects to answer at most. More than ${limits.most} is lowered to ${limits.most}.`,
      {
        type: "integer",
        minimum: 1,
        default: limits.default,
        "x-lowered-to": limits.most,
      },
    ),
    of("total", "Whether to count all objects that the list is of.", { type: "boolean", default: false }),
    ...(order === null ? [] : [components.ref("parameters", componentName(described, "sort"), () => order)]),
  ];
}

function sortParameter({ resource, view }: Described): Json | null {
  const sortable = view.fields.filter(({ field }) => field.sort && !field.writeOnly);
  if (sortable.length === 0) return null;
  const nameOf = (field: Field): string | undefined => view.fields.find((one) => one.field === field)?.name;
  const standard = resource.sort.map(({ field, descending }) => `${descending ? "-" : ""}${nameOf(field)}`);
  const known = resource.sort.every(({ field }) => nameOf(field) !== undefined);
  const parameter = listParameter(
    "sort",
    { enum: sortable.flatMap(({ name }) => [name, `-${name}`]) },
    MOST_SORT_KEYS,
  );
  const schema = {
    ...(parameter["schema"] as Schema),
    ...(known && standard.length > 0 ? { default: standard } : {}),
  };
  return {
    ...parameter,
    description:
      "The order, the most important field first; downwards with a hyphen in front. Ties are broken by the id.",
    schema,
  };
}

// ---------------------------------------------------------------- filters

const WORDS: Readonly<Record<Comparison, string>> = {
  eq: "equals this",
  ne: "does not equal this",
  gt: "is greater than this",
  gte: "is greater than or equal to this",
  lt: "is less than this",
  lte: "is less than or equal to this",
  in: "is one of these; a comma in a value is written \\,",
  null: "is null (true) or is not null (false)",
};

function filterParameters(shown: ShownField, described: Described, making: Making): Json[] {
  const { name, field } = shown;
  if (!field.filter || field.writeOnly) return [];
  return comparisonsOf(field).map((comparison) => {
    const full = comparison === "eq" ? name : `${name}[${comparison}]`;
    return making.components.ref("parameters", componentName(described, full), () => ({
      name: full,
      in: "query",
      description: `Only objects whose \`${name}\` ${WORDS[comparison]}.${scopeNote(field)}`,
      ...filterForm(shown, comparison, making),
    }));
  });
}

const scopeNote = ({ readScope }: Field): string =>
  readScope === "" ? "" : ` For callers with the scope \`${readScope}\`.`;

/** What may be compared is of the field's type, and one of its enum; other rules are about what is stored. */
function filterForm({ name, field }: ShownField, comparison: Comparison, { described }: Making): Json {
  const { type, rules } = field;
  const schema = plainSchema(type, rules.enum === undefined ? {} : { enum: rules.enum });
  const example = exampleOf(name, field, described);
  if (comparison === "null") return { schema: { type: "boolean" } };
  if (comparison === "in") {
    const values = { type: "array", items: schema, minItems: 1, maxItems: MOST_VALUES };
    return {
      style: "form",
      explode: false,
      schema: values,
      ...(example === undefined ? {} : { example: [example] }),
    };
  }
  return { schema, ...(example === undefined ? {} : { example }) };
}

// ---------------------------------------------------------------- header fields

const TAGS = { type: "string", pattern: '^(?:\\*|(?:W/)?"[^"]*"(?:[ \\t]*,[ \\t]*(?:W/)?"[^"]*")*)$' };
const TAG_EXAMPLE = '"3-5e0c8a1f2b"';

export function conditionParameters(reads: boolean, isRequired: boolean, { components }: Making): Json[] {
  const match = components.ref("parameters", isRequired ? "If-Match-Required" : "If-Match", () => ({
    name: "If-Match",
    in: "header",
    ...(isRequired ? { required: true } : {}),
    description:
      "Only if the object still has this entity tag (else 412): the `ETag` of an answer, or `*` for any.",
    schema: TAGS,
    example: TAG_EXAMPLE,
  }));
  const noneMatch = reads
    ? components.ref("parameters", "If-None-Match", () => ({
        name: "If-None-Match",
        in: "header",
        description:
          "What is known already: where the object still has this entity tag, 304 without a body is answered.",
        schema: TAGS,
        example: TAG_EXAMPLE,
      }))
    : components.ref("parameters", "If-None-Match-Change", () => ({
        name: "If-None-Match",
        in: "header",
        description:
          "Only if the object has none of these entity tags (else 412); `*` only if there is no object.",
        schema: TAGS,
        example: "*",
      }));
  return [match, noneMatch];
}

export const keyParameter = ({ components }: Making): Json =>
  components.ref("parameters", "Idempotency-Key", () => ({
    name: "Idempotency-Key",
    in: "header",
    description:
      "A new one for each new request, the same one when a request is repeated: it is carried out once, and answered alike each time.",
    schema: { type: "string", minLength: 1, maxLength: 255, pattern: "^[!-~]+$" },
    example: "8e03978e-40d5-43e8-bc93-6894a57f9324",
  }));

/** How a request names the version of this document, where its path does not. */
export function versionParameters({ version, versions, components }: Making): Json[] {
  if (version === null || versions === null) return [];
  const schema = { type: "string", enum: [version.name] };
  const isDefault = versions.default === version;
  const only = versions.from.length === 1 && versions.from[0] === "header" && !isDefault;
  const description = "The version of the API that the request is written for.";
  const header = (): Json =>
    components.ref("parameters", versions.header, () => ({
      name: versions.header,
      in: "header",
      ...(only ? { required: true } : {}),
      description,
      schema,
    }));
  const query = (): Json =>
    components.ref("parameters", `query.${versions.query}`, () => ({
      name: versions.query,
      in: "query",
      description,
      schema,
    }));
  return [
    ...(versions.from.includes("header") ? [header()] : []),
    ...(versions.from.includes("query") ? [query()] : []),
  ];
}
