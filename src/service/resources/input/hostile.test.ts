/** What nobody means well: nothing of it is kept, and nothing of it is worse than a refusal. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { GatewayError } from "../../../core/errors.ts";
import type { Row } from "../../../core/resource.ts";
import { asked, bytes, failing, inputsOf, refusal, resource } from "./testdata/shop.ts";

const customers = inputsOf("customers");
const orders = inputsOf("orders");
const SCOPES = ["customers:internal", "orders:margin"];
const ROW: Row = resource("customers").fields.map(({ type }) => (type === "object" ? "{}" : null));

describe("a body that no two readers read alike", () => {
  const cases: readonly (readonly [what: string, body: string | Buffer])[] = [
    ["a name twice", '{"email":"a@b.co","email":"c@d.co"}'],
    ["a name twice, once escaped", '{"email":"a@b.co","\\u0065mail":"c@d.co"}'],
    ["a name twice, deep inside", '{"metadata":{"a":{"b":1,"b":2}}}'],
    ["__proto__", '{"__proto__":{"admin":true}}'],
    ["__proto__, escaped", '{"\\u005f_proto__":{"admin":true}}'],
    ["__proto__, deep inside", '{"metadata":{"a":[{"__proto__":1}]}}'],
    ["constructor.prototype", '{"metadata":{"constructor":{"prototype":{"admin":true}}}}'],
    ["half a surrogate pair", '{"full_name":"\\ud800"}'],
    ["half a surrogate pair in a name", '{"\\udc00":1}'],
    [
      "half a surrogate pair, raw",
      Buffer.from([0x7b, 0x22, 0x61, 0x22, 0x3a, 0x22, 0xed, 0xa0, 0x80, 0x22, 0x7d]),
    ],
    ["overlong UTF-8", Buffer.from([0x22, 0xc0, 0xaf, 0x22])],
    ["a NUL that is not escaped", '{"full_name":"a\0b"}'],
    ["a byte order mark", "\ufeff{}"],
    ["UTF-16", Buffer.from('{"email":"a@b.co"}', "utf16le")],
    ["a number that no double holds", '{"metadata":{"a":1e400}}'],
    ["NaN", '{"credit":NaN}'],
    ["a comment", '{"email":"a@b.co"/* */}'],
    ["a comma at the end", '{"email":"a@b.co",}'],
    ["single quotes", "{'email':'a@b.co'}"],
    ["65 levels", `{"metadata":${"[".repeat(64)}${"]".repeat(64)}}`],
    ["100,000 levels", "[".repeat(100_000)],
    [
      "10,001 names",
      JSON.stringify(Object.fromEntries(Array.from({ length: 10_001 }, (_, i) => [`k${i}`, i]))),
    ],
    ["the half of it", '{"email":"a@b.co"'],
    ["two of it", '{"email":"a@b.co"}{}'],
    ["nothing but space", "  "],
  ];
  for (const [what, body] of cases) {
    test(`is refused: ${what}`, () => {
      const given = typeof body === "string" ? Buffer.from(body) : body;
      for (const run of [
        () => customers.create(asked(), given, null),
        () => customers.replace(asked(), given, "cus_1"),
        () => customers.update(asked(), given),
        () => orders.action("cancel", asked(), given),
      ]) {
        assert.equal(refusal(run).code, "INVALID_JSON");
      }
    });
  }

  test("is asked for where there is none", () => {
    assert.equal(refusal(() => customers.create(asked(), Buffer.alloc(0), null)).code, "BODY_REQUIRED");
    assert.equal(refusal(() => customers.update(asked(), Buffer.alloc(0))).code, "BODY_REQUIRED");
  });
});

