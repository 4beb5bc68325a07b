import { z } from "zod";
import { text } from "../../core/fields.ts";
import { found } from "../../core/found.ts";
import type { FieldFormat, FieldType } from "../../core/resource.ts";

/** Single values of a resource definition. */

export const FIELD_TYPES = [
  "string",
  "integer",
  "number",
  "boolean",
  "datetime",
  "date",
  "uuid",
  "object",
  "array",
  "bigint",
  "decimal",
] as const satisfies readonly FieldType[];

export const FORMATS = [
  "email",
  "uri",
  "uuid",
  "hostname",
  "ipv4",
  "ipv6",
  "phone",
  "currency",
  "country",
] as const satisfies readonly FieldFormat[];

const NAME = /^[a-z][a-z0-9_]{0,62}$/;
const SHAPE = "small letters, digits and _, with a letter first and at most 63 characters";

/** JSON with these keys is refused wherever it stands: they reach for what objects inherit. */
const REFUSED: readonly string[] = ["constructor", "prototype"];
const refused = (value: string): string | undefined =>
  REFUSED.includes(value) ? `${value} is refused in JSON wherever it stands; call it otherwise` : undefined;

/** Of resources and fields: what goes into paths, queries, JSON, SQL and later GraphQL and gRPC as it is. */
function plainName(what: string) {
  return text(`the name of ${what}`, (value) => {
    if (NAME.test(value)) return refused(value);
    const plain = value
      .replaceAll(/([a-z0-9])([A-Z])/g, "$1_$2")
      .toLowerCase()
      .replaceAll(/[- .]+/g, "_");
    const advice = NAME.test(plain) ? `; write ${plain}` : "";
    return `the name of ${what} is made of ${SHAPE}, ${found(value)}${advice}`;
  });
}

export const resourceName = plainName("a resource");
export const fieldName = plainName("a field");

/** A segment of a path. */
export const segment = text("one segment of a path", (value) =>
  /^[a-z][a-z0-9_-]{0,62}$/.test(value)
    ? refused(value)
    : `expected one segment of a path, of small letters, digits, "-" and "_", ${found(value)}`,
);

/** Tables of others are called as they like. Quoted wherever it stands; PostgreSQL cuts off behind 63 bytes. */
export const column = text("the name of a column", (value) => {
  if (value === "" || value.includes("\0")) return `expected the name of a column, ${found(value)}`;
  return Buffer.byteLength(value) > 63 ? "a column's name has at most 63 bytes" : undefined;
});

export const table = text("the name of a table", (value) => {
  const parts = value.split(".");
  if (parts.length > 2 || parts.some((part) => part === "" || part.includes("\0")))
    return `expected the name of a table, or schema.table, ${found(value)}`;
  return parts.some((part) => Buffer.byteLength(part) > 63)
    ? "a table's name has at most 63 bytes"
    : undefined;
});

export const path = text("a path such as /orders", (value) =>
  /^(?:\/[a-z0-9][a-z0-9_.~-]*)+$/.test(value)
    ? undefined
    : `expected a path such as /orders, of small letters, digits, "-", "_" and ".", ${found(value)}`,
);

export const sentence = text("a sentence", (value) =>
  value.trim() === "" ? "expected a sentence, found nothing" : undefined,
);

/** Only a TypeScript config can hold one. */
export function func<Type>() {
  const schema = z.unknown().check(({ value, issues }) => {
    if (value === undefined || typeof value === "function") return;
    const message = `expected a function, ${found(value)}; functions are written in a TypeScript config, turnpike.config.ts`;
    issues.push({ code: "custom", input: value, message });
  });
  return (schema as unknown as z.ZodType<Type, Type>).optional();
}
