import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { splitList } from "./filters.ts";
import { asked, failing, inputsOf, refusal } from "./testdata/shop.ts";

const orders = inputsOf("orders");
const customers = inputsOf("customers");
const list = (query: string, scopes: readonly string[] = []) => orders.list(asked(query, scopes));
const filters = (query: string) =>
  list(query).filters.map(({ field, comparison, values }) => [field.name, comparison, ...values]);
const issues = (query: string, scopes: readonly string[] = []) => refusal(() => list(query, scopes)).details;

describe("the conditions of a list", () => {
  const cases: readonly (readonly [query: string, filter: readonly unknown[]])[] = [
    ["customer=cus_1", ["customer", "eq", "cus_1"]],
    ["customer[eq]=cus_1", ["customer", "eq", "cus_1"]],
    ["customer%5Bne%5D=cus_1", ["customer", "ne", "cus_1"]],
    ["customer=", ["customer", "eq", ""]],
    ["customer=a+b%2Bc%20d", ["customer", "eq", "a b+c d"]],
    ["customer='%20OR%201=1--", ["customer", "eq", "' OR 1=1--"]],
    ["customer=null", ["customer", "eq", "null"]],
    ["quantity[gte]=5", ["quantity", "gte", 5]],
    ["quantity[lt]=-5", ["quantity", "lt", -5]],
    ["quantity=100000", ["quantity", "eq", 100_000]],
    ["weight=1e-3", ["weight", "eq", 0.001]],
    ["gift=true", ["gift", "eq", true]],
    ["price[gt]=12.50", ["price", "gt", "12.50"]],
    ["serial=9223372036854775807", ["serial", "eq", "9223372036854775807"]],
    ["paid_at[null]=true", ["paid_at", "null", true]],
    ["paid_at[gt]=2026-11-22T15:30:00%2B01:00", ["paid_at", "gt", "2026-11-22T14:30:00.000Z"]],
    ["paid_at[gt]=2026-11-22T15:30:00+01:00", ["paid_at", "gt", "2026-11-22T14:30:00.000Z"]],
    ["quantity[in]=1,2,2,3", ["quantity", "in", 1, 2, 3]],
    ["quantity[in]=1&quantity[in]=2,3", ["quantity", "in", 1, 2, 3]],
    ["customer[in]=a%2Cb,c%5C%2Cd", ["customer", "in", "a", "b", "c,d"]],
    ["customer[in]=", ["customer", "in", ""]],
    ["id[gt]=ord_1", ["id", "gt", "ord_1"]],
  ];
  for (const [query, filter] of cases) {
    test(`${query} is ${JSON.stringify(filter)}`, () => assert.deepEqual(filters(query), [filter]));
  }

  const refused: readonly (readonly [query: string, field: string, issue: RegExp])[] = [
    ["quantity=many", "query.quantity", /must be an integer/],
    ["quantity=1.0", "query.quantity", /must be an integer/],
    ["quantity=+1", "query.quantity", /must be an integer/],
    ["quantity=01", "query.quantity", /must be an integer/],
    ["quantity=9007199254740993", "query.quantity", /between/],
    ["quantity[in]=1,x,y", "query.quantity.in", /must be an integer/],
    ["gift=1", "query.gift", /true or false/],
    ["gift[gt]=true", "query.gift.gt", /is no comparison of this field; there are eq, ne, in or null/],
    ["paid_at[null]=yes", "query.paid_at.null", /true or false/],
    ["paid_at=yesterday", "query.paid_at", /date and time/],
    ["quantity[like]=1", "query.quantity.like", /is no comparison/],
    ["quantity[]=1", 'query.quantity[""]', /is no comparison/],
    ["quantity=1&quantity=2", "query.quantity", /must be given once/],
    ["customer=%00", "query.customer", /NUL/],
    ["customer=%", "query.customer", /not percent-encoded/],
    ["customer=%c0%af", "query.customer", /not percent-encoded/],
    ["customer=%ed%a0%80", "query.customer", /not percent-encoded/],
    ["customer=\u00e9", "query.customer", /not percent-encoded/],
    ["custmer=1", "query.custmer", /is not a known parameter; did you mean "customer"\?/],
    ["limit[gt]=1", "query.limit.gt", /is not a known parameter$/],
    ["__proto__=1", "query.__proto__", /is not a known parameter/],
    ["__proto__[gt]=1", "query.__proto__.gt", /is not a known parameter/],
    ["constructor[prototype]=1", "query.constructor.prototype", /is not a known parameter/],
  ];
  for (const [query, field, issue] of refused) {
    test(`${query} is refused at ${field}`, () => {
      const details = issues(query);
      assert.deepEqual(Object.keys(details), [field]);
      assert.match(details[field] as string, issue);
    });
  }

  test("are about what the caller sees: of all else he does not learn that it is there", () => {
    const unknown = "is not a known parameter";
    for (const name of ["secret", "margin", "revision", "token", "nothing"]) {
      assert.deepEqual(issues(`${name}=1`), { [`query.${name}`]: unknown }, name);
    }
    assert.equal(list("margin[gt]=1", ["orders:margin"]).filters.length, 1);
    assert.deepEqual(refusal(() => customers.list(asked("initials=A"))).details, {
      "query.initials": unknown,
    });
    assert.deepEqual(refusal(() => customers.list(asked("metadata=1"))).details, {
      "query.metadata": unknown,
    });
  });

  test("have the names of the version", () => {
    const older = inputsOf("customers", 0);
    assert.equal(older.list(asked("name=Ann&sort=name&fields=name")).filters[0]?.field.name, "full_name");
    assert.deepEqual(
      failing(() => older.list(asked("full_name=Ann&country=DE"))),
      ["query.full_name", "query.country"],
    );
  });

  test("are bounded in number", () => {
    const many = (count: number) => Array.from({ length: count }, (_, i) => `quantity[in]=${i}`).join("&");
    assert.equal(list(many(100)).filters[0]?.values.length, 100);
    assert.deepEqual(
      failing(() => list(many(101))),
      ["query"],
    );
    assert.deepEqual(
      failing(() => list(`quantity[in]=${"1,".repeat(100)}1`)),
      ["query.quantity.in"],
    );
    const names = ["quantity", "weight", "price", "serial", "paid_at", "customer"];
    const operators = ["eq", "ne", "gt", "gte", "lt", "lte"];
    const value = (name: string) => (name === "paid_at" ? "2026-01-01T00:00:00Z" : "1");
    const all = names.flatMap((name) => operators.map((operator) => `${name}[${operator}]=${value(name)}`));
    assert.equal(list(all.slice(0, 30).join("&")).filters.length, 30);
    assert.deepEqual(
      failing(() => list(all.join("&"))),
      ["query"],
    );
  });
});

