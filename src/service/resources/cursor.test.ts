import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { resourcesOf } from "../../config/testdata/resources.ts";
import type { ErrorCode } from "../../core/errors.ts";
import { GatewayError } from "../../core/errors.ts";
import type { Field, FieldValue, Resource } from "../../core/resource.ts";
import { type CursorScope, Cursors } from "./cursor.ts";

const DAY = 24 * 3_600_000;

describe("a cursor", () => {
  const { resources } = resourcesOf({
    orders: {
      owner: true,
      fields: { status: { enum: ["open", "paid"], default: "open" }, name: "string", rank: "integer" },
    },
    products: { fields: { name: "string" } },
  });
  const orders = resources.get("orders") as Resource;
  const products = resources.get("products") as Resource;
  const field = (name: string): Field => orders.byName.get(name) as Field;
  const paid = { field: field("status"), comparison: "eq" as const, values: ["paid"] };
  const scope: CursorScope = {
    resource: orders,
    owner: "acme",
    version: "2",
    parent: "",
    filters: [paid],
    sort: [{ field: field("rank"), descending: true }],
  };
  const position = [7, "ord_01jdqk3x5zc8q9w2e4r6t8y0v1"];
  let wall = Date.UTC(2026, 10, 22);
  const clock = { wall: () => wall };
  const cursors = new Cursors(Buffer.alloc(32, 1), clock);

  const refused = (attempt: () => unknown, code: ErrorCode): void => {
    assert.throws(
      attempt,
      (error) => error instanceof GatewayError && error.code === code && error.status === 400,
    );
  };

  test("leads back to where it was written, in either direction", () => {
    for (const backwards of [false, true]) {
      assert.deepEqual(cursors.read(scope, cursors.write(scope, position, backwards)), {
        position,
        backwards,
      });
      const end = cursors.write(scope, null, backwards);
      assert.deepEqual(cursors.read(scope, end), { position: null, backwards });
    }
  });

  test("is text that a URL takes as it is, short, and shows nothing of what it holds", () => {
    const text = cursors.write(scope, ["secret value", position[1] as string], false);
    assert.match(text, /^[A-Za-z0-9_-]+$/);
    assert.ok(text.length <= 200, `${text.length} characters`);
    assert.ok(!Buffer.from(text, "base64url").includes("secret"));
    assert.ok(!Buffer.from(text, "base64url").includes("ord_"));
  });

  test("holds any position that a row can have", () => {
    const value = fc.oneof(
      fc.string({ unit: "grapheme", maxLength: 100 }),
      fc.integer(),
      fc.double({ noNaN: true }),
      fc.boolean(),
    );
    fc.assert(
      fc.property(fc.option(value), value, (one, id) => {
        // JSON has no −0, and neither has a row.
        const place = [one === 0 ? 0 : one, id === 0 ? 0 : id].filter(
          (some) => Math.abs(Number(some)) !== Infinity,
        );
        const text = cursors.write(scope, place as FieldValue[], true);
        assert.deepEqual(cursors.read(scope, text).position, place);
      }),
    );
  });

  test("fits into a URL however long the values of its position are", () => {
    const sort = [{ field: field("name"), descending: false }];
    // Four of the most various texts, and `Link` holds two cursors in 8 kB.
    const various = Array.from({ length: 4 }, (_, column) =>
      String.fromCodePoint(
        ...Array.from({ length: 255 }, (_, at) => 0x4e00 + ((at * 7_919 + column * 3_571) % 20_000)),
      ),
    );
    const four = cursors.write(
      { ...scope, sort: [...sort, ...sort, ...sort, ...sort] },
      [...various, "ord_1"],
      false,
    );
    assert.ok(four.length < 4_000, `${four.length} characters`);
    for (const name of ["x".repeat(1_000_000), "😀".repeat(500_000)]) {
      const text = cursors.write({ ...scope, sort }, [name, "ord_1"], false);
      assert.ok(text.length < 2_000, `${text.length} characters`);
      const kept = cursors.read({ ...scope, sort }, text).position?.[0];
      assert.equal(kept, [...name].slice(0, 255).join(""));
    }
  });

  test("is refused with any bit of it changed, and at any other length", () => {
    const text = cursors.write(scope, position, false);
    const bytes = Buffer.from(text, "base64url");
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const other = Buffer.from(bytes);
      other[bit >> 3] = (other[bit >> 3] as number) ^ (1 << (bit & 7));
      refused(() => cursors.read(scope, other.toString("base64url")), "INVALID_CURSOR");
    }
    for (let length = 0; length < text.length; length++) {
      refused(() => cursors.read(scope, text.slice(0, length)), "INVALID_CURSOR");
    }
  });

  test("has one spelling: other characters in any place are refused", () => {
    // 70 characters more or less, so that one of the texts ends in the middle of a byte.
    for (const rank of [1, 10, 100]) {
      const text = cursors.write(scope, [rank, "ord_1"], false);
      for (const other of [`${text}=`, `${text}==`, ` ${text}`, `${text}\n`, `${text}A`, `${text}!`]) {
        refused(() => cursors.read(scope, other), "INVALID_CURSOR");
      }
      for (let at = 0; at < text.length; at++) {
        for (const character of ["A", "z", "-", "_", "+", "/", "=", "\0", "é"]) {
          if (text[at] === character) continue;
          const other = text.slice(0, at) + character + text.slice(at + 1);
          refused(() => cursors.read(scope, other), "INVALID_CURSOR");
        }
      }
    }
  });

  test("that somebody has made up is refused", () => {
    const made = Buffer.from(JSON.stringify({ position, owner: "acme" })).toString("base64url");
    for (const text of ["", "null", "0", made, Buffer.alloc(100).toString("base64url"), "A".repeat(4_096)]) {
      refused(() => cursors.read(scope, text), "INVALID_CURSOR");
    }
    fc.assert(fc.property(fc.string(), (text) => refused(() => cursors.read(scope, text), "INVALID_CURSOR")));
  });

  const other: readonly (readonly [what: string, change: Partial<CursorScope>])[] = [
    ["of another owner", { owner: "globex" }],
    ["of everybody", { owner: null }],
    ["of nobody in particular", { owner: "" }],
    ["of another version", { version: "1" }],
    ["inside another object", { parent: "customers/cus_1" }],
    ["of another resource", { resource: products }],
    ["without the filter", { filters: [] }],
    ["with another value in the filter", { filters: [{ ...paid, values: ["open"] }] }],
    ["with another comparison", { filters: [{ ...paid, comparison: "ne" }] }],
    ["with one filter more", { filters: [paid, { ...paid, field: field("name") }] }],
    ["in no particular order", { sort: [] }],
    ["in the opposite order", { sort: [{ field: field("rank"), descending: false }] }],
    ["in the order of another field", { sort: [{ field: field("name"), descending: true }] }],
  ];
  for (const [what, change] of other) {
    test(`is refused for a list ${what}`, () => {
      const text = cursors.write(scope, position, false);
      refused(() => cursors.read({ ...scope, ...change }, text), "INVALID_CURSOR");
    });
  }

  test("does not care in which order the conditions are written", () => {
    const name = { field: field("name"), comparison: "eq" as const, values: ["x"] };
    const text = cursors.write({ ...scope, filters: [paid, name] }, position, false);
    assert.deepEqual(cursors.read({ ...scope, filters: [name, paid] }, text).position, position);
  });

  test("of another secret is refused", () => {
    const text = new Cursors(Buffer.alloc(32, 2), clock).write(scope, position, false);
    refused(() => cursors.read(scope, text), "INVALID_CURSOR");
  });

  test("is good in every process that has the secret", () => {
    const text = new Cursors(Buffer.alloc(32, 1), clock).write(scope, position, false);
    assert.deepEqual(cursors.read(scope, text).position, position);
  });

  test("expires after three days, and not before", () => {
    const text = cursors.write(scope, position, false);
    wall += 3 * DAY;
    assert.deepEqual(cursors.read(scope, text).position, position);
    wall += 1_000;
    refused(() => cursors.read(scope, text), "CURSOR_EXPIRED");
    // A stranger does not even learn that it has expired.
    refused(() => cursors.read({ ...scope, owner: "globex" }, text), "INVALID_CURSOR");
  });

  test("is refused with one and the same answer, whatever is wrong", () => {
    const text = cursors.write(scope, position, false);
    const attempts = [
      () => cursors.read(scope, "x"),
      () => cursors.read({ ...scope, owner: "globex" }, text),
      () => cursors.read({ ...scope, filters: [] }, text),
      () => cursors.read(scope, `${text.slice(0, -1)}${text.endsWith("A") ? "B" : "A"}`),
    ];
    const answers = attempts.map((attempt) => {
      try {
        return attempt();
      } catch (error) {
        return [
          (error as GatewayError).code,
          (error as GatewayError).message,
          (error as GatewayError).details,
        ];
      }
    });
    assert.equal(new Set(answers.map((answer) => JSON.stringify(answer))).size, 1);
  });
});
