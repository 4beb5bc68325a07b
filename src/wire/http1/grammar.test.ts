import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  isDigit,
  isFieldValueChar,
  isTargetChar,
  isToken,
  isTokenChar,
  listMembers,
  parseContentLength,
  trimOws,
} from "./grammar.ts";

const ALL_BYTES = Array.from({ length: 256 }, (_, code) => code);

/** Every byte for which the class says yes, against the same class as a regular expression. */
function assertClass(holds: (code: number) => boolean, expected: RegExp): void {
  const pick = (test: (code: number) => boolean) => ALL_BYTES.filter(test);
  assert.deepEqual(
    pick(holds),
    pick((code) => expected.test(String.fromCharCode(code))),
  );
}

describe("the character classes, for each of the 256 bytes", () => {
  test("of a token are tchar of RFC 9110 §5.6.2", () =>
    assertClass(isTokenChar, /[!#$%&'*+\-.^_`|~0-9A-Za-z]/));
  test("of a field value are VCHAR, obs-text, SP and HTAB", () =>
    assertClass(isFieldValueChar, /[\t\x20-\x7e\x80-\xff]/));
  test("of a target are visible ASCII without the fragment sign", () =>
    assertClass(isTargetChar, /[\x21\x22\x24-\x7e]/));
  test("of a digit are ten", () => assertClass(isDigit, /[0-9]/));
});

describe("a token", () => {
  const cases: readonly (readonly [text: string, token: boolean])[] = [
    ["chunked", true],
    ["!#$%&'*+-.^_`|~09azAZ", true],
    ["", false],
    ["a b", false],
    ["a,", false],
    ['"a"', false],
    ["a\xff", false],
    ["a\n", false],
  ];
  for (const [text, token] of cases) {
    test(`is ${JSON.stringify(text)}: ${token}`, () => assert.equal(isToken(text), token));
  }
});

describe("Content-Length", () => {
  test("is digits and nothing else", () => {
    for (const [text, value] of [
      ["0", 0],
      ["7", 7],
      ["00001", 1],
      ["999999999999999", 999_999_999_999_999],
    ] as const) {
      assert.equal(parseContentLength(text), value, text);
    }
  });

  test("is refused in every other spelling (H-02)", () => {
    const refused = [
      "",
      " 1",
      "1 ",
      "+1",
      "-0",
      "-1",
      "0x1",
      "1_0",
      "1e0",
      "1.0",
      "1,1",
      "1, 1",
      "1;",
      "\t1",
      "1\0",
      "٣",
      "Infinity",
      "NaN",
      "1000000000000000",
      "18446744073709551617",
    ];
    for (const text of refused) assert.equal(parseContentLength(text), -1, JSON.stringify(text));
  });

  test("is a number that a double holds exactly, whatever is accepted", () => {
    assert.ok(Number.isSafeInteger(parseContentLength("9".repeat(15))));
  });
});

describe("a list", () => {
  const cases: readonly (readonly [text: string, members: readonly string[]])[] = [
    ["", []],
    [" , ,\t", []],
    ["close", ["close"]],
    ["Keep-Alive,\tCLOSE ", ["keep-alive", "close"]],
    [",a,,b,", ["a", "b"]],
    ["a b", ["a b"]],
    // Neither a vertical tab nor a no-break space is white space here: a `close` behind one is something else.
    ["\x0bclose", ["\x0bclose"]],
    ["\xa0close", ["\xa0close"]],
  ];
  for (const [text, members] of cases) {
    test(`of ${JSON.stringify(text)} has ${members.length} members`, () =>
      assert.deepEqual(listMembers(text), members));
  }
});

test("optional white space is SP and HTAB only", () => {
  assert.equal(trimOws(" \t a \tb\t "), "a \tb");
  assert.equal(trimOws(" \t "), "");
  for (const other of ["\xa0a\xa0", "\x0ba\x0b", "\x0ca\x0c", "\ra\r"]) assert.equal(trimOws(other), other);
});
