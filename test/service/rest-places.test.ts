/** Paths, methods, media types and access (HTTP-1 … HTTP-7). */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type Answer, caller } from "../harness/service.ts";
import { onBothDatabases } from "./databases.ts";
import { codeOf, customerOf, idOf, orderOf, person, productOf } from "./people.ts";

onBothDatabases("places of the REST face", (stand) => {
  describe("a place", () => {
    test("says what it offers, and refuses the rest by the same list", async () => {
      const who = person(stand);
      const at: readonly (readonly [string, string])[] = [
        ["/customers", "GET, HEAD, POST, OPTIONS"],
        ["/customers/cus_1", "GET, HEAD, PUT, PATCH, DELETE, OPTIONS"],
        ["/payments/x", "GET, HEAD, PATCH, DELETE, OPTIONS"],
        ["/orders/ord_1/cancel", "POST, OPTIONS"],
        ["/customers/cus_1/orders", "GET, HEAD, POST, OPTIONS"],
      ];
      for (const [path, allow] of at) {
        const options = await stand().ask("OPTIONS", path);
        assert.deepEqual([options.status, options.text, options.headers["allow"]], [204, "", allow]);
        for (const method of ["GET", "POST", "PUT", "PATCH", "DELETE"]) {
          if (allow.includes(method)) continue;
          const refused = await who.ask(method, path, method === "GET" ? undefined : {});
          assert.deepEqual(
            [...codeOf(refused), refused.headers["allow"]],
            [405, "METHOD_NOT_ALLOWED", allow],
          );
        }
      }
      const options = await stand().ask("OPTIONS", "/customers/cus_1");
      assert.match(options.headers["accept-patch"] ?? "", /application\/merge-patch\+json/);
      assert.match(
        (await stand().ask("OPTIONS", "/customers")).headers["accept-post"] ?? "",
        /application\/json/,
      );
    });

    test("that nobody has made is not found", async () => {
      const who = person(stand);
      for (const path of [
        "/",
        "/nothing",
        "/customers/",
        "/customers//orders",
        "/customers/cus_1/nothing",
        "/orders/ord_1/cancel/x",
      ])
        assert.deepEqual(codeOf(await who.ask("GET", path)), [404, "ROUTE_NOT_FOUND"], path);
      for (const id of [
        "x",
        "cus_",
        "cus_%00",
        "cus_%ZZ",
        "cus_%F0%28",
        "ord_00000000000000000000000000",
        "%E2%82",
      ])
        assert.deepEqual(codeOf(await who.ask("GET", `/customers/${id}`)), [404, "RESOURCE_NOT_FOUND"], id);
      for (const id of ["0", "-1", "1.0", "1e3", "9007199254740993", "99999999999999999999", "01"])
        assert.deepEqual(codeOf(await who.ask("GET", `/products/${id}`)), [404, "RESOURCE_NOT_FOUND"], id);
    });

    test("gives JSON to who takes it, and 406 to who takes anything but", async () => {
      const { ask } = person(stand);
      const get = async (accept: string): Promise<Answer> =>
        ask("GET", "/customers", undefined, { headers: { Accept: accept } });
      for (const accept of [
        "*/*",
        "application/*",
        "application/json; q=0.1, text/html",
        "text/html, */*;q=0.1",
        "APPLICATION/JSON",
        "",
      ])
        assert.equal((await get(accept)).status, 200, accept);
      for (const accept of [
        "text/html",
        "application/json;q=0",
        "application/json;q=0, */*",
        "*/*;q=0",
        "application/xml, text/*",
      ])
        assert.deepEqual(codeOf(await get(accept)), [406, "NOT_ACCEPTABLE"], accept);
      assert.match((await get("*/*")).headers["vary"] ?? "", /Accept/);
    });

    test("reads JSON only, and says of which kinds", async () => {
      const who = person(stand);
      const send = (method: string, path: string, type: string): Promise<Answer> =>
        who.ask(method, path, "{}", { headers: { "Content-Type": type } });
      const posted = await send("POST", "/customers", "text/plain");
      assert.deepEqual(
        [...codeOf(posted), posted.headers["accept-post"]],
        [415, "UNSUPPORTED_MEDIA_TYPE", "application/json"],
      );
      const at = `/customers/${idOf(await customerOf(who))}`;
      assert.match(
        (await send("PATCH", at, "application/json-patch+json")).headers["accept-patch"] ?? "",
        /merge-patch/,
      );
      assert.equal((await send("PATCH", at, "application/merge-patch+json; charset=UTF-8")).status, 200);
    });

    test("says everything that is wrong with query, header and body at once", async () => {
      const who = person(stand);
      const wrong = await who.ask(
        "POST",
        "/customers?expand=nothing",
        { email: "no", country: 5, colour: "red", id: "cus_1" },
        { headers: { "If-Match": "nonsense" } },
      );
      assert.equal(wrong.status, 422);
      const fields = wrong.json.error.details.map(({ field }: { field: string }) => field);
      assert.deepEqual(
        new Set(fields),
        new Set(["query.expand", "header.If-Match", "email", "country", "colour", "id"]),
      );
    });
  });

  describe("access", () => {
    test("is for who may: 401 with a challenge, 403 with the scope, before anything else is said", async () => {
      const reader = person(stand, caller("reader", ["customers:read"]));
      const nobody = await stand().ask("GET", "/customers");
      assert.deepEqual(codeOf(nobody), [401, "AUTHENTICATION_REQUIRED"]);
      assert.equal(nobody.headers["www-authenticate"], 'Bearer realm="api"');
      for (const [method, path, body] of [
        ["POST", "/customers", "not JSON"],
        ["DELETE", "/customers/cus_1", undefined],
        ["PATCH", "/customers/cus_1?x=1", {}],
      ] as const) {
        const refused = await reader.ask(method, path, body, { headers: { Accept: "text/html" } });
        assert.deepEqual(codeOf(refused), [403, "INSUFFICIENT_SCOPE"]);
        assert.match(
          refused.headers["www-authenticate"] ?? "",
          /error="insufficient_scope", scope="customers:write"/,
        );
      }
      assert.equal((await reader.ask("GET", "/customers")).status, 200);
      assert.deepEqual(codeOf(await reader.ask("GET", "/orders")), [403, "INSUFFICIENT_SCOPE"]);
    });

    test("to what is public needs nothing, and to what is expanded what it needs itself", async () => {
      const who = person(stand);
      const product = await productOf(who);
      const open = await stand().ask("GET", `/products/${product.json.id}`);
      assert.deepEqual([open.status, open.headers["cache-control"]], [200, "no-cache"]);
      assert.equal(
        (await who.ask("GET", `/products/${product.json.id}`)).headers["cache-control"],
        "private, no-cache",
      );
      const order = await orderOf(who, { product: product.json.id });
      const narrow = person(stand, { ...who.is, scopes: new Set(["orders:read"]) });
      const at = `/orders/${idOf(order)}`;
      assert.equal((await narrow.ask("GET", `${at}?expand=product`)).status, 200);
      assert.deepEqual(codeOf(await narrow.ask("GET", `${at}?expand=customer`)), [403, "INSUFFICIENT_SCOPE"]);
      assert.deepEqual(codeOf(await narrow.ask("GET", `/customers/${order.json.customer}/orders`)), [
        403,
        "INSUFFICIENT_SCOPE",
      ]);
    });

    test("to a verb that nobody has is not offered", async () => {
      const who = person(stand);
      assert.deepEqual(codeOf(await who.ask("PUT", "/payments/x", {})), [405, "METHOD_NOT_ALLOWED"]);
    });
  });
});
