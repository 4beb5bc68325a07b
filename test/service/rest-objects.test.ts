/** Objects, and changes bound to their state (HTTP-10 … HTTP-12, HTTP-15). */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { eventually } from "../harness/eventually.ts";
import { onBothDatabases } from "./databases.ts";
import { codeOf, customerOf, idOf, orderOf, person, productOf, unique } from "./people.ts";
import { told } from "./shop.ts";

onBothDatabases("objects of the REST face", (stand) => {
  describe("an object", () => {
    test("is created with 201, where it is, its tag, and every default", async () => {
      const who = person(stand);
      const made = await customerOf(who, { full_name: "Ann" });
      const { id, created_at: at, updated_at, ...rest } = made.json;
      assert.match(id, /^cus_[0-9a-z]{26}$/);
      assert.equal(made.headers["location"], `/customers/${id}`);
      assert.match(made.headers["etag"] ?? "", /^"1-[0-9a-f]+"$/);
      assert.equal(made.headers["content-type"], "application/json");
      assert.equal(made.headers["cache-control"], "no-store");
      assert.equal(at, new Date(stand().clock.wall()).toISOString());
      assert.equal(updated_at, at);
      assert.deepEqual(rest, { email: rest.email, full_name: "Ann", country: null, metadata: {} });
    });

    test("reads as it was answered when it was written, whatever the write was", async () => {
      const who = person(stand);
      const made = await customerOf(who, { metadata: { 'a"b': [1, 2.5, "ü", null], deep: { x: true } } });
      const at = `/customers/${idOf(made)}`;
      const writes = [
        made,
        await who.ask("PATCH", at, { full_name: 'Zoë "Z" \\ \u2028' }),
        await who.ask("PUT", at, { email: made.json.email, country: "DE" }),
      ];
      for (const written of writes.slice(-1)) {
        const read = await who.ask("GET", at);
        assert.deepEqual([read.status, read.text], [200, written.text]);
        assert.equal(read.headers["etag"], written.headers["etag"]);
      }
      assert.deepEqual(
        writes.map(({ status }) => status),
        [201, 200, 200],
      );
      assert.deepEqual(
        writes.map(({ headers }) => headers["etag"]?.split("-")[0]),
        ['"1', '"2', '"3'],
      );
    });

    test("is patched by merging, and replaced as a whole", async () => {
      const who = person(stand);
      const made = await customerOf(who, { full_name: "Ann", country: "DE", metadata: { a: 1, b: 2 } });
      const at = `/customers/${idOf(made)}`;
      const patched = await who.ask("PATCH", at, { full_name: null, metadata: { a: null, c: 3 } });
      assert.deepEqual(
        [patched.json.full_name, patched.json.country, patched.json.metadata],
        [null, "DE", { b: 2, c: 3 }],
      );
      const replaced = await who.ask("PUT", at, { email: made.json.email });
      assert.deepEqual([replaced.json.country, replaced.json.metadata], [null, {}]);
    });

    test("has neither a new tag nor an event where a change changes nothing", async () => {
      const who = person(stand);
      const made = await orderOf(who);
      const before = told.length;
      const same = await who.ask("PATCH", `/orders/${idOf(made)}`, { quantity: 1 });
      assert.deepEqual(
        [same.status, same.headers["etag"], same.text],
        [200, made.headers["etag"], made.text],
      );
      await who.ask("PATCH", `/orders/${idOf(made)}`, { quantity: 2 });
      await eventually("the next event", () => told.length > before);
      assert.deepEqual(
        told.slice(before).map(({ previous }) => previous?.["quantity"]),
        [1],
      );
    });

    test("is deleted with 204 and no body, then not found, to be deleted neither", async () => {
      const who = person(stand);
      const at = `/customers/${idOf(await customerOf(who))}`;
      const gone = await who.ask("DELETE", at);
      assert.deepEqual([gone.status, gone.text, gone.headers["content-type"]], [204, "", undefined]);
      for (const [method, body] of [
        ["GET"],
        ["DELETE"],
        ["PATCH", {}],
        ["PUT", { email: "a@example.com" }],
      ] as const)
        assert.deepEqual(codeOf(await who.ask(method, at, body)), [404, "RESOURCE_NOT_FOUND"]);
    });

    test("frees what was unique of it when it is deleted, softly too", async () => {
      const who = person(stand);
      const made = await customerOf(who);
      const { email } = made.json;
      const taken = await who.ask("POST", "/customers", { email });
      assert.deepEqual(codeOf(taken), [409, "ALREADY_EXISTS"]);
      assert.deepEqual(taken.json.error.details, [{ field: "email", issue: "is taken" }]);
      await who.ask("DELETE", `/customers/${idOf(made)}`);
      assert.equal((await who.ask("POST", "/customers", { email })).status, 201);
    });

    test("never shows what is write-only, in no answer and no event", async () => {
      const who = person(stand);
      const made = await customerOf(who, { password: "correct horse battery" });
      const read = await who.ask("GET", `/customers/${idOf(made)}`);
      const list = await who.ask("GET", "/customers");
      for (const { text } of [made, read, list])
        assert.ok(!text.includes("password") && !text.includes("horse"));
    });

    test("takes an id that the database counts, a UUID, or one that its client gives", async () => {
      const who = person(stand);
      const [one, two] = [await productOf(who), await productOf(who)];
      assert.equal(two.json.id, one.json.id + 1);
      assert.equal(one.headers["location"], `/products/${one.json.id}`);
      const payment = await who.ask("POST", "/payments", { order: idOf(await orderOf(who)), amount: 5 });
      assert.match(idOf(payment), /^[0-9a-f-]{36}$/);
      const page = await who.ask("POST", "/pages", { id: `p:${unique()}`, title: unique() });
      assert.equal(page.headers["location"], `/pages/${encodeURIComponent(idOf(page))}`);
      assert.equal((await who.ask("GET", page.headers["location"] as string)).text, page.text);
    });

    test("is made by PUT where clients give the ids, once", async () => {
      const who = person(stand);
      const at = `/pages/${unique()}`;
      const only = { headers: { "If-None-Match": "*" } };
      assert.deepEqual(codeOf(await who.ask("PUT", at, { title: at }, { headers: { "If-Match": '"1"' } })), [
        412,
        "PRECONDITION_FAILED",
      ]);
      const made = await who.ask("PUT", at, { title: at }, only);
      assert.deepEqual([made.status, made.headers["location"]], [201, at]);
      assert.deepEqual(codeOf(await who.ask("PUT", at, { title: "x" }, only)), [412, "PRECONDITION_FAILED"]);
      const again = await who.ask("PUT", at, { title: `${at}!` });
      assert.deepEqual([again.status, again.headers["location"]], [200, undefined]);
      const other = await who.ask("PUT", `${at}b`, { title: `${at}!` });
      assert.deepEqual(other.json.error.details, [{ field: "title", issue: "is taken" }]);
      assert.deepEqual(
        codeOf(await who.ask("PUT", "/customers/cus_00000000000000000000000000", { email: "a@example.com" })),
        [404, "RESOURCE_NOT_FOUND"],
      );
    });

    test("made by 20 at once with one id is made once", async () => {
      const who = person(stand);
      const at = `/pages/${unique()}`;
      const answers = await Promise.all(
        Array.from({ length: 20 }, (_, n) => who.ask("PUT", at, { title: `${at} ${n}` })),
      );
      assert.deepEqual(answers.map(({ status }) => status).sort(), [...Array(19).fill(200), 201]);
    });
  });

  describe("conditions", () => {
    test("let nobody overwrite what he has not seen", async () => {
      const who = person(stand);
      const made = await customerOf(who);
      const at = `/customers/${idOf(made)}`;
      const old = { headers: { "If-Match": made.headers["etag"] as string } };
      const changed = await who.ask("PATCH", at, { full_name: "B" }, old);
      assert.equal(changed.status, 200);
      for (const [method, body] of [
        ["PATCH", { full_name: "C" }],
        ["PUT", { email: "c@example.com" }],
        ["DELETE"],
      ] as const)
        assert.deepEqual(codeOf(await who.ask(method, at, body, old)), [412, "PRECONDITION_FAILED"]);
      assert.equal((await who.ask("GET", at)).text, changed.text);
    });

    test("of 20 changes that saw the same state let one pass", async () => {
      const who = person(stand);
      const made = await orderOf(who);
      const headers = { "If-Match": made.headers["etag"] as string };
      const answers = await Promise.all(
        Array.from({ length: 20 }, (_, n) =>
          who.ask("PATCH", `/orders/${idOf(made)}`, { quantity: n + 20 }, { headers }),
        ),
      );
      assert.deepEqual(answers.map(({ status }) => status).sort(), [200, ...Array(19).fill(412)]);
    });

    test("are about the state, however little of it was shown", async () => {
      const who = person(stand);
      const made = await orderOf(who);
      const at = `/orders/${idOf(made)}`;
      const tags = [
        (await who.ask("GET", `${at}?fields=status`)).headers["etag"],
        (await who.ask("GET", `${at}?expand=customer`)).headers["etag"],
        (await who.ask("GET", at, undefined, { version: "1" })).headers["etag"],
      ];
      assert.equal(
        new Set([...tags, made.headers["etag"]]).size,
        4,
        "each way of showing it has a tag of its own",
      );
      for (const tag of tags) {
        const headers = { "If-Match": `"other", ${tag}` };
        assert.equal((await who.ask("PATCH", at, { quantity: 1 }, { headers })).status, 200);
      }
    });

    test("answer 304 without a body to who has it, whatever he has beside it, and 412 to who wants another", async () => {
      const who = person(stand);
      const made = await customerOf(who);
      const at = `/customers/${idOf(made)}`;
      const tag = made.headers["etag"] as string;
      const full = await who.ask("GET", at);
      for (const value of [tag, `W/${tag}`, `"a", ${tag}`, "*"]) {
        const known = await who.ask("GET", at, undefined, { headers: { "If-None-Match": value } });
        assert.deepEqual([known.status, known.text], [304, ""]);
        for (const name of ["etag", "cache-control", "vary"])
          assert.equal(known.headers[name], full.headers[name]);
      }
      assert.equal(
        (await who.ask("GET", at, undefined, { headers: { "If-None-Match": '"1-0"' } })).status,
        200,
      );
      assert.equal((await who.ask("GET", at, undefined, { headers: { "If-Match": '"9-0"' } })).status, 412);
      const weak = { headers: { "If-Match": `W/${tag}` } };
      assert.equal((await who.ask("PATCH", at, {}, weak)).status, 412);
      assert.equal((await who.ask("PATCH", at, {}, { headers: { "If-None-Match": tag } })).status, 412);
    });

    test("have to be there where the resource says so, once the rest is right", async () => {
      const who = person(stand);
      const made = await who.ask("POST", "/payments", { order: idOf(await orderOf(who)), amount: 5 });
      const at = `/payments/${idOf(made)}`;
      assert.deepEqual(codeOf(await who.ask("PATCH", at, { amount: 6 })), [428, "PRECONDITION_REQUIRED"]);
      assert.deepEqual(codeOf(await who.ask("DELETE", at)), [428, "PRECONDITION_REQUIRED"]);
      assert.equal((await who.ask("PATCH", at, { amount: "x" })).status, 422);
      assert.equal((await who.ask("PATCH", `/payments/${crypto.randomUUID()}`, { amount: 6 })).status, 404);
      const headers = { "If-Match": made.headers["etag"] as string };
      assert.equal((await who.ask("PATCH", at, { amount: 6 }, { headers })).status, 200);
      assert.equal((await who.ask("DELETE", at, undefined, { headers: { "If-Match": "*" } })).status, 204);
    });
  });
});
