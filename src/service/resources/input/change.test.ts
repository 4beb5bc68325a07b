import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { FieldValue, Row } from "../../../core/resource.ts";
import { asked, bytes, failing, inputsOf, refusal, resource } from "./testdata/shop.ts";

const SCOPES = ["customers:internal"];

/** A row of customers with these values by name, and null for the rest. */
function rowOf(values: Readonly<Record<string, FieldValue>>): Row {
  return resource("customers").fields.map(({ name }) => values[name] ?? null);
}

const ROW = rowOf({
  id: "cus_1",
  email: "a@b.co",
  full_name: "Ann",
  status: "blocked",
  credit: 7,
  password: "correct horse battery",
  note: "secret",
  country: "DE",
  joined: "2020-01-01",
  seen_at: "2026-01-01T00:00:00.000Z",
  metadata: '{"size": 1, "box": {"a": 1, "b": 2}}',
  created_at: "2025-01-01T00:00:00.000Z",
  updated_at: "2025-01-01T00:00:00.000Z",
  revision: 3,
});

/** What differs from the row, by name. */
function differences(next: Row): Record<string, unknown> {
  const different = resource("customers").fields.filter(({ at }) => next[at] !== ROW[at]);
  return Object.fromEntries(different.map(({ name, at }) => [name, next[at]]));
}

const customers = inputsOf("customers");
const patched = (body: unknown, scopes: readonly string[] = []) =>
  differences(customers.update(asked("", scopes), bytes(body)).over(ROW));
const replaced = (body: unknown, place = 1, scopes: readonly string[] = []) =>
  differences(inputsOf("customers", place).replace(asked("", scopes), bytes(body), "cus_1").over(ROW));

describe("a merge patch", () => {
  test("changes what it names and nothing else", () => {
    assert.deepEqual(patched({ full_name: "Bob", tags: ["x"] }), { full_name: "Bob", tags: '["x"]' });
  });

  test("takes null for no value, or for the default of what must have one", () => {
    assert.deepEqual(patched({ full_name: null, status: null }), { full_name: null, status: "active" });
    assert.deepEqual(refusal(() => patched({ email: null, seen_at: null })).details, {
      email: "must not be null",
      seen_at: "must not be null",
    });
  });

  test("is merged into objects, at every depth, and the whole is checked", () => {
    assert.deepEqual(patched({ metadata: { box: { a: null, c: [1] } } }), {
      metadata: '{"size":1,"box":{"b":2,"c":[1]}}',
    });
    assert.deepEqual(
      refusal(() => patched({ metadata: { size: "L", c: 1, d: 2 }, status: "gone" })).details,
      {
        metadata: "must have at most 3 fields",
        "metadata.size": "must be an integer",
        status: 'must be one of "active", "blocked"',
      },
    );
  });

  test("that changes nothing leaves the very same row", () => {
    for (const body of [
      {},
      { full_name: "Ann" },
      { metadata: {} },
      { metadata: { box: { b: 2 } } },
      { seen_at: "2026-01-01T01:00:00+01:00" },
    ]) {
      assert.equal(customers.update(asked(), bytes(body)).over(ROW), ROW, JSON.stringify(body));
    }
  });

  test("may repeat what is read-only, immutable or computed, and not change it", () => {
    assert.deepEqual(
      patched({
        id: "cus_1",
        credit: 7,
        joined: "2020-01-01",
        initials: "A",
        created_at: "2025-01-01T01:00:00+01:00",
        full_name: "B",
      }),
      {
        full_name: "B",
      },
    );
    assert.deepEqual(
      refusal(() =>
        patched({ id: "cus_2", credit: 8, joined: null, initials: "B", created_at: 1, full_name: 1 }),
      ).details,
      {
        id: "is read-only",
        credit: "is read-only",
        joined: "cannot be changed",
        initials: "is read-only",
        created_at: "is read-only",
        full_name: "must be a string",
      },
    );
  });

  test("cannot try out values that the caller does not see", () => {
    const issue = refusal(() => patched({ note: "secret" })).details;
    assert.deepEqual(issue, refusal(() => patched({ note: "other" })).details);
    assert.deepEqual(issue, { note: "is not a known field" });
    assert.deepEqual(patched({ note: "new" }, SCOPES), { note: "new" });
    assert.deepEqual(patched({ rating: null }), {});
    assert.deepEqual(
      failing(() => patched({ rating: 1 })),
      ["rating"],
    );
  });

  test("is refused before the object is looked at where that needs no object, and with it in one list where it does", () => {
    assert.deepEqual(
      failing(() => customers.update(asked("x=1"), bytes({ status: 1 }))),
      ["query.x", "status"],
    );
    const change = customers.update(asked("x=1"), bytes({ credit: 1, status: 1 }));
    assert.deepEqual(
      failing(() => change.over(ROW)),
      ["query.x", "credit", "status"],
    );
    assert.deepEqual(
      failing(() => change.over(null)),
      ["query.x", "status"],
    );
    assert.equal(customers.update(asked(), bytes({ credit: 1 })).over(null), null);
  });
});

