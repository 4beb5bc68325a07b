import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { FieldValue } from "../../../core/resource.ts";
import { withDefaults } from "./index.ts";
import { asked, bytes, failing, inputsOf, refusal, resource } from "./testdata/shop.ts";
import type { Values } from "./types.ts";

/** By name, what was given. */
function named(name: string, values: Values): Record<string, FieldValue> {
  const given = resource(name).fields.filter(({ at }) => values[at] !== undefined);
  return Object.fromEntries(given.map((field) => [field.name, values[field.at] as FieldValue]));
}

const customers = inputsOf("customers");
const orders = inputsOf("orders");
const codes = inputsOf("codes");

describe("the body of a new object", () => {
  test("is read into the row's places, in the form that rows have", () => {
    const { values } = orders.create(
      asked(),
      bytes(
        '{"customer":"cus_1","quantity":1e2,"paid_at":"2026-11-22T15:30:18+01:00","price":"1.50","weight":null}',
      ),
      null,
    );
    assert.deepEqual(named("orders", values), {
      customer: "cus_1",
      quantity: 100,
      paid_at: "2026-11-22T14:30:18.000Z",
      price: "1.50",
      weight: null,
    });
  });

  test("has every failing field in one refusal, in its own order, with what is missing at the end", () => {
    const body = bytes({
      tags: ["ok", "much too long", 3],
      emial: "x",
      status: "gone",
      metadata: { size: "L", a: 1, b: 2, c: 3 },
    });
    assert.deepEqual(
      refusal(() => customers.create(asked(), body, null)),
      {
        code: "VALIDATION_ERROR",
        details: {
          "tags[1]": "must have at most 8 characters",
          "tags[2]": "must be a string",
          emial: 'is not a known field; did you mean "email"?',
          status: 'must be one of "active", "blocked"',
          metadata: "must have at most 3 fields",
          "metadata.size": "must be an integer",
          email: "is required",
        },
      },
    );
  });

  test("is refused together with the query and the header fields, in this order", () => {
    const run = () =>
      orders.create(
        asked("fields=nope&x=1", [], { "If-Match": "abc", "If-None-Match": '"ok"' }),
        bytes({ quantity: 0 }),
        null,
      );
    assert.deepEqual(failing(run), ["query.x", "query.fields", "header.If-Match", "quantity", "customer"]);
  });

  test("sets nothing that is read-only, computed, or the service's own", () => {
    const body = {
      email: "a@b.co",
      id: "cus_x",
      credit: 5,
      created_at: "2026-01-01T00:00:00Z",
      updated_at: null,
      initials: "A",
    };
    const { details } = refusal(() => customers.create(asked(), bytes(body), null));
    assert.deepEqual(details, {
      id: "is read-only",
      credit: "is read-only",
      created_at: "is read-only",
      updated_at: "is read-only",
      initials: "is read-only",
    });
  });

  test("does not tell a field that the caller can neither see nor set from one that is not there", () => {
    const run = (name: string) =>
      refusal(() => customers.create(asked(), bytes({ email: "a@b.co", [name]: "x" }), null)).details[name];
    assert.equal(run("note"), run("revision"));
    assert.equal(run("note"), "is not a known field");
    const { values } = customers.create(
      asked("", ["customers:internal"]),
      bytes({ email: "a@b.co", note: "x" }),
      null,
    );
    assert.deepEqual(named("customers", values), { email: "a@b.co", note: "x" });
  });

  test("says of a field that the caller sees, and lacks the scope to set, that it is read-only", () => {
    const body = bytes({ email: "a@b.co", rating: 5 });
    assert.deepEqual(refusal(() => customers.create(asked(), body, null)).details, {
      rating: "is read-only",
    });
    assert.equal(
      named("customers", customers.create(asked("", ["customers:rate"]), body, null).values)["rating"],
      5,
    );
  });

  test("has the names of the version", () => {
    const older = inputsOf("customers", 0);
    const { values } = older.create(asked(), bytes({ email: "a@b.co", name: "Ann" }), null);
    assert.deepEqual(named("customers", values), { email: "a@b.co", full_name: "Ann" });
    const body = bytes({ email: "a@b.co", full_name: "Ann", country: "DE" });
    assert.deepEqual(
      failing(() => older.create(asked(), body, null)),
      ["full_name", "country"],
    );
  });

  test("takes null only for what may be null", () => {
    const body = bytes({ email: null, full_name: null, status: null, metadata: null });
    assert.deepEqual(refusal(() => customers.create(asked(), body, null)).details, {
      email: "must not be null",
      status: "must not be null",
      metadata: "must not be null",
    });
  });

  test("may leave out what the path says, or say the same", () => {
    const field = resource("orders").byName.get("customer");
    assert.ok(field);
    const fixed = { field, value: "cus_1" };
    for (const body of [{ quantity: 1 }, { quantity: 1, customer: "cus_1" }]) {
      const { values } = orders.create(asked(), bytes(body), fixed);
      assert.deepEqual(named("orders", values), { customer: "cus_1", quantity: 1 });
    }
    assert.deepEqual(
      refusal(() => orders.create(asked(), bytes({ quantity: 1, customer: "cus_2" }), fixed)).details,
      {
        customer: "must be what the path says, or be left out",
      },
    );
  });

  test("holds the id where clients give it, and only there", () => {
    const { values } = codes.create(asked(), bytes({ id: "red", label: "Red" }), null);
    assert.deepEqual(named("codes", values), { id: "red", label: "Red" });
    assert.deepEqual(
      failing(() => codes.create(asked(), bytes({ label: "Red" }), null)),
      ["id"],
    );
    assert.deepEqual(
      failing(() => codes.create(asked(), bytes({ id: "a/b", label: "Red" }), null)),
      ["id"],
    );
  });

  test("becomes a whole row with defaults", () => {
    const { values } = customers.create(asked(), bytes({ email: "a@b.co" }), null);
    const row = withDefaults(resource("customers"), values, Date.UTC(2026, 10, 22));
    const byName = Object.fromEntries(resource("customers").fields.map(({ name, at }) => [name, row[at]]));
    const { status, credit, seen_at, metadata, full_name } = byName;
    assert.deepEqual(
      { status, credit, seen_at, metadata, full_name },
      {
        status: "active",
        credit: 0,
        seen_at: "2026-11-22T00:00:00.000Z",
        metadata: "{}",
        full_name: null,
      },
    );
    assert.ok(row.every((value) => value !== undefined));
  });
});

describe("the body of an action", () => {
  test("is its input with defaults, and may be empty where nothing is required", () => {
    assert.deepEqual(orders.action("cancel", asked(), bytes({ reason: "late" })).input, {
      reason: "late",
      refund: true,
    });
    assert.deepEqual(orders.action("ship", asked(), Buffer.alloc(0)).input, {});
  });

  test("is checked like any other", () => {
    const body = bytes({ reason: "much too long a reason", refnd: true, refund: null });
    assert.deepEqual(refusal(() => orders.action("cancel", asked("a=1"), body)).details, {
      "query.a": "is not a known parameter",
      reason: "must have at most 10 characters",
      refnd: 'is not a known field; did you mean "refund"?',
      refund: "must not be null",
    });
    assert.deepEqual(
      failing(() => orders.action("cancel", asked(), Buffer.alloc(0))),
      ["reason"],
    );
  });
});
