/** The schema of a field's value, on the wire. */
import type { FieldFormat, FieldRules, FieldType } from "../../core/resource.ts";
import { MOST_DIGITS } from "../resources/input/limits.ts";
import type { Components } from "./components.ts";
import { embedded, schemaPlace } from "./embedded-schema.ts";
import type { Schema } from "./json.ts";

export interface Typed {
  readonly type: FieldType;
  readonly rules: FieldRules;
  readonly nullable: boolean;
}

/** `name` is that of the component that a schema of the config's own becomes. */
export function valueSchema(typed: Typed, name: string, components: Components): Schema {
  const { type, rules, nullable } = typed;
  if (rules.schema === undefined)
    return nullable ? orNull(plainSchema(type, rules)) : plainSchema(type, rules);
  const own = rules.schema;
  const ref = components.ref("schemas", name, (place) => {
    return { type, ...embedded(own, schemaPlace(place)), ...lengths(type, rules) };
  });
  return nullable ? { anyOf: [ref, { type: "null" }] } : ref;
}

/** Without what a schema of the config's own says: for values that are compared, or merged. */
export function plainSchema(type: FieldType, rules: FieldRules): Schema {
  switch (type) {
    case "string":
      return { type: "string", ...textRules(rules) };
    case "uuid":
      return { type: "string", format: "uuid" };
    case "datetime":
      return { type: "string", format: "date-time" };
    case "date":
      return { type: "string", format: "date" };
    case "integer":
      return { type: "integer", format: "int64", ...numberRules(rules, SAFE) };
    case "number":
      return { type: "number", format: "double", ...numberRules(rules, {}) };
    case "bigint":
      return {
        type: "string",
        pattern: "^-?(?:0|[1-9][0-9]{0,18})$",
        ...bounded(rules, "An integer of 64 bits, as text"),
      };
    case "decimal":
      return {
        type: "string",
        pattern: "^-?(?:0|[1-9][0-9]*)(?:\\.[0-9]+)?$",
        maxLength: MOST_DIGITS + 2,
        ...bounded(rules, "A decimal number, as text"),
      };
    case "boolean":
      return { type: "boolean" };
    case "object":
      return { type: "object" };
    case "array":
      return { type: "array", ...lengths(type, rules) };
  }
}

/** What no number in JSON is beyond, so that every reader has it exactly. */
const SAFE = { minimum: -Number.MAX_SAFE_INTEGER, maximum: Number.MAX_SAFE_INTEGER };

function numberRules(rules: FieldRules, bounds: Partial<typeof SAFE>): Schema {
  if (rules.enum !== undefined) return { enum: rules.enum };
  const { minimum = bounds.minimum, maximum = bounds.maximum } = rules;
  return { ...(minimum === undefined ? {} : { minimum }), ...(maximum === undefined ? {} : { maximum }) };
}

/** Bounds of a number that is written as text: no keyword has words for them. */
function bounded({ minimum, maximum }: FieldRules, what: string): Schema {
  const parts = [
    ...(minimum === undefined ? [] : [`at least ${minimum}`]),
    ...(maximum === undefined ? [] : [`at most ${maximum}`]),
  ];
  return {
    description: `${[what, ...parts].join(", ")}.`,
    ...(minimum === undefined ? {} : { "x-minimum": minimum }),
    ...(maximum === undefined ? {} : { "x-maximum": maximum }),
  };
}

function lengths(type: FieldType, { minLength, maxLength }: FieldRules): Schema {
  if (type !== "array") return {};
  return {
    ...(minLength === undefined ? {} : { minItems: minLength }),
    ...(maxLength === undefined ? {} : { maxItems: maxLength }),
  };
}

function textRules({ enum: values, minLength, maxLength, pattern, format }: FieldRules): Schema {
  if (values !== undefined) return { enum: values };
  const described = format === undefined ? {} : FORMATS[format];
  const own = pattern === undefined ? undefined : `^(?:${pattern})$`;
  const both = own !== undefined && "pattern" in described;
  return {
    ...described,
    ...(own === undefined || both ? {} : { pattern: own }),
    ...(both ? { allOf: [{ pattern: own }] } : {}),
    ...(minLength === undefined ? {} : { minLength }),
    ...(maxLength === undefined ? {} : { maxLength }),
  };
}

const FORMATS: Readonly<Record<FieldFormat, Schema>> = {
  email: { format: "email" },
  uri: { format: "uri" },
  uuid: { format: "uuid" },
  hostname: { format: "hostname" },
  ipv4: { format: "ipv4" },
  ipv6: { format: "ipv6" },
  phone: { pattern: "^\\+[1-9][0-9]{5,14}$", description: "A telephone number (E.164)." },
  currency: { pattern: "^[A-Z]{3}$", description: "A currency (ISO 4217)." },
  country: { pattern: "^[A-Z]{2}$", description: "A country (ISO 3166-1 alpha-2)." },
};

/** The same, or null. */
export function orNull(schema: Schema): Schema {
  const { type, enum: values } = schema;
  if (typeof type !== "string") return { anyOf: [schema, { type: "null" }] };
  return {
    ...schema,
    type: [type, "null"],
    ...(Array.isArray(values) ? { enum: [...(values as unknown[]), null] } : {}),
  };
}
