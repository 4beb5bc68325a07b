/** A shop that has a bit of everything, for tests of the REST face. */

import { resourcesOf } from "../../src/config/testdata/resources.ts";
import { GatewayError } from "../../src/core/errors.ts";
import type { ResourceEvent } from "../../src/core/resource.ts";

/** What afterCommit was told, newest last; emptied by who looks. */
export const told: ResourceEvent[] = [];

export const definitions = {
  customers: {
    owner: true,
    softDelete: true,
    fields: {
      email: { type: "string", format: "email", required: true, unique: true },
      full_name: { type: "string", was: { "1": "name" } },
      country: { type: "string", format: "country", since: "2" },
      password: { type: "string", writeOnly: true, minLength: 12, nullable: true },
      note: { type: "string", nullable: true, read: "customers:internal", write: "customers:internal" },
      metadata: { type: "object", default: {} },
    },
  },
  products: {
    id: { type: "integer" },
    access: { read: "public", write: "products:write" },
    fields: {
      sku: { type: "string", required: true, unique: true, immutable: true },
      price: { type: "integer", minimum: 0, required: true },
    },
  },
  orders: {
    owner: { field: "account", scope: "orders:all" },
    fields: {
      customer: { ref: "customers", required: true, onDelete: "refuse" },
      product: { ref: "products", nullable: true, onDelete: "clear" },
      quantity: { type: "integer", minimum: 1, default: 1 },
      price: { type: "integer", readOnly: true, default: 0 },
      status: { enum: ["pending", "paid", "cancelled"], default: "pending", readOnly: true },
      cancelled_at: { type: "datetime", readOnly: true, nullable: true },
      reason: { type: "string", nullable: true, readOnly: true },
      total: {
        type: "integer",
        computed: ({ quantity, price }: Record<string, unknown>) => Number(quantity) * Number(price),
      },
    },
    actions: {
      pay: { from: { status: ["pending"] }, set: { status: "paid" } },
      cancel: {
        from: { status: ["pending", "paid"] },
        set: { status: "cancelled", cancelled_at: "now" },
        input: { reason: { type: "string", maxLength: 200 } },
        run: ({ reason }: Record<string, unknown>) => (reason === undefined ? {} : { reason }),
      },
    },
    hooks: {
      beforeCreate: async (
        input: Record<string, unknown>,
        {
          find,
        }: { find: (resource: string, id: string) => Promise<Readonly<Record<string, unknown>> | null> },
      ) => {
        const product = input["product"] === null ? null : await find("products", String(input["product"]));
        return { ...input, price: product?.["price"] ?? 0 };
      },
      beforeUpdate: (changes: Record<string, unknown>) => {
        if (changes["quantity"] === 13)
          throw new GatewayError("VALIDATION_ERROR", {
            details: [{ field: "quantity", issue: "brings bad luck" }],
          });
        if (changes["quantity"] === 99) throw new Error("a secret of the shop's");
        return changes;
      },
      afterCommit: (event: ResourceEvent) => void told.push(event),
    },
  },
  payments: {
    owner: true,
    id: { type: "uuid" },
    fields: {
      order: { ref: "orders", required: true, onDelete: "delete" },
      amount: { type: "integer", required: true },
    },
    preconditions: "required",
    access: { replace: "nobody" },
  },
  pages: {
    id: { type: "string", given: true },
    access: { read: "authenticated", write: "authenticated" },
    fields: {
      title: { type: "string", required: true, unique: true },
      body: { type: "string", nullable: true },
    },
    within: [],
  },
} as const;

export const shopOf = (store: string): ReturnType<typeof resourcesOf> =>
  resourcesOf(definitions as unknown as Parameters<typeof resourcesOf>[0], { versions: ["1", "2"], store });

export const SCOPES: readonly string[] = [
  ...["customers", "orders", "payments"].flatMap((name) => [`${name}:read`, `${name}:write`]),
  "products:write",
];
