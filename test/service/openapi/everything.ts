/** Resources with everything that a definition can say, for tests of what is made of them. */
import { resourcesOf } from "../../../src/config/testdata/resources.ts";

type Definitions = Parameters<typeof resourcesOf>[0];

const DEFINITIONS = {
  accounts: {
    summary: "Who pays",
    id: { type: "uuid" },
    access: { read: "authenticated", write: ["accounts:write", "accounts:admin"] },
    fields: { name: "string" },
  },
  categories: {
    id: { type: "string", given: true },
    access: { read: "public", write: "public" },
    fields: { list: "string", parent: { ref: "categories" } },
  },
  order_lists: {
    singular: "order_list",
    id: { prefix: "lst" },
    fields: { title: "string" },
    access: { read: "public", write: "nobody" },
  },
  errors: {
    fields: { text: { type: "string", required: true } },
    access: { delete: "nobody", list: "nobody" },
  },
  orders: {
    owner: { field: "account_name", scope: "orders:all" },
    softDelete: true,
    preconditions: "required",
    list: { limit: 5, maxLimit: 50, sort: ["-placed", "number"], deepest: 500 },
    fields: {
      account: { ref: "accounts", required: true },
      category: { ref: "categories", onDelete: "clear" },
      number: {
        type: "string",
        pattern: "[A-Z]{3}-(?:[0-9]{4}|X+)",
        required: true,
        unique: true,
        immutable: true,
      },
      long: { type: "string", minLength: 40, maxLength: 60, nullable: true },
      placed: { type: "datetime", default: "now" },
      day: { type: "date" },
      quantity: { type: "integer", minimum: 5, maximum: 7, required: true },
      factor: { type: "number", minimum: -2.5 },
      big: { type: "bigint", minimum: 10 },
      price: { type: "decimal", minimum: 1, maximum: 2, default: "1.50" },
      paid: { type: "boolean", default: false },
      size: { enum: [1, 2, 3], nullable: true },
      status: { enum: ["open", "closed"], default: "open", readOnly: true },
      ...Object.fromEntries(
        ["email", "uri", "uuid", "hostname", "ipv4", "ipv6", "phone", "currency", "country"].map((format) => [
          `a_${format}`,
          { type: "string", format },
        ]),
      ),
      secret: { type: "string", writeOnly: true, minLength: 12 },
      note: { type: "string", read: "orders:internal", write: "orders:internal" },
      list: {
        type: "array",
        schema: { items: { type: "string", pattern: "^a+$" }, minItems: 2 },
        default: ["a", "aa"],
      },
      address: {
        type: "object",
        nullable: true,
        schema: {
          properties: {
            street: { type: "string" },
            lines: { type: "array", items: { $ref: "#/$defs/line" } },
            again: { $ref: "#" },
          },
          required: ["street"],
          $defs: { line: { type: "string", enum: ["a/b", "c"] } },
        },
      },
      free: { type: "object", default: {} },
      tags: { type: "array", maxLength: 3, default: [] },
      old_name: { type: "string", until: "1" },
      new_name: { type: "string", since: "2", was: {} },
      title: { type: "string", was: { "1": "caption" } },
      double: { type: "integer", computed: ({ quantity }: Record<string, unknown>) => Number(quantity) * 2 },
      words: {
        type: "array",
        schema: { items: { type: "string" } },
        computed: () => [],
        read: "orders:words",
      },
    },
    actions: {
      close: {
        from: { status: ["open"] },
        set: { status: "closed" },
        input: {
          reason: { type: "string", required: true, maxLength: 20 },
          codes: { type: "array", schema: { items: { type: "integer" } } },
        },
        run: () => ({}),
        access: "orders:close",
      },
      "re-open": { set: { status: "open" }, access: "authenticated" },
    },
    within: { accounts: "bills" },
  },
};

export const everything = (): ReturnType<typeof resourcesOf> =>
  resourcesOf(DEFINITIONS as unknown as Definitions, {
    versions: ["1", "2"],
    store: "postgres://localhost/x",
  });
