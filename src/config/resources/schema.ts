import { z } from "zod";
import { distinct, whole, word } from "../../core/fields.ts";
import { found, quoted } from "../../core/found.ts";
import { scope } from "../../core/key-fields.ts";
import type { Action, Hooks } from "../../core/resource.ts";
import { suggest } from "../../core/suggest.ts";
import { field, inputField } from "./schema-field.ts";
import { column, fieldName, func, path, resourceName, segment, sentence, table } from "./schema-words.ts";

/** A resource, key by key; what its parts say of each other, and of other resources, is checked where they are made. */

const EVERYBODY = ["public", "authenticated", "nobody"];

/** Scopes hold a `:` or `.` by custom; a word that is nearly one of these is a slip. */
const accessWord = scope.refine(
  (value) => EVERYBODY.includes(value) || suggest(value, EVERYBODY) === undefined,
  {
    error: ({ input }) =>
      `there is no ${quoted(String(input))}; did you mean ${suggest(String(input), EVERYBODY)}?`,
  },
);

const who = z.union([accessWord, distinct(scope).min(1)], {
  error: ({ input }) =>
    `expected a scope, a list of scopes, public, authenticated or nobody, ${found(input)}`,
});
const access = (what: string) => who.optional().describe(what);

const idConfig = z
  .strictObject({
    prefix: z
      .string()
      .regex(/^[a-z][a-z0-9]{0,15}$/, {
        error: ({ input }) => `expected at most 16 small letters and digits such as ord, ${found(input)}`,
      })
      .optional()
      .describe(
        "Ids such as `ord_…`, ordered by time; the first three letters of the singular when nothing is said.",
      ),
    type: word(["string", "uuid", "integer", "bigint"])
      .optional()
      .describe(
        "Instead of a prefix: `uuid`, or `integer` and `bigint`, which the database counts, or `string` with `given`.",
      ),
    given: z.boolean().default(false).describe("The client says the id of a new object."),
    column: column.default("id").describe("The column of the id."),
    minLength: whole(1, 255).optional().describe("Fewest characters of a given id."),
    maxLength: whole(1, 255).optional().describe("Most characters of a given id."),
    pattern: z.string().optional().describe("Regular expression for the whole of a given id."),
  })
  .describe("How ids are made.");

const owner = z
  .union(
    [
      z.boolean(),
      z.strictObject({
        field: fieldName
          .optional()
          .describe("Shows the owner in this read-only field; he is not shown when left out."),
        scope: scope.optional().describe("Scope with which a caller sees and changes everybody's objects."),
        column: column.optional().describe("The column; `owner`, or the name of the field."),
      }),
    ],
    { error: ({ input }) => `expected true, false or { field: … , scope: … }, ${found(input)}` },
  )
  .default(false)
  .describe(
    "Whether an object belongs to the consumer who created it. To everybody else it is not there (404), in every method, list, filter and reference.",
  );

const timestamps = z
  .union(
    [
      z.boolean(),
      z.strictObject({
        created: fieldName.optional().describe("When the object was created; not there when left out."),
        updated: fieldName.optional().describe("When it was last changed; not there when left out."),
      }),
    ],
    { error: ({ input }) => `expected true, false or { created: …, updated: … }, ${found(input)}` },
  )
  .optional()
  .describe(
    "`created_at` and `updated_at`; true when left out, except for external tables. An object names them otherwise.",
  );

const scalar = z.union([z.string(), z.number(), z.boolean(), z.null()], {
  error: ({ input }) => `expected text, a number, true, false or null, ${found(input)}`,
});

const action = z.strictObject({
  summary: sentence.optional().describe("What it does, in one sentence, for the documentation."),
  access: access("Who may; as `write` when left out."),
  from: z
    .record(
      fieldName,
      z.union([scalar, z.array(scalar).min(1)], {
        error: ({ input }) => `expected a value or a list of values, ${found(input)}`,
      }),
    )
    .prefault({})
    .describe("Values that the object must have, one of each field's, or it is 409."),
  set: z
    .record(fieldName, z.unknown())
    .prefault({})
    .describe("Values that it gets; `now` is the time, of a datetime or date."),
  input: z.record(fieldName, inputField).prefault({}).describe("What the body of the request may hold."),
  run: func<NonNullable<Action["run"]>>().describe(
    "Decides about the rest, and returns the fields to change. A function, in TypeScript configs only.",
  ),
});

const hooks = z
  .strictObject({
    beforeCreate: func<NonNullable<Hooks["beforeCreate"]>>().describe(
      "Gets what was sent, checked; returns what is created. A function, in TypeScript configs only.",
    ),
    beforeUpdate: func<NonNullable<Hooks["beforeUpdate"]>>().describe(
      "Gets the changes; returns those that are made. A function, in TypeScript configs only.",
    ),
    afterCommit: func<NonNullable<Hooks["afterCommit"]>>().describe(
      "Gets the event of a change that is on disk. A function, in TypeScript configs only.",
    ),
  })
  .prefault({})
  .describe("Code of yours around changes.");