describe("a list of values", () => {
  test("has any values, with commas and backslashes behind backslashes", () => {
    const value = fc.string({ unit: fc.constantFrom("a", ",", "\\", "😀") });
    fc.assert(
      fc.property(fc.array(value, { minLength: 1 }), (values) => {
        const text = values.map((one) => one.replaceAll(/[\\,]/g, "\\$&")).join(",");
        assert.deepEqual(splitList(text), values);
      }),
    );
  });
});

describe("the page of a list", () => {
  test("is the first one, of the resource's size and in its order, where nothing is said", () => {
    const { limit, page, cursor, total, sort, filters: none, shown } = list("");
    assert.deepEqual(
      { limit, page, cursor, total, none },
      { limit: 20, page: null, cursor: null, total: false, none: [] },
    );
    assert.deepEqual(
      sort.map(({ field, descending }) => [field.name, descending]),
      [["created_at", true]],
    );
    assert.deepEqual(shown, { fields: null, key: "", expand: [] });
  });

  test("has at most the resource's largest size, whatever is asked for", () => {
    for (const [text, limit] of [
      ["1", 1],
      ["100", 100],
      ["101", 100],
      ["999999999999999", 100],
    ] as const) {
      assert.equal(list(`limit=${text}`).limit, limit);
    }
    for (const text of [
      "0",
      "-1",
      "1e2",
      "1.0",
      "+5",
      "%2B5",
      " 5",
      "05",
      "",
      "ten",
      "NaN",
      "Infinity",
      "9".repeat(30),
      "5&limit=6",
    ]) {
      assert.deepEqual(
        failing(() => list(`limit=${text}`)),
        ["query.limit"],
        text,
      );
    }
  });

  test("is one by number, from 1 to the depth at which pages end", () => {
    assert.equal(list("page=1").page, 1);
    assert.equal(list("page=50&limit=20").page, 50);
    assert.equal(refusal(() => list("page=51&limit=20")).code, "PAGE_TOO_DEEP");
    assert.equal(refusal(() => list("page=999999999999999")).code, "PAGE_TOO_DEEP");
    for (const text of ["0", "-1", "1e2", "1.5", "", "first", "9".repeat(30)]) {
      assert.deepEqual(
        failing(() => list(`page=${text}`)),
        ["query.page"],
        text,
      );
    }
  });

  test("is by number or by cursor, not both", () => {
    assert.equal(list("cursor=abc").cursor, "abc");
    assert.equal(list("cursor=").cursor, "");
    assert.equal(refusal(() => list("cursor=abc&page=1")).code, "INVALID_CURSOR");
    assert.equal(refusal(() => list(`cursor=${"a".repeat(5_000)}`)).code, "INVALID_CURSOR");
    assert.deepEqual(
      failing(() => list("cursor=a&cursor=b")),
      ["query.cursor"],
    );
  });

  test("counts where it is asked to", () => {
    assert.equal(list("total=true").total, true);
    assert.equal(list("total=false").total, false);
    for (const text of ["1", "yes", "", "True"])
      assert.deepEqual(
        failing(() => list(`total=${text}`)),
        ["query.total"],
      );
  });

  test("has every failing parameter in one refusal: conditions as they stand, then what each list has", () => {
    const query = "expand=nope&quantity=z&limit=0&page=x&nope=1&total=y&sort=nope&fields=nope";
    assert.deepEqual(
      failing(() => list(query)),
      ["quantity", "nope", "limit", "page", "total", "sort", "fields", "expand"].map(
        (name) => `query.${name}`,
      ),
    );
  });
});

