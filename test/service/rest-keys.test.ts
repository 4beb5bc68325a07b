/** Requests with an Idempotency-Key, without a gateway in front (IDEM-6 … IDEM-9). */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type Asking, caller } from "../harness/service.ts";
import { onBothDatabases } from "./databases.ts";
import { codeOf, customerOf, idOf, orderOf, person, unique } from "./people.ts";
import { SCOPES, told } from "./shop.ts";

onBothDatabases("keys of the REST face", (stand) => {
  describe("a key", () => {
    const key = (value: string): Asking => ({ headers: { "Idempotency-Key": value } });

    test("has a write of any verb done once, and answered alike", async () => {
      const who = person(stand);
      const order = await orderOf(who);
      const customer = await customerOf(who);
      const writes: readonly (readonly [string, string, unknown])[] = [
        ["POST", "/customers", { email: `k${unique()}@example.com` }],
        ["POST", "/products", { sku: unique(), price: 1 }],
        ["POST", "/orders", { customer: customer.json.id }],
        ["POST", `/customers/${idOf(customer)}/orders`, {}],
        ["PATCH", `/orders/${idOf(order)}`, { quantity: 5 }],
        ["PATCH", `/customers/${idOf(customer)}`, { full_name: "K" }],
        ["PUT", `/customers/${idOf(customer)}`, { email: `p${unique()}@example.com` }],
        ["POST", `/orders/${idOf(order)}/pay`, {}],
        ["POST", `/orders/${idOf(order)}/cancel`, {}],
        ["DELETE", `/orders/${idOf(order)}`, undefined],
      ];
      for (const [method, path, body] of writes) {
        const value = key(unique());
        const before = told.length;
        const first = await who.ask(method, path, body, value);
        assert.ok(first.status < 300, first.text);
        const again = await who.ask(method, path, body, value);
        assert.deepEqual([again.status, again.text], [first.status, first.text], `${method} ${path}`);
        assert.equal(again.headers["idempotent-replayed"], "true");
        assert.match(again.headers["original-request"] ?? "", /^req_\d+$/);
        for (const name of ["etag", "location", "content-type", "cache-control"])
          assert.equal(again.headers[name], first.headers[name]);
        assert.ok(told.length - before <= 1);
        const other = await who.ask(method, `${path}?fields=id`, { other: true }, value);
        assert.deepEqual(codeOf(other), [422, "IDEMPOTENCY_KEY_REUSED"], `${method} ${path}`);
      }
    });

    test("brings back no answer that its caller may not see, whoever of his consumer got it first", async () => {
      const who = person(stand);
      const { consumer } = who.is;
      const insider = person(stand, caller(consumer, [...SCOPES, "customers:internal"]));
      const path = `/customers/${idOf(await customerOf(insider, { note: "TOP SECRET" }))}`;
      const value = key(unique());
      const first = await insider.ask("PATCH", path, { full_name: "Z" }, value);
      assert.match(first.text, /TOP SECRET/);
      const again = await who.ask("PATCH", path, { full_name: "Z" }, value);
      assert.deepEqual(codeOf(again), [403, "INSUFFICIENT_SCOPE"]);
      assert.match(again.headers["www-authenticate"] ?? "", /scope="customers:internal"/);
      assert.equal((await insider.ask("PATCH", path, { full_name: "Z" }, value)).text, first.text);

      const manager = person(stand, caller(consumer, [...SCOPES, "orders:all"]));
      const order = `/orders/${idOf(await orderOf(person(stand)))}`;
      const change = key(unique());
      assert.equal((await manager.ask("PATCH", order, { quantity: 5 }, change)).status, 200);
      assert.deepEqual(codeOf(await who.ask("PATCH", order, { quantity: 5 }, change)), [
        403,
        "INSUFFICIENT_SCOPE",
      ]);
    });

    test("brings it back to somebody who sees more than the first", async () => {
      const who = person(stand);
      const value = key(unique());
      const body = { email: `m${unique()}@example.com` };
      const first = await who.ask("POST", "/customers", body, value);
      const insider = person(stand, caller(who.is.consumer, [...SCOPES, "customers:internal"]));
      assert.equal((await insider.ask("POST", "/customers", body, value)).text, first.text);
    });

    test("sent 20 times at once makes one object", async () => {
      const who = person(stand);
      const customer = idOf(await customerOf(who));
      for (const [path, body] of [
        ["/customers", { email: `r${unique()}@example.com` }],
        ["/orders", { customer }],
        ["/products", { sku: unique(), price: 1 }],
      ] as const) {
        const value = key(unique());
        const answers = await Promise.all(
          Array.from({ length: 20 }, () => who.ask("POST", path, body, value)),
        );
        assert.deepEqual(new Set(answers.map(({ status, text }) => `${status} ${text}`)).size, 1, path);
        assert.equal(answers.filter(({ headers }) => headers["idempotent-replayed"] === undefined).length, 1);
      }
    });

    test("of a request that was refused is free for the corrected one", async () => {
      const who = person(stand);
      const value = key(unique());
      assert.equal((await who.ask("POST", "/customers", { email: "no" }, value)).status, 422);
      assert.equal(
        (await who.ask("POST", "/customers", { email: `c${unique()}@example.com` }, value)).status,
        201,
      );
      assert.deepEqual(codeOf(await who.ask("POST", "/customers", {}, key(""))), [
        400,
        "IDEMPOTENCY_KEY_INVALID",
      ]);
      assert.equal((await who.ask("GET", "/customers", undefined, key(""))).status, 200);
    });

    test("replays although what it made is gone, or would not be valid now", async () => {
      const who = person(stand);
      const value = key(unique());
      const customer = idOf(await customerOf(who));
      const made = await who.ask("POST", "/orders", { customer }, value);
      await who.ask("DELETE", `/orders/${idOf(made)}`);
      await who.ask("DELETE", `/customers/${customer}`);
      const again = await who.ask("POST", "/orders", { customer }, value);
      assert.deepEqual([again.status, again.text], [201, made.text]);
    });
  });
});
