import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { asked, failing, inputsOf, refusal } from "./testdata/shop.ts";
import type { Expansion } from "./types.ts";

const orders = inputsOf("orders");
const customers = inputsOf("customers");

describe("what is shown of an object", () => {
  const shown = (query: string, scopes: readonly string[] = []) => orders.item(asked(query, scopes)).shown;
  const tree = (expansions: readonly Expansion[]): unknown[] =>
    expansions.map(({ name, resource, expand }) => [name, resource.name, ...tree(expand)]);

  test("are the fields that are named and the id, under one key for the same fields", () => {
    assert.deepEqual([...(shown("fields=quantity,weight").fields ?? [])], ["id", "quantity", "weight"]);
    assert.equal(shown("fields=weight,quantity,id,id").key, shown("fields=quantity,weight").key);
    assert.deepEqual([...(customers.item(asked("fields=initials")).shown.fields ?? [])], ["id", "initials"]);
  });

  test("are references that lead on, at most two deep", () => {
    assert.deepEqual(tree(shown("expand=customer").expand), [["customer", "customers"]]);
    assert.deepEqual(tree(shown("expand=customer.account,customer").expand), [
      ["customer", "customers", ["account", "accounts"]],
    ]);
    assert.deepEqual(
      [...(shown("expand=customer&fields=weight").fields ?? [])],
      ["id", "customer", "weight"],
    );
  });

  test("is refused for what is not there for the caller", () => {
    const item = (query: string) => refusal(() => shown(query)).details;
    assert.match(item("fields=secret")["query.fields"] as string, /names "secret", which is not a field/);
    assert.match(item("fields=margin")["query.fields"] as string, /names "margin", which is not a field/);
    assert.equal(shown("fields=margin", ["orders:margin"]).fields?.has("margin"), true);
    assert.match(item("fields=")["query.fields"] as string, /names "", which is not a field/);
    assert.match(item("expand=quantity")["query.expand"] as string, /which is not a reference/);
    assert.match(item("expand=customer.acount")["query.expand"] as string, /did you mean "account"/);
    assert.match(item("expand=customer.account.x")["query.expand"] as string, /at most 2 references/);
    assert.match(item(`expand=${"customer,".repeat(10)}customer`)["query.expand"] as string, /at most 10/);
    assert.deepEqual(item("limit=1"), { "query.limit": "is not a known parameter" });
  });

  test("is nothing to ask for where nothing is answered", () => {
    assert.deepEqual(refusal(() => orders.remove(asked("fields=id"))).details, {
      "query.fields": "is not a known parameter",
    });
    assert.deepEqual(orders.remove(asked()).conditions, { match: null, noneMatch: null });
  });
});

describe("a condition of a request", () => {
  const read = (value: string) => orders.item(asked("", [], { "If-Match": value })).conditions.match;
  const tag = (text: string, weak = false) => ({ weak, text });

  test("is any state, or a list of entity tags, which may hold commas", () => {
    assert.equal(read("*"), "any");
    assert.deepEqual(read('"a"'), [tag('"a"')]);
    assert.deepEqual(read(' "a,b" , W/"c",,"" '), [tag('"a,b"'), tag('"c"', true), tag('""')]);
  });

  test("is refused where it is neither", () => {
    for (const value of ["", "a", '"a', 'w/"a"', '"a" "b"', '*, "a"', ",", "'a'"]) {
      assert.deepEqual(
        failing(() => read(value)),
        ["header.If-Match"],
        value,
      );
    }
  });
});
