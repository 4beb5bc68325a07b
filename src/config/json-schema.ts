import { z } from "zod";
import type { PolicyKind } from "../core/policy.ts";
import { configSchema } from "./schema.ts";
import { policyEntry } from "./schema-route.ts";

type JsonSchema = z.core.JSONSchema.JSONSchema;

/** The JSON Schema of what people write, for editors: completion, descriptions, unknown keys underlined. */
export function configJsonSchema(policies: readonly PolicyKind[] = []): JsonSchema {
  const schema = z.toJSONSchema(configSchema, {
    io: "input",
    // A policy entry is the same wherever it stands: written out once.
    reused: "inline",
    override: ({ zodSchema, jsonSchema }) => {
      if (isPolicyEntry(zodSchema)) Object.assign(jsonSchema, entrySchema(policies));
      else closeObject(jsonSchema);
    },
  });
  return { title: "Turnpike config", ...schema };
}

/** As text for a file: `turnpike.schema.json` and `turnpike schema`. */
export function configJsonSchemaText(policies: readonly PolicyKind[] = []): string {
  return `${JSON.stringify(configJsonSchema(policies), null, 2)}\n`;
}

/** Input mode leaves objects open, because output mode is about what a parser lets through. */
function closeObject(schema: JsonSchema): void {
  if (schema.type === "object" && schema.properties !== undefined) schema.additionalProperties ??= false;
}

const isPolicyEntry = (schema: unknown): boolean => schema === policyEntry || schema === policyEntry.in;

/** One policy and perhaps `when`, with the options that the policy itself describes. */
function entrySchema(policies: readonly PolicyKind[]): JsonSchema {
  const when = z.toJSONSchema(policyEntry.in.shape.when, {
    io: "input",
    override: ({ jsonSchema }) => closeObject(jsonSchema),
  });
  const options = policies.map(({ name, summary, options: schema }) => {
    const { $schema: _, ...json } = z.toJSONSchema(schema, {
      io: "input",
      override: ({ jsonSchema }) => closeObject(jsonSchema),
    });
    return [name, { description: summary, ...json }];
  });
  const { $schema: _, ...condition } = when;
  return {
    type: "object",
    properties: { when: condition, ...Object.fromEntries(options) },
    additionalProperties: false,
    minProperties: 1,
    maxProperties: 2,
  };
}
