import type { Field, FieldValue } from "../../core/resource.ts";

/** A value of a row as JavaScript has it: objects and arrays are built anew each time, so that whoever gets one may change it. */
export function jsonOf({ type }: Pick<Field, "type">, value: FieldValue | undefined): unknown {
  const isText = (type === "object" || type === "array") && typeof value === "string";
  return isText ? (JSON.parse(value) as unknown) : (value ?? null);
}
