import { z } from "zod";
import { notOneOf, word } from "../../core/fields.ts";
import { anyOf, found } from "../../core/found.ts";
import { scope } from "../../core/key-fields.ts";
import type { ComputedField } from "../../core/resource.ts";
import { suggest } from "../../core/suggest.ts";
import { versionName } from "../schema-versions.ts";
import { column, FIELD_TYPES, FORMATS, fieldName, func, resourceName, sentence } from "./schema-words.ts";

/** A field of a resource, key by key; which of them go together is in types.ts and fields.ts. */

const ONE_OF = "one of these words, or an object with more about it";

/** `name: string` is `name: { type: string }`. */
function orType<Shape extends z.ZodType>(shape: Shape) {
  const words = word(FIELD_TYPES).describe(`Its type alone: ${ONE_OF}.`);
  const short = words.transform((type): z.output<Shape> => shape.parse({ type }));
  return z.union([short, shape], {
    error: ({ input }) => {
      const expected = `expected a type (${anyOf(FIELD_TYPES)}) or an object such as { type: string }`;
      const meant = typeof input === "string" ? suggest(input, FIELD_TYPES) : undefined;
      return `${expected}, ${found(input)}${meant === undefined ? advice(input) : `; did you mean "${meant}"?`}`;
    },
  });
}

/** Names that other tools have for types. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  text: "string",
  str: "string",
  varchar: "string",
  int: "integer",
  long: "bigint",
  int64: "bigint",
  float: "number",
  double: "number",
  money: "decimal, or integer for cents",
  bool: "boolean",
  timestamp: "datetime",
  timestamptz: "datetime",
  time: "datetime",
  json: "object or array",
  jsonb: "object or array",
  map: "object",
  list: "array",
  enum: "{ enum: [a, b] }",
  ref: "{ ref: customers }",
};

function advice(input: unknown): string {
  const meant = typeof input === "string" ? ELSEWHERE[input.toLowerCase()] : undefined;
  return meant === undefined ? "" : `; write ${meant}`;
}

const count = z.int().min(0).max(10_000_000);

const rules = {
  enum: z
    .array(
      z.union([z.string(), z.number()], {
        error: ({ input }) => `expected text or a number, ${found(input)}`,
      }),
    )
    .min(1)
    .optional()
    .describe("The values that it may have, all texts or all numbers; gives the type."),
  format: word(FORMATS).optional().describe("Of a string: what it looks like."),
  minLength: count.optional().describe("Fewest characters of a string, or entries of an array."),
  maxLength: count.optional().describe("Most characters of a string, or entries of an array."),
  pattern: z
    .string()
    .optional()
    .describe(
      "Of a string: regular expression for the whole of it; matched in linear time, so without back references.",
    ),
  minimum: z.number().optional().describe("The smallest number."),
  maximum: z.number().optional().describe("The largest number."),
  schema: z
    .record(z.string(), z.unknown())
    .optional()
    .describe(
      "Of an object or array: a JSON Schema (2020-12) for the whole value, with references within it only.",
    ),
};

const type = z
  .enum(FIELD_TYPES, { error: ({ input }) => `${notOneOf(FIELD_TYPES, input)}${advice(input)}` })
  .optional()
  .describe("What it holds; `enum`, `ref`, `format` or `schema` may say it too.");
const summary = sentence.optional().describe("What it is, in one sentence, for the documentation.");
const nullable = z
  .boolean()
  .optional()
  .describe("Whether it may be null; true when left out for what is neither required nor has a default.");

export const field = orType(
  z.strictObject({
    type,
    summary,
    ref: resourceName.optional().describe("Holds the id of an object of this resource."),
    onDelete: word(["refuse", "delete", "clear"])
      .optional()
      .describe(
        "Of a reference: what happens when that object is deleted. `refuse` (409) when left out, `delete` this one with it, or `clear` the field.",
      ),
    ...rules,
    required: z.boolean().default(false).describe("Has to be given when an object is created."),
    nullable,
    default: z
      .unknown()
      .optional()
      .describe(
        "What it is for objects that are created without it; `now` for the time, of a datetime or date.",
      ),
    readOnly: z
      .boolean()
      .default(false)
      .describe("Nobody sets it from outside: it is what hooks and actions write."),
    writeOnly: z.boolean().default(false).describe("Never answered, filtered or sorted by, like a password."),
    immutable: z.boolean().default(false).describe("Given when an object is created, and never changed."),
    unique: z
      .boolean()
      .default(false)
      .describe(
        "No two objects have the same (409); of one owner, where objects have owners. A text has 255 characters at most then, unless `maxLength` says otherwise (600 at most).",
      ),
    filter: z
      .boolean()
      .optional()
      .describe("Whether lists can be filtered by it; true unless it is write-only or JSON."),
    sort: z
      .boolean()
      .optional()
      .describe("Whether lists can be sorted by it; true unless it is write-only or JSON."),
    read: scope.optional().describe("Scope that it takes to see it, besides what the object takes."),
    write: scope.optional().describe("Scope that it takes to set it, besides what the object takes."),
    column: column.optional().describe("Its column; the oldest name that it has had when left out."),
    since: versionName.optional().describe("The first version of the API that has it."),
    until: versionName.optional().describe("The last version of the API that has it."),
    was: z
      .record(versionName, fieldName)
      .optional()
      .describe('What it was called up to a version: `{ "1": name }` says so in version 1 and older.'),
    computed: func<ComputedField["compute"]>().describe(
      "Makes it of the other fields each time it is shown, instead of storing it. A function, in TypeScript configs only.",
    ),
  }),
);

/** What the body of an action's request may hold. */
export const inputField = orType(
  z.strictObject({
    type,
    summary,
    ...rules,
    required: z.boolean().default(false).describe("Has to be given."),
    nullable,
    default: z.unknown().optional().describe("What it is where it is not given."),
  }),
);

export type FieldConfig = z.output<typeof field>;
export type InputFieldConfig = z.output<typeof inputField>;
