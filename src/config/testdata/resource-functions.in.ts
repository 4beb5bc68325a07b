import { defineConfig } from "../schema.ts";

/** Hooks, computed fields and what actions do take TypeScript. */
export const config = defineConfig({
  routes: [{ path: "/*", to: { service: true }, policies: [{ identify: {} }] }],
  resources: {
    orders: {
      fields: {
        quantity: { type: "integer", minimum: 1, required: true },
        price: { type: "integer", readOnly: true, nullable: false },
        total: {
          type: "integer",
          read: "orders:totals",
          computed: ({ quantity, price }) => Number(quantity) * Number(price),
        },
        reason: { type: "string", readOnly: true },
      },
      actions: {
        reprice: {
          input: {
            reason: { type: "string", maxLength: 200, required: true },
            at: { type: "datetime", default: "now" },
          },
          run: ({ reason }, { object }) => ({ reason, price: Number(object?.["price"]) - 1 }),
        },
      },
      hooks: {
        beforeCreate: (input) => ({ ...input, price: 500 }),
        beforeUpdate: (changes, { consumer }) => ({ ...changes, reason: consumer }),
        afterCommit: async ({ type }) => type,
      },
    },
  },
});