describe("a body that is JSON, and nothing that a resource has", () => {
  test("is told so at its root where it is no object", () => {
    for (const body of ["[]", "null", "1", '"x"', "true", '[{"op":"replace","path":"/email","value":"x"}]']) {
      assert.deepEqual(
        refusal(() => customers.update(asked(), bytes(body))).details,
        { "": "must be an object" },
        body,
      );
      assert.deepEqual(
        refusal(() => customers.create(asked(), bytes(body), null)).details,
        { "": "must be an object" },
        body,
      );
      assert.deepEqual(
        refusal(() => customers.replace(asked("fields=nothing"), bytes(body), "cus_1")).details,
        {
          "query.fields": 'names "nothing", which is not a field',
          "": "must be an object",
        },
        body,
      );
    }
  });

  test("sets nothing by the names of columns, owners, revisions or what every object has", () => {
    const names = [
      "owner",
      "consumer",
      "revision",
      "deleted_at",
      "constructor",
      "toString",
      "hasOwnProperty",
      "prototype",
      "valueOf",
      "then",
      "$where",
      "EMAIL",
      "email ",
    ];
    for (const name of names) {
      const body = bytes({ email: "a@b.co", [name]: "x" });
      const field = name === "email " ? '["email "]' : name;
      assert.deepEqual(
        failing(() => customers.create(asked("", SCOPES), body, null)),
        [field],
      );
      assert.deepEqual(
        failing(() => customers.update(asked("", SCOPES), bytes({ [name]: "x" })).over(ROW)),
        [field],
      );
    }
    assert.equal(({} as Record<string, unknown>)["admin"], undefined);
  });

  test("with 10,000 names is refused, with a hundred of them named", () => {
    const body = Object.fromEntries(Array.from({ length: 10_000 }, (_, i) => [`k${i}`, i]));
    const { code, details } = refusal(() => customers.create(asked(), bytes(body), null));
    assert.equal(code, "VALIDATION_ERROR");
    assert.equal(Object.keys(details).length, 101);
  });

  test("with a name of half a megabyte is refused without the name", () => {
    const { details } = refusal(() => customers.update(asked(), bytes({ ["x".repeat(500_000)]: 1 })));
    assert.ok(Object.keys(details).every((field) => field.length < 300));
  });

  test("has texts that look like statements kept as texts", () => {
    for (const text of [
      "'; DROP TABLE customers; --",
      '" OR ""="',
      "\\'; --",
      "$(id)",
      "{{7*7}}",
      "<script>",
      "\u202e",
      "../../etc/passwd",
      "%00",
      "\\u0000",
    ]) {
      const { values } = customers.create(asked(), bytes({ email: "a@b.co", full_name: text }), null);
      assert.equal(values[resource("customers").byName.get("full_name")?.at ?? -1], text);
    }
  });

  test("has no NUL and no integer that would be rounded, however deep", () => {
    const body = Buffer.from(
      '{"email":"a@b.co","full_name":"\\u0000","rating":9007199254740993,"metadata":{"a":["\\u0000",{"b":9007199254740993}],"\\u0000":1}}',
    );
    assert.deepEqual(
      failing(() => customers.create(asked("", ["customers:rate"]), body, null)),
      ["full_name", "rating", "metadata.a[0]", "metadata.a[1].b", 'metadata["\\u0000"]'],
    );
  });
});

describe("any request at all", () => {
  /** Undefined, or what was thrown: nothing but a refusal of the client's. */
  function holds(run: () => unknown): void {
    try {
      run();
    } catch (error) {
      assert.ok(error instanceof GatewayError, String(error));
      assert.ok(error.status >= 400 && error.status < 500);
    }
  }

  const names = fc.constantFrom(
    "email",
    "status",
    "metadata",
    "tags",
    "joined",
    "account",
    "id",
    "credit",
    "initials",
    "note",
    "seen_at",
  );
  const json = fc.oneof(
    fc.jsonValue({ maxDepth: 4 }),
    fc.dictionary(fc.oneof(names, fc.string()), fc.jsonValue({ maxDepth: 3 })),
  );
  const anything = fc.oneof(
    json.map((value) => Buffer.from(JSON.stringify(value))),
    fc.uint8Array({ maxLength: 200 }).map((some) => Buffer.from(some)),
  );

  test("comes to something that fits the row, or to a refusal", () => {
    fc.assert(
      fc.property(anything, fc.boolean(), (body, all) => {
        const request = asked("", all ? SCOPES : []);
        holds(() => {
          const { values } = customers.create(request, body, null);
          assert.ok(
            values.every((value) => value === undefined || value === null || typeof value !== "object"),
          );
        });
        holds(() => customers.update(request, body).over(ROW));
        holds(() => customers.replace(request, body, "cus_1").over(ROW));
        holds(() => customers.replace(request, body, "cus_1").fresh());
        holds(() => orders.action("cancel", request, body));
        assert.equal(({} as Record<string, unknown>)["polluted"], undefined);
      }),
      { numRuns: 400 },
    );
  });

  const word = fc.constantFrom(
    "limit",
    "page",
    "cursor",
    "sort",
    "fields",
    "expand",
    "total",
    "quantity",
    "customer",
    "paid_at[gt]",
    "gift[in]",
    "price[null]",
    "id",
    "%5b",
    "[",
    "]",
    "%",
  );
  const value = fc.oneof(
    fc.string(),
    fc.string({ unit: "binary" }),
    fc.constantFrom("1", "true", "-id", "a,b", "\\", "%00", "%ff", "2026-11-22T00:00:00Z"),
    fc.integer().map(String),
  );

  test("asks for a list in some way, or is refused", () => {
    const pairs = fc.array(fc.tuple(fc.oneof(word, value), value), { maxLength: 6 });
    fc.assert(
      fc.property(pairs, fc.boolean(), (all, encoded) => {
        const text = (part: string) => (encoded ? encodeURIComponent(part.toWellFormed()) : part);
        const query = all.map(([name, one]) => `${text(name)}=${text(one)}`).join("&");
        holds(() => {
          const { limit, filters } = orders.list(asked(query));
          assert.ok(limit >= 1 && limit <= 100);
          assert.ok(filters.every(({ field }) => !field.writeOnly && field.readScope === ""));
        });
        holds(() => orders.item(asked(query)));
        holds(() => orders.remove(asked(query)));
        holds(() => orders.item(asked("", [], {})));
        orders.id(all[0]?.[1] ?? "");
      }),
      { numRuns: 400 },
    );
  });
});