const list = z
  .strictObject({
    limit: whole(1, 1000).default(20).describe("Objects on a page, where the request does not say."),
    maxLimit: whole(1, 1000).default(100).describe("Most objects on a page."),
    sort: z
      .union([z.string(), z.array(z.string()).min(1).max(4)], {
        error: ({ input }) => `expected the name of a field, or a list of names, ${found(input)}`,
      })
      .optional()
      .describe(
        "The order where the request does not say: `name` or `-created_at`, or a list; `-created_at` where there is one, else the id.",
      ),
    deepest: whole(1, 1_000_000)
      .default(10_000)
      .describe("Numbered pages end here (400 beyond): page × limit. Cursors have no end."),
  })
  .prefault({})
  .describe("Lists and their pages.");

const names = (what: string) =>
  z.array(z.array(fieldName).min(1), {
    error: ({ input }) => `expected a list of lists of fields such as [[${what}]], ${found(input)}`,
  });

export const resource = z
  .strictObject({
    singular: resourceName
      .optional()
      .describe("One of them: `order` of `orders`. Has to be said where it cannot be told for sure."),
    summary: sentence.optional().describe("What they are, in one sentence, for the documentation."),
    path: path.optional().describe("Where they are; `/` and the name when left out."),
    table: table.optional().describe("The table; the name when left out. `schema.table` in PostgreSQL."),
    external: z
      .boolean()
      .default(false)
      .describe(
        "The table is somebody else's: migrations leave it alone. `turnpike introspect` writes such definitions.",
      ),
    id: idConfig.optional(),
    owner,
    timestamps,
    softDelete: z
      .boolean()
      .default(false)
      .describe(
        "Deleted objects stay in the table with a time in `deleted_at`, and are not there for anybody.",
      ),
    revision: z
      .boolean()
      .optional()
      .describe(
        "A hidden count of changes, for ETags; true when left out. Only external tables do without (false there).",
      ),
    fields: z.record(fieldName, field).prefault({}).describe("What an object holds, by name."),
    unique: names("country, vat_id")
      .prefault([])
      .describe("Fields that no two objects have the same of, together."),
    indexes: names("status, created_at")
      .prefault([])
      .describe("Fields that lists are often filtered and sorted by, together."),
    access: z
      .strictObject({
        read: access("`list` and `get`; the scope `<name>:read` when left out."),
        write: access("`create`, `replace`, `update` and `delete`; the scope `<name>:write` when left out."),
        list: access("GET of the list; as `read` when left out."),
        get: access("GET of one; as `read` when left out."),
        create: access("POST; as `write` when left out."),
        replace: access("PUT; as `write` when left out."),
        update: access("PATCH; as `write` when left out."),
        delete: access("DELETE; as `write` when left out."),
      })
      .prefault({})
      .describe(
        "Who may do what: a scope, a list of scopes of which one is enough, `public`, `authenticated`, or `nobody`, who is not offered it (405).",
      ),
    list,
    preconditions: word(["optional", "required"])
      .default("optional")
      .describe("Whether a change has to say which state of the object it means (`If-Match`, 428 without)."),
    events: z
      .boolean()
      .default(true)
      .describe("Whether every change is written to the outbox, in its transaction."),
    actions: z
      .record(segment, action)
      .prefault({})
      .describe("Changes that are more than fields: `cancel` is `POST /orders/{id}/cancel`."),
    hooks,
    within: z
      .union([distinct(fieldName), z.record(fieldName, segment)], {
        error: ({ input }) =>
          `expected a list of resources, or an object such as { customers: bills }, ${found(input)}`,
      })
      .optional()
      .describe(
        "Lists inside what references lead to: `/customers/{id}/orders`. One for each reference when left out; `[]` for none; an object names their last segments.",
      ),
  })
  .describe("One kind of object with its REST API and its table.");

export const resources = z
  .record(resourceName, resource)
  .prefault({})
  .describe(
    "Objects that Turnpike itself keeps and serves (`to: { service: true }`), by their plural names.",
  );

export const service = z
  .strictObject({
    title: sentence.default("API").describe("What the API is called in its description, `/openapi.json`."),
    cursorSecret: z
      .string()
      .min(16, { error: () => "must have at least 16 characters" })
      .optional()
      .describe(
        "Seals the cursors of lists; made at the first start and kept in the database when left out.",
      ),
  })
  .prefault({})
  .describe("The service that answers for `resources`.");

export type ResourceConfig = z.output<typeof resource>;
export type ActionConfig = z.output<typeof action>;
