/** Lists, links, and how much is shown (PAG-1 … PAG-11). */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { onBothDatabases } from "./databases.ts";
import { codeOf, customerOf, follow, idOf, orderOf, person, productOf, unique } from "./people.ts";
import { SCOPES } from "./shop.ts";

onBothDatabases("lists of the REST face", (stand) => {
  describe("a list", () => {
    test("leads by cursor through everything and back, in one order", async () => {
      const who = person(stand);
      const made: string[] = [];
      for (let n = 0; n < 7; n++) {
        made.push(idOf(await customerOf(who, { full_name: `N${n}` })));
        stand().clock.jump(1);
      }
      const forwards: string[][] = [];
      const back: string[][] = [];
      let page = await who.ask("GET", "/customers?limit=3&sort=full_name");
      assert.deepEqual(Object.keys(page.json), ["data", "limit", "has_more", "next_cursor", "prev_cursor"]);
      for (;;) {
        forwards.push(page.json.data.map(({ id }: { id: string }) => id));
        if (page.json.next_cursor === null) break;
        page = await follow(who, page, "next");
      }
      while (page.json.prev_cursor !== null) {
        page = await follow(who, page, "prev");
        back.unshift(page.json.data.map(({ id }: { id: string }) => id));
      }
      assert.deepEqual(forwards, [made.slice(0, 3), made.slice(3, 6), made.slice(6)]);
      assert.deepEqual(back.flat(), made.slice(0, 6));
    });

    test("links absolutely, with everything else that was asked, as octokit reads it", async () => {
      const who = person(stand);
      for (let n = 0; n < 3; n++) await customerOf(who, { country: "DE" });
      const first = await who.ask("GET", "/customers?country=DE&limit=2&fields=email%2Ccountry", undefined, {
        version: "2",
      });
      const next = /<([^<>]+)>;\s*rel="next"/.exec(first.headers["link"] ?? "")?.[1] ?? "";
      assert.ok(
        next.startsWith("https://api.example/v2/customers?country=DE&limit=2&fields=email%2Ccountry&cursor="),
        next,
      );
      assert.ok(!/rel="(?:prev|first)"/.test(first.headers["link"] ?? ""));
      const second = await follow(who, first, "next");
      assert.ok(
        /rel="prev"/.test(second.headers["link"] ?? "") && !/rel="next"/.test(second.headers["link"] ?? ""),
      );
      const all = await who.ask("GET", "/customers?limit=10");
      assert.deepEqual([all.headers["link"], all.json.has_more], [undefined, false]);
    });

    test("counts pages and totals where it is asked to", async () => {
      const who = person(stand);
      for (let n = 0; n < 5; n++) await customerOf(who);
      const page = await who.ask("GET", "/customers?page=2&limit=2&total=true");
      assert.deepEqual(
        { ...page.json, data: page.json.data.length },
        { data: 2, page: 2, limit: 2, has_more: true, total: 5, total_pages: 3 },
      );
      const rels = [...(page.headers["link"] ?? "").matchAll(/[?&]page=(\d+)>; rel="(\w+)"/g)].map(
        ([, n, rel]) => `${rel} ${n}`,
      );
      assert.deepEqual(rels, ["next 3", "prev 1", "first 1", "last 3"]);
      const past = await who.ask("GET", "/customers?page=9");
      assert.deepEqual([past.status, past.json.data, past.json.has_more], [200, [], false]);
      assert.deepEqual(codeOf(await who.ask("GET", "/customers?page=1000000")), [400, "PAGE_TOO_DEEP"]);
      const cursored = await who.ask("GET", "/customers?limit=4&total=true");
      assert.deepEqual([cursored.json.total, cursored.json.total_pages], [5, 2]);
    });

    test("refuses a cursor of another list, order, filter, version or caller", async () => {
      const who = person(stand);
      const other = person(stand);
      for (let n = 0; n < 3; n++) await customerOf(who);
      const { next_cursor: cursor } = (await who.ask("GET", "/customers?limit=1")).json;
      const asked = [
        who.ask("GET", `/customers?cursor=${cursor}&sort=email`),
        who.ask("GET", `/customers?cursor=${cursor}&country=DE`),
        who.ask("GET", `/orders?cursor=${cursor}`),
        who.ask("GET", `/customers?cursor=${cursor}`, undefined, { version: "1" }),
        other.ask("GET", `/customers?cursor=${cursor}`),
        who.ask("GET", `/customers?cursor=${cursor.slice(0, -2)}`),
      ];
      for (const answer of await Promise.all(asked))
        assert.deepEqual(codeOf(answer), [400, "INVALID_CURSOR"]);
      assert.equal((await who.ask("GET", `/customers?cursor=${cursor}&limit=2`)).json.data.length, 2);
      stand().clock.jump(4 * 24 * 60 * 60 * 1000);
      assert.deepEqual(codeOf(await who.ask("GET", `/customers?cursor=${cursor}`)), [400, "CURSOR_EXPIRED"]);
    });

    test("inside an object holds what refers to it, and takes new ones", async () => {
      const who = person(stand);
      const customer = idOf(await customerOf(who));
      await orderOf(who);
      const made = await who.ask("POST", `/customers/${customer}/orders`, { quantity: 2 });
      assert.deepEqual([made.status, made.json.customer], [201, customer]);
      assert.equal(made.headers["location"], `/orders/${idOf(made)}`);
      const list = await who.ask("GET", `/customers/${customer}/orders?total=true`);
      assert.deepEqual(
        [list.json.total, list.json.data.map(({ id }: { id: string }) => id)],
        [1, [idOf(made)]],
      );
      for (const [method, body] of [["GET"], ["POST", {}]] as const) {
        const none = await who.ask(method, "/customers/cus_00000000000000000000000000/orders", body);
        assert.deepEqual(
          [...codeOf(none), none.json.error.message],
          [404, "RESOURCE_NOT_FOUND", "There is no customer with this id."],
        );
      }
    });

    test("that turns out empty on the way leads back to what is there", async () => {
      const who = person(stand);
      const ids: string[] = [];
      for (let n = 0; n < 2; n++) ids.push(idOf(await customerOf(who, { full_name: `N${n}` })));
      const first = await who.ask("GET", "/customers?limit=1&sort=full_name");
      await who.ask("DELETE", `/customers/${ids[1]}`);
      const empty = await follow(who, first, "next");
      assert.deepEqual([empty.json.data, empty.json.has_more], [[], false]);
      const back = await follow(who, empty, "prev");
      assert.deepEqual(
        back.json.data.map(({ id }: { id: string }) => id),
        [ids[0]],
      );
    });
  });

  describe("what is shown", () => {
    test("is what was asked for, with the id, and objects instead of ids", async () => {
      const who = person(stand);
      const product = await productOf(who);
      const order = await orderOf(who, { product: product.json.id, quantity: 3 });
      const at = `/orders/${idOf(order)}`;
      const few = await who.ask("GET", `${at}?fields=total,status`);
      assert.deepEqual(few.json, { id: idOf(order), status: "pending", total: 750 });
      const expanded = await who.ask("GET", `${at}?expand=customer,product&fields=quantity`);
      assert.deepEqual(expanded.json.product, product.json);
      assert.equal(expanded.json.customer.id, order.json.customer);
      assert.deepEqual(Object.keys(expanded.json), ["id", "customer", "product", "quantity"]);
      const payment = await who.ask("POST", "/payments?expand=order.customer", {
        order: idOf(order),
        amount: 1,
      });
      assert.equal(payment.json.order.customer.id, order.json.customer);
      const listed = await who.ask("GET", "/payments?expand=order.customer,order.product");
      assert.deepEqual(listed.json.data[0].order.product, product.json);
    });

    test("of a reference that is null, or to what has been deleted, is null, or the id", async () => {
      const who = person(stand);
      const order = await orderOf(who);
      assert.equal((await who.ask("GET", `/orders/${idOf(order)}?expand=product`)).json.product, null);
      const customer = idOf(await customerOf(who));
      const page = await who.ask("GET", `/orders?expand=customer`);
      assert.equal(typeof page.json.data[0].customer, "object");
      assert.ok(customer.length > 0);
    });

    test("has another tag when an object in it changes", async () => {
      const who = person(stand);
      const order = await orderOf(who);
      const at = `/orders/${idOf(order)}?expand=customer`;
      const before = (await who.ask("GET", at)).headers["etag"] as string;
      await who.ask("PATCH", `/customers/${order.json.customer}`, { full_name: "New" });
      const after = await who.ask("GET", at, undefined, { headers: { "If-None-Match": before } });
      assert.deepEqual([after.status, after.json?.customer.full_name], [200, "New"]);
    });

    test("follows the version: names of then, nothing that came later, in errors too", async () => {
      const who = person(stand);
      const v1 = { version: "1" };
      const made = await who.ask(
        "POST",
        "/customers",
        { email: `v${unique()}@example.com`, name: "Ann" },
        v1,
      );
      assert.deepEqual(
        [made.status, made.json.name, made.headers["location"]],
        [201, "Ann", `/v1/customers/${idOf(made)}`],
      );
      assert.ok(!("country" in made.json) && !("full_name" in made.json));
      const newer = await who.ask("GET", `/customers/${idOf(made)}`);
      assert.deepEqual([newer.json.full_name, newer.json.country], ["Ann", null]);
      await who.ask("PATCH", `/customers/${idOf(made)}`, { country: "DE" });
      await who.ask("PUT", `/customers/${idOf(made)}`, { email: made.json.email, name: "Bo" }, v1);
      assert.equal(
        (await who.ask("GET", `/customers/${idOf(made)}`)).json.country,
        "DE",
        "an older version clears nothing that it does not know",
      );
      const wrong = await who.ask(
        "POST",
        "/customers",
        { full_name: "x", name: 5, email: "v@example.com", country: "DE" },
        v1,
      );
      assert.deepEqual(
        new Set(wrong.json.error.details.map(({ field }: { field: string }) => field)),
        new Set(["full_name", "name", "country"]),
      );
    });

    test("follows the scopes of each field, for reading and for writing", async () => {
      const who = person(stand);
      const insider = person(stand, { ...who.is, scopes: new Set([...SCOPES, "customers:internal"]) });
      const made = await customerOf(insider, { note: "pays late" });
      assert.equal(made.json.note, "pays late");
      const at = `/customers/${idOf(made)}`;
      const read = await who.ask("GET", at);
      assert.ok(!("note" in read.json));
      assert.notEqual(read.headers["etag"], made.headers["etag"]);
      for (const query of ["note=pays%20late", "sort=note", "fields=note", "note[ne]=x"])
        assert.deepEqual((await who.ask("GET", `/customers?${query}`)).status, 422, query);
      assert.equal((await who.ask("PATCH", at, { note: "x" })).status, 422);
      assert.equal((await who.ask("PUT", at, { email: made.json.email })).status, 200);
      assert.equal(
        (await insider.ask("GET", at)).json.note,
        "pays late",
        "who cannot see it cannot clear it",
      );
    });
  });
});