describe("a replacement", () => {
  test("sets what is left out back to its default, and keeps what the caller does not see or cannot set", () => {
    assert.deepEqual(replaced({ email: "c@d.co" }), {
      email: "c@d.co",
      full_name: null,
      status: "active",
      country: null,
      metadata: "{}",
    });
    assert.equal("note" in replaced({ email: "c@d.co" }, 1, SCOPES), true);
  });

  test("leaves alone what the caller's version does not know", () => {
    assert.deepEqual(
      replaced(
        { email: "a@b.co", name: "Ann", status: "blocked", metadata: { size: 1, box: { b: 2, a: 1 } } },
        0,
      ),
      {},
    );
  });

  test("takes an object as it was read", () => {
    const read = {
      id: "cus_1",
      email: "a@b.co",
      full_name: "Ann",
      status: "blocked",
      credit: 7,
      rating: null,
      country: "DE",
      joined: "2020-01-01",
      account: null,
      seen_at: "2026-01-01T00:00:00.000Z",
      metadata: { size: 1, box: { a: 1, b: 2 } },
      tags: null,
      created_at: "2025-01-01T00:00:00.000Z",
      updated_at: "2025-01-01T00:00:00.000Z",
      initials: "A",
    };
    assert.deepEqual(replaced(read), {});
  });

  test("needs what is required, and objects are replaced as a whole", () => {
    assert.deepEqual(refusal(() => replaced({ metadata: {}, status: null })).details, {
      status: "must not be null",
      email: "is required",
    });
    assert.deepEqual(replaced({ email: "a@b.co", metadata: { box: 1 } })["metadata"], '{"box":1}');
  });

  test("makes a new object where clients give the ids", () => {
    const codes = inputsOf("codes");
    const values = codes.replace(asked(), bytes({ label: "Red" }), "red").fresh();
    assert.deepEqual([...values], ["red", "Red"]);
    assert.deepEqual(
      failing(() => codes.replace(asked(), bytes({ id: "blue", label: "Red" }), "red").fresh()),
      ["id"],
    );
    assert.deepEqual(
      failing(() => codes.replace(asked(), bytes({ label: "Red" }), "a b").fresh()),
      ["path.id"],
    );
  });
});

describe("an id in a path", () => {
  const cases: readonly (readonly [resource: string, text: string, id: string | number | null])[] = [
    ["orders", "ord_01J9ZQ4T5V6W7X8Y9Z0A1B2C3D", "ord_01J9ZQ4T5V6W7X8Y9Z0A1B2C3D"],
    ["orders", "order_01J9ZQ4T5V6W7X8Y9Z0A1B2C3D", "order_01J9ZQ4T5V6W7X8Y9Z0A1B2C3D"],
    ["orders", "Ord_01J9ZQ4T5V6W7X8Y9Z0A1B2C3D", null],
    ["orders", "abcdefghijklmnopq_01J9ZQ4T5V6W7X8Y9Z0A1B2C3D", null],
    ["orders", "ord_", null],
    ["orders", "ord_' OR 1=1 --", null],
    ["orders", "ord_\0", null],
    ["orders", "", null],
    ["counters", "12", 12],
    ["counters", "012", null],
    ["counters", "1e2", null],
    ["counters", "9007199254740993", null],
    ["counters", "1.0", null],
    ["devices", "9F1B3C1E-2D4A-7C8E-9B0A-1C2D3E4F5A6B", "9f1b3c1e-2d4a-7c8e-9b0a-1c2d3e4f5a6b"],
    ["devices", "9f1b3c1e", null],
    ["codes", "red", "red"],
    ["codes", "a\0b", null],
    ["codes", "x".repeat(256), null],
  ];
  for (const [name, text, id] of cases) {
    test(`of ${name}: ${JSON.stringify(text).slice(0, 48)} is ${id === null ? "none that an object can have" : "one"}`, () => {
      assert.equal(inputsOf(name).id(text), id);
    });
  }
});
