/** Actions, functions of the config, and references. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { eventually } from "../harness/eventually.ts";
import { onBothDatabases } from "./databases.ts";
import { codeOf, idOf, orderOf, person, productOf } from "./people.ts";
import { told } from "./shop.ts";

onBothDatabases("changes of the REST face", (stand) => {
  describe("an action", () => {
    test("changes what it is for, in the states that it is for", async () => {
      const who = person(stand);
      const order = await orderOf(who);
      const at = `/orders/${idOf(order)}`;
      assert.equal((await who.ask("POST", `${at}/pay`)).json.status, "paid");
      const cancelled = await who.ask("POST", `${at}/cancel`, { reason: "too slow" });
      assert.deepEqual(
        [cancelled.status, cancelled.json.status, cancelled.json.reason],
        [200, "cancelled", "too slow"],
      );
      assert.equal(cancelled.json.cancelled_at, new Date(stand().clock.wall()).toISOString());
      const again = await who.ask("POST", `${at}/cancel`);
      assert.deepEqual(codeOf(again), [409, "STATE_CONFLICT"]);
      assert.deepEqual(again.json.error.details, [{ field: "status", issue: "has to be pending or paid" }]);
      assert.equal((await who.ask("POST", `${at}/cancel`, { reason: 5 })).status, 422);
      assert.equal((await who.ask("POST", "/orders/ord_00000000000000000000000000/cancel")).status, 404);
    });

    test("asked for 20 times at once is done once", async () => {
      const who = person(stand);
      const at = `/orders/${idOf(await orderOf(who))}`;
      for (const name of ["pay", "cancel"]) {
        const answers = await Promise.all(
          Array.from({ length: 20 }, () => who.ask("POST", `${at}/${name}`, {})),
        );
        assert.deepEqual(answers.map(({ status }) => status).sort(), [200, ...Array(19).fill(409)], name);
      }
    });
  });

  describe("a hook", () => {
    test("decides what a new object holds, with what is read-only from outside", async () => {
      const who = person(stand);
      const product = await productOf(who, 1999);
      const order = await orderOf(who, { product: product.json.id, quantity: 2 });
      assert.deepEqual([order.json.price, order.json.total], [1999, 3998]);
      assert.equal(
        (await who.ask("POST", "/orders", { customer: order.json.customer, price: 1 })).status,
        422,
      );
    });

    test("answers with an error of its choice; what else it throws nobody sees", async () => {
      const who = person(stand);
      const at = `/orders/${idOf(await orderOf(who))}`;
      const refused = await who.ask("PATCH", at, { quantity: 13 });
      assert.deepEqual(
        [refused.status, refused.json.error.details],
        [422, [{ field: "quantity", issue: "brings bad luck" }]],
      );
      const broken = await who.ask("PATCH", at, { quantity: 99 });
      assert.deepEqual(codeOf(broken), [500, "INTERNAL_ERROR"]);
      assert.ok(!broken.text.includes("secret"));
      assert.equal((await who.ask("GET", at)).json.quantity, 1);
    });

    test("is told of every change once, after it", async () => {
      const who = person(stand);
      const before = told.length;
      const id = idOf(await orderOf(who));
      await who.ask("PATCH", `/orders/${id}`, { quantity: 4 });
      await who.ask("POST", `/orders/${id}/pay`);
      await who.ask("DELETE", `/orders/${id}`);
      const mine = () => told.slice(before).filter(({ objectId }) => objectId === id);
      await eventually("four events", () => mine().length >= 4);
      assert.deepEqual(
        mine().map(({ type }) => type),
        ["order.created", "order.updated", "order.pay", "order.deleted"],
      );
      assert.deepEqual(
        mine().map(({ previous }) => previous?.["quantity"] ?? previous?.["status"]),
        [undefined, 1, "pending", undefined],
      );
      assert.deepEqual(
        mine().map(({ data }) => data["quantity"]),
        [1, 4, 4, 4],
      );
      assert.ok(mine().every(({ owner }) => owner === who.is.consumer));
    });

    test("under 30 changes of one object at once loses none", async () => {
      const who = person(stand);
      const order = await orderOf(who);
      const at = `/orders/${idOf(order)}`;
      const answers = await Promise.all(
        Array.from({ length: 30 }, (_, n) => who.ask("PATCH", at, { quantity: n + 100 })),
      );
      assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set([200]));
      assert.equal(
        (await who.ask("GET", at)).headers["etag"]?.split("-")[0],
        '"v',
        "30 changes behind the first state, in base 36",
      );
    });
  });

  describe("a reference", () => {
    test("has to name what is there, and keeps it there", async () => {
      const who = person(stand);
      const none = await who.ask("POST", "/orders", {
        customer: "cus_00000000000000000000000000",
        product: 999_999,
      });
      assert.equal(none.status, 422);
      assert.deepEqual(
        none.json.error.details.map(({ field }: { field: string }) => field),
        ["customer", "product"],
      );
      const order = await orderOf(who);
      const kept = await who.ask("DELETE", `/customers/${order.json.customer}`);
      assert.deepEqual(
        [...codeOf(kept), kept.json.error.message],
        [409, "STILL_REFERENCED", "Some orders refer to it."],
      );
      const moved = await who.ask("PATCH", `/orders/${idOf(order)}`, {
        customer: "cus_00000000000000000000000000",
      });
      assert.deepEqual(
        moved.json.error.details.map(({ field }: { field: string }) => field),
        ["customer"],
      );
    });

    test("goes, or takes its object with it, as the definition says", async () => {
      const who = person(stand);
      const product = await productOf(who);
      const order = await orderOf(who, { product: product.json.id });
      const payment = await who.ask("POST", "/payments", { order: idOf(order), amount: 1 });
      assert.equal((await who.ask("DELETE", `/products/${product.json.id}`)).status, 204);
      const cleared = await who.ask("GET", `/orders/${idOf(order)}`);
      assert.equal(cleared.json.product, null);
      assert.notEqual(cleared.headers["etag"], order.headers["etag"]);
      assert.equal((await who.ask("DELETE", `/orders/${idOf(order)}`)).status, 204);
      assert.equal((await who.ask("GET", `/payments/${idOf(payment)}`)).status, 404);
    });
  });
});
