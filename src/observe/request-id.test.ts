import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { isRequestId, makeRequestIds } from "./request-id.ts";

const CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/** The milliseconds in the first ten characters of the ULID. */
const timeOf = (id: string): number =>
  [...id.slice(4, 14)].reduce((time, char) => time * 32 + CROCKFORD.indexOf(char), 0);

/** Any UTF-16, lone surrogates included. */
const anyText = fc.array(fc.nat(0xffff)).map((codes) => String.fromCharCode(...codes));

describe("makeRequestIds", () => {
  test("makes req_ and a ULID that can go into a header", () => {
    const id = makeRequestIds(Date.now)();
    assert.match(id, /^req_[0-7][0-9A-HJKMNP-TV-Z]{25}$/);
    assert.equal(isRequestId(id), true);
  });

  test("writes the time into the first ten characters", () => {
    for (const wall of [0, 1, 1_469_918_176_385, 1_795_342_272_123.75, 2 ** 48 - 1]) {
      assert.equal(timeOf(makeRequestIds(() => wall)()), Math.floor(wall));
    }
    // The example of the ULID specification.
    assert.equal(makeRequestIds(() => 1_469_918_176_385)().slice(4, 14), "01ARYZ6S41");
  });

  test("makes ids that sort in the order of their making, whatever the clock does", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -3, max: 5 }), { maxLength: 200 }), (steps) => {
        let wall = 1_795_342_272_123;
        const next = makeRequestIds(() => wall);
        let last = next();
        for (const step of steps) {
          wall += step;
          const id = next();
          assert.ok(id > last, `${id} after ${last}`);
          last = id;
        }
      }),
    );
  });

  test("never repeats an id, even when the low bits overflow within a millisecond", () => {
    const next = makeRequestIds(() => 1_795_342_272_123);
    let last = next();
    for (let i = 0; i < 2 ** 20 + 10; i++) {
      const id = next();
      if (id <= last) assert.fail(`${id} after ${last}`);
      last = id;
    }
    assert.equal(timeOf(last), 1_795_342_272_123);
  });

  test("draws all random characters anew each millisecond", () => {
    let wall = 1;
    const next = makeRequestIds(() => wall++);
    const seen = Array.from({ length: 16 }, () => new Set<string>());
    for (let i = 0; i < 2000; i++) {
      const random = next().slice(14);
      for (const [at, chars] of seen.entries()) chars.add(random.charAt(at));
    }
    for (const chars of seen) assert.equal(chars.size, 32);
  });

  test("gives two makers different ids in the same millisecond", () => {
    const wall = (): number => 5;
    assert.notEqual(makeRequestIds(wall)(), makeRequestIds(wall)());
  });
});

describe("isRequestId", () => {
  test("accepts what the pattern of OBS-1 accepts and nothing else", () => {
    const pattern = /^[A-Za-z0-9._~:+/=-]{1,128}$/;
    const ids = fc.string({ unit: fc.constantFrom(..."aZ09._~:+/=-"), maxLength: 140 });
    fc.assert(
      fc.property(fc.oneof(ids, anyText), (value) => {
        assert.equal(isRequestId(value), pattern.test(value));
      }),
    );
  });

  const refused: readonly [why: string, value: string][] = [
    ["empty", ""],
    ["129 characters", "a".repeat(129)],
    ["a line feed at the end", "abc\n"],
    ["a space", "a b"],
    ["a quote", 'a"b'],
    ["a comma, as two joined lines have", "a, b"],
    ["NUL", "a\0"],
    ["beyond ASCII", "é"],
    ["beyond the table", "\u{1F600}"],
  ];
  for (const [why, value] of refused) {
    test(`refuses: ${why}`, () => assert.equal(isRequestId(value), false));
  }

  test("accepts 128 characters", () => assert.equal(isRequestId("a".repeat(128)), true));
});
