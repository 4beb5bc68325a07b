/** Resources on which every operation can be made to answer everything that it declares. */
import { digestOf } from "../../../src/identity/keys/issue.ts";
import { defineConfig } from "../../../src/index.ts";

const ALL = ["customers", "orders", "pages"].flatMap((name) => [`${name}:read`, `${name}:write`]);

const key = (consumer: string, scopes: readonly string[] = ALL, plan = "") => ({
  ...{ id: consumer, consumer, scopes: [...scopes], ...(plan === "" ? {} : { plan }) },
  hash: `sha256:${digestOf(`secret of ${consumer}`)}`,
});

/** What hooks fail over. */
export const FATAL = "what nobody expects";

export const config = defineConfig({
  keys: [key("ada"), key("nobody", []), key("limited", ALL, "tiny")],
  versions: {
    from: ["path", "header"],
    default: "2",
    list: { "1": { deprecated: "2026-06-01", sunset: "2099-01-01", link: "https://example.com/2" }, "2": {} },
  },
  service: { title: "Walk" },
  resources: {
    customers: {
      owner: true,
      fields: {
        email: { type: "string", format: "email", required: true, unique: true },
        full_name: { type: "string", was: { "1": "name" } },
        country: { type: "string", format: "country", since: "2" },
        metadata: { type: "object", schema: { properties: { vip: { type: "boolean" } } }, default: {} },
      },
      hooks: {
        beforeCreate: (input) => {
          if (input["full_name"] === FATAL) throw new Error(FATAL);
          return input;
        },
        beforeUpdate: (changes) => {
          if (changes["full_name"] === FATAL) throw new Error(FATAL);
          return changes;
        },
      },
    },
    orders: {
      owner: true,
      preconditions: "required",
      fields: {
        customer: { ref: "customers", required: true, onDelete: "refuse" },
        number: { type: "integer", unique: true, nullable: true },
        status: { enum: ["open", "closed"], default: "open", readOnly: true },
        note: { type: "string", maxLength: 100, nullable: true },
        twice: {
          type: "integer",
          nullable: true,
          computed: ({ number }) => (number === null ? null : Number(number) * 2),
        },
      },
      actions: {
        close: {
          from: { status: ["open"] },
          set: { status: "closed" },
          input: { why: { type: "string", maxLength: 20 } },
          run: ({ why }) => {
            if (why === "fatal") throw new Error(FATAL);
            return why === undefined ? {} : { note: why };
          },
        },
      },
    },
    pages: {
      id: { type: "string", given: true },
      access: { read: "public", write: "pages:write" },
      fields: { title: { type: "string", required: true, unique: true } },
    },
  },
  routes: [
    { name: "openapi", path: "/openapi.json", to: { service: true } },
    {
      name: "api",
      path: "/*",
      to: { service: true },
      limits: { body: "4kb" },
      policies: [
        { "api-key": { optional: true } },
        {
          "rate-limit": {
            ...{ name: "calls", by: "consumer", limit: 1_000_000, window: "1h" },
            plans: { tiny: { limit: 1, window: "1h" } },
          },
        },
        { idempotency: { keep: "1h" } },
      ],
    },
  ],
});
