/** Keywords about lists, in the time that it takes to read the list. Ajv's own take the square of it. */
import type { AnySchema, AnySchemaObject, FuncKeywordDefinition } from "ajv";

/** Ajv compares each item with each. */
export const uniqueItems: FuncKeywordDefinition = {
  keyword: "uniqueItems",
  type: "array",
  schemaType: "boolean",
  validate: (wanted: boolean, items: readonly unknown[]) => !wanted || allDiffer(items),
};

/** Ajv keeps an error for every item that is not the one, and copies them all for each further one. */
export function containsKeyword(
  compile: (schema: AnySchema) => (value: unknown) => unknown,
): FuncKeywordDefinition {
  return {
    keyword: "contains",
    type: "array",
    schemaType: ["object", "boolean"],
    compile(schema: AnySchema, { minContains = 1, maxContains = Number.POSITIVE_INFINITY }: AnySchemaObject) {
      const fits = compile(schema);
      return (items: readonly unknown[]) => {
        let count = 0;
        for (const item of items) if (fits(item) === true) count++;
        return count >= minContains && count <= maxContains;
      };
    },
  };
}

function allDiffer(items: readonly unknown[]): boolean {
  if (items.length < 2) return true;
  const scalars = new Set<unknown>();
  const others = new Set<string>();
  return items.every((item, i) => {
    if (typeof item === "object" && item !== null) others.add(canonical(item));
    else scalars.add(item);
    return scalars.size + others.size === i + 1;
  });
}

/** The same text for equal values, whatever the order of their members. */
function canonical(value: unknown): string {
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(canonical).join()}]`;
  const members = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${members.map(([name, member]) => `${JSON.stringify(name)}:${canonical(member)}`).join()}}`;
}
