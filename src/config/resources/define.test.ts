import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { resourcesOf } from "../testdata/resources.ts";
import { defineResource } from "./define.ts";

interface Order {
  readonly quantity: number;
  readonly price: number;
  readonly status: "open" | "paid";
}

describe("defineResource", () => {
  test("gives hooks, actions and computed fields objects of a type, and the definition as it is", () => {
    const orders = defineResource<Order>({
      fields: {
        quantity: { type: "integer", required: true },
        price: { type: "integer", default: 0 },
        status: { enum: ["open", "paid"], default: "open" },
        total: { type: "integer", computed: ({ quantity, price }) => quantity * price },
        // @ts-expect-error: an order has no such field
        wrong: { type: "integer", computed: ({ quantities }) => quantities },
      },
      actions: { pay: { run: (_, { object }) => ({ price: (object?.price ?? 0) + 1, status: "paid" }) } },
      hooks: {
        beforeCreate: (input) => ({ ...input, price: 5 }),
        // @ts-expect-error: the price is a number
        beforeUpdate: (changes) => ({ ...changes, price: "5" }),
        afterCommit: ({ type }) => type,
      },
    });
    const made = resourcesOf({ orders }).resources.get("orders");
    const total = made?.computed.find(({ name }) => name === "total");
    assert.equal(total?.compute({ quantity: 2, price: 3 }), 6);
    assert.deepEqual(Object.keys(made?.hooks ?? {}), ["beforeCreate", "beforeUpdate", "afterCommit"]);
  });
});
