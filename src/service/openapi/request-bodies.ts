/** Bodies of requests. */
import type { Action, Field } from "../../core/resource.ts";
import { exampleOf } from "./examples.ts";
import { actionRef, createRef, givenFields, replaceRef, updateRef } from "./object-schemas.ts";
import type { Described, Json, Making, ShownField } from "./types.ts";

const JSON_TYPE = "application/json";

export function createBody(described: Described, fixed: Field | null, making: Making): Json {
  const given = givenFields(described).filter(({ field }) => field !== fixed);
  return body({ [JSON_TYPE]: { schema: createRef(described, fixed, making), ...exampleIn(given, making) } });
}

export function replaceBody(described: Described, making: Making): Json {
  const given = givenFields(described).filter(({ field }) => !field.immutable);
  return body({ [JSON_TYPE]: { schema: replaceRef(described, making), ...exampleIn(given, making) } });
}

export function updateBody(described: Described, making: Making): Json {
  const given = givenFields(described).filter(({ field }) => !field.immutable && field.writeScope === "");
  const patch = { schema: updateRef(described, making), ...exampleIn(given.slice(0, 1), making) };
  return body({ "application/merge-patch+json": patch, [JSON_TYPE]: patch });
}

/** Null for an action that takes none. */
export function actionBody(described: Described, action: Action, making: Making): Json | null {
  const schema = actionRef(described, action, making);
  if (schema === null) return null;
  const shown = action.input.map((field) => ({ name: field.name, field }));
  return body(
    { [JSON_TYPE]: { schema, ...exampleIn(shown, making) } },
    action.input.some(({ required }) => required),
  );
}

const body = (content: Json, required = true): Json => ({ ...(required ? { required } : {}), content });

/** What has no value to show is left out, unless it is required. */
function exampleIn(shown: readonly ShownField[], { described }: Making): { readonly example?: Json } {
  const example: Record<string, unknown> = {};
  for (const { name, field } of shown) {
    const value = exampleOf(name, field, described);
    if (value !== undefined) example[name] = value;
    else if (field.required) return {};
  }
  return { example };
}