describe("the order of a list", () => {
  const sorted = (query: string) =>
    list(query).sort.map(({ field, descending }) => `${descending ? "-" : ""}${field.name}`);

  test("is by the fields that are named, each up or down", () => {
    assert.deepEqual(sorted("sort=-quantity,customer,id"), ["-quantity", "customer", "id"]);
    assert.deepEqual(sorted("sort=-quantity%2Ccustomer"), ["-quantity", "customer"]);
  });

  test("is refused for what cannot be sorted by, twice the same, and more than four", () => {
    assert.deepEqual(issues("sort=quantty"), {
      "query.sort": 'names "quantty", which is not a field to sort by; did you mean "quantity"?',
    });
    for (const name of [
      "secret",
      "margin",
      "token",
      "",
      "-",
      "--quantity",
      "quantity asc",
      "quantity;DROP TABLE",
    ]) {
      assert.match(
        issues(`sort=${encodeURIComponent(name)}`)["query.sort"] as string,
        /which is not a field to sort by/,
        name,
      );
    }
    assert.deepEqual(issues("sort=quantity,-quantity"), { "query.sort": "must not name a field twice" });
    assert.deepEqual(issues("sort=quantity,weight,gift,price,id"), {
      "query.sort": "must have at most 4 fields",
    });
  });
});
