import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { JSON_LIMITS, JsonError, readJson } from "./json.ts";

const read = (text: string | Buffer, limits = JSON_LIMITS) => readJson(Buffer.from(text as string), limits);

/** The error for a text that has to be refused. */
function refusal(text: string | Buffer): JsonError {
  try {
    read(text);
  } catch (error) {
    assert.ok(error instanceof JsonError, `${String(error)} is no JsonError`);
    return error;
  }
  return assert.fail(`accepted: ${JSON.stringify(text.toString().slice(0, 80))}`);
}

const hex = (bytes: string) => Buffer.from(bytes.replaceAll(" ", ""), "hex");

/** Texts of the classes of JSONTestSuite's `y_`: JSON, whoever reads it. */
// biome-ignore format: a table is read across.
const VALID: readonly string[] = [
  "[]", "[[]]", "[ ]", "[[]   ]", "[null]", "[1]", "[1, 2]", '[""]', '["a"]', '["a","b"]', "[false]",
  "[true]", "[1\n]", " [1]", "[1,null,null,null,2]", "[2] ", '["asd "]', "[[1],[2,[3]]]", "[{},{}]",
  "0", "-0", "1", "-1", "12", "123", "1.5", "-1.5", "0.1", "-0.1", "0.5e1", "123.456", "123.456789",
  "0e1", "0e+1", "0e-1", "0E1", "0E+1", "0E-1", "1e1", "1E1", "1e+2", "1e-2", "1E+2", "1E-2", "1.5e3",
  "1E22", "123e45", "123e65", "123.456e78", "-123123123123123123123123123123", "-1.0e+28", "1e308",
  "-0.000000000000000000000000000000000000000000000000000000000000000000000000000001", "1e-400",
  "9007199254740993", "18446744073709551616", "20e1", "100000000000000000000000000000000000000", "true",
  "false", "null", '""', '" "', '"a"', "42", ' "asd"', "\t1\n", "\r\n1\r\n", " \t\r\n null\t\r\n ",
  "{}", "{ }", '{"a":1}', '{"a" : 1}', '{ "a" :1 , "b": 2 }', '{"":0}', '{"a":{"a":{"a":1}}}',
  '{"a":"b","c":"d"}', '{"a\\u0000b": 42}', '{"min": -1.0e+28, "max": 1.0e+28}', '{"a":[]}',
  '{\n"a": "b"\n}',
  '{"title":"\\u041f\\u043e"}', '{"x":[{"id":"a"}],"id":"b"}', '{"__proto":1}', '{"prototype":1}',
  '{"constructor":1}', '{"constructor":{"x":1}}', '{"constructor":[{"prototype":1}]}',
  '{"hasOwnProperty":1}', '{"a":{"constructor":1},"prototype":2}', '{"toString":1,"valueOf":2}',
  '{"1":1,"0":2}', '{"a":1,"A":2}', '"\\"\\\\\\/\\b\\f\\n\\r\\t"', '"\\""', '"\\u0060\\u012a\\u12AB"',
  '"\\uD801\\udc37"', '"\\u0000"', '"\\u0022"', '"\\ud83d\\ude39\\ud83d\\udc8d"', '"\\uDBFF\\uDFFF"',
  '"\\uD834\\uDd1e"', '"\\uFDD0"', '"\\uFFFE"', '"\\uffff"', '"\\uDBFF\\uDFFE"', '"\\u200B"', '"\\u2064"',
  '"\\u005C"', '"\\uA66D"', '"new\\u00A0line"', '"\\u0821"', '"a/*b*/c/*d//e"', '"\\\\n"', '"\\\\u0000"',
  '"\\\\a"', '"\\u0061\\u30af\\u30EA\\u30b9"', '"%"', '"{}[]:,"', '"é"', '"€"', '"😀"', '"\u2028"',
  '"\u2029"', '"\u007f"', '"\u0080"', '"\uffff"', '"\u{10ffff}"', '"￾"', '"π"',
  '"\u{1d11e}"', '"⍂㈴⍂"', '"\ufeff"', '"\ufffd"', '["\u{1f600}", "é"]', '{"é":1,"e\u0301":2}',
  "[".repeat(64) + "]".repeat(64), `${'{"a":'.repeat(64)}1${"}".repeat(64)}`,
];

/** Texts of the classes of JSONTestSuite's `n_`: not JSON. */
// biome-ignore format: a table is read across.
const INVALID: readonly (string | Buffer)[] = [
  "", " ", "\n", "\t\r\n ", "\0", "\u00a0", "\u2060", "\f[]", "[\f]", "[\u000b]", "[\u00a0]", "\u3000[]",
  "[]\0", "[1 true]", "[a", '["": 1]', '[""],', "[,1]", "[1,,2]", '["x",,]', '["x"]]', '["",]', '["x"',
  "[x", "[3[4]]", "[,]", "[-]", '[   , ""]', '["a",\n4\n,1,', "[1,]", "[*]", '[""', "[1,", "[1,\n1\n,1",
  "[{}", "[", "[1", "]", "[[", "[fals]", "[nul]", "[tru]", "fals", "nul", "tru", "True", "TRUE", "FALSE",
  "Null", "NULL", "truee", "nulll", "falsey",
  "undefined", "NaN", "-NaN", "Infinity", "-Infinity", "+Infinity", "Inf", "- Infinity", "nan", "None",
  "++1", "+1", "+Inf", "-01", "-1.0.", "-2.", "-foo", "- 1", "-012", "-.123", "-1x", "-", "--1", "-a",
  "0.1.2", "0.3e+", "0.3e", "0.e1", "0_1", "0e+-1", "0e", "0e+", "0E+", "0E", "0x1", "0x42", "0X1", "0b1",
  "0o7", "012", "00", "-00", "01", "1.", "1.0e+", "1.0e-", "1.0e", "1 000.0", "1e", "1ea", "1eE2", "1e+",
  "1e1.5", "1.5.5", "1,5", "1_000", "1a", "2.e+3", "2.e-3", "2.e3", ".1", ".", ".2e-3", ".e1", "9.e+",
  "1+2", "\uff11", "1'", "1f", "1L", "1n", "1e٣", "١", "e1", "E1", "{a:1}", "{a:'b'}", "{'a':0}", "{1:1}",
  "{null:1}", '{"a" b}', '{"x"::"b"}', '{"a":"a" 123}', '{"x", null}', '{"a":1,}', '{"a":1,,"b":2}',
  '{:"b"}', '{"a" "b"}', '{"a":', '{"a"', "{9999E9999:1}", '{"id":0,}', '{"id":0,,,,,}', "{,}", "{", "}",
  '{"a":"b"}/**/', '{"a":"b"}/*', '{"a":"b"}//', '{"a":/*c*/1}', '{"a":"b"}#', '{"a":"b",,"c":"d"}',
  "{'a':0}", '{"a":1;"b":2}', '{"a":"b"}#{}', '{"a": true} "x"', '{"a":0, b:1}', '{"a":[}', '{"a":1]',
  '["a":1]', '[{"a":1]', '{"a":{}', "{\"a':1}", '{"a"=1}', '"', '"a', '"\\', '"\\"', "'a'", "`a`", "a",
  "abc", '["\\uD800\\"]', '"\\u1"', '"\\u1x"', '"\\u"', '"\\u00A"', '"\\uqqqq"', '"\\x00"', '"\\a"',
  '"\\v"', '"\\0"', '"\\\'"', '"\\é"', '"\\😀"', '"\\\\\\"', '"\\{[\\"', '"\\U0041"', '"\\u{41}"', '"\\ "',
  '"a\nb"', '"a\tb"', '"\0"', '"\u001f"', '"\r"', '"a\u0000b"', '"\b"', '["a\u000ca"]', '"\\\n"',
  '"\\u00 1"', '"\\u+041"', "[][]", "{}{}", "1 2", "1]", '"a" "b"', "[]x", "{}}", "null null", "1,",
  "[1],", "[],[]", '""x', "//", "/**/", "[1]//", "#", "<.>", "<null>", "[<null>]", '[\\u000A""]', "{]",
  "[}", "[{", "{[", '{"', '["', '["a', "[{}}", "@", '["a", @]', "*", "´", "å", "[1}", '{"asd":"asd"',
  '["asd]', '{"a":"a', "[ false, nul", "[ true, fals", "[ false, tru", "2@", "{}#", "[\u2060]", "[⁠]",
  "[".repeat(100_000), '[{"":'.repeat(50_000), '{"a":'.repeat(100_000),
  ...["ff", "5b ff 5d", "22 ff 22", "22 80 22", "22 c0 af 22", "22 e0 80 af 22", "22 ed a0 80 22", "22 f4 90 80 80 22"].map(hex),
  ...["22 e9 22", "22 c3 22", "22 f0 9f 98 22", "31 e5", "5b 31 e5 5d", "7b 22 e9 22 3a 31 7d", "e5", "22 fc 80 80 80 80 80 22"].map(hex),
  ...["ef bb bf", "ef bb bf 7b 7d", "ef bb 7b 7d", "fe ff 00 5b 00 5d", "ff fe 5b 00 5d 00", "00 5b 00 5d", "5b 00 5d 00"].map(hex),
];

/** Texts on which parsers differ (JSONTestSuite's `i_`, and its two `y_` with repeated names): refused, on purpose. */
// biome-ignore format: a table is read across.
const AMBIGUOUS: readonly string[] = [
  '{"a":1,"a":2}', '{"a":1,"a":1}', '{"a":1,"\\u0061":2}', '{"a":{"b":1,"b":2}}', '[{"x":0,"y":1,"x":0}]',
  '{"":1,"":1}', '{"__proto__":1}', '{"__proto__":{"a":1}}', '{"\\u005f_proto__":1}',
  '[{"a":{"__proto__":null}}]', '{"__pro\\u0074o__":1}', '{"constructor":{"prototype":{"a":1}}}',
  '{"constructor":{"a":1,"prototyp\\u0065":1}}', '[{"constructor":{"prototype":1}}]', '"\\ud800"',
  '"\\udc00"', '"\\uDFAA"', '"\\uD800\\uD800"', '"\\uD800abc"', '"\\uDd1e\\uD834"', '"\\uD800\\n"',
  '"\\uD800\\\\uDC00"',
  '{"\\uDFAA":0}', '"\\uD800\\u0041"', '"\\ud83dx"', '["\\uDADA"]', '"\\uDBFF"', '"\\ud888\\u1234"',
  "1e309", "-1e309", "1e400", "-1e9999", "0.4e00669999999999999999999999999999999999", "1".repeat(400),
  "123123e100000", "[1.5e+9999]", `${"9".repeat(90)}e300`, `-${"9".repeat(309)}`,
  "[".repeat(65) + "]".repeat(65), `${'{"a":'.repeat(65)}1${"}".repeat(65)}`,
  "[".repeat(500) + "]".repeat(500),
];

describe("reading JSON", () => {
  for (const text of VALID) {
    test(`accepts ${JSON.stringify(text.slice(0, 40))}`, () => {
      assert.deepEqual(read(text), JSON.parse(text));
    });
  }
  for (const text of INVALID) {
    test(`refuses ${JSON.stringify(text.toString("latin1").slice(0, 40))}`, () => {
      refusal(text);
    });
  }
  for (const text of AMBIGUOUS) {
    test(`refuses what readers differ on: ${JSON.stringify(text.slice(0, 40))}`, () => {
      refusal(text);
    });
  }

  test("covers some three hundred texts", () => {
    assert.ok(VALID.length + INVALID.length + AMBIGUOUS.length >= 300);
  });

  test("says why, and where: line and column from 1, in characters", () => {
    const places: readonly [text: string | Buffer, line: number, column: number, reason: RegExp][] = [
      ["", 1, 1, /expected a value, found the end/],
      ["{\n  'a': 1\n}", 2, 3, /a name in double quotes/],
      ['{"é😀": x}', 1, 8, /expected a value/],
      ['{"a": 1,\r\n "b": 2,\r\n}', 3, 1, /a name in double quotes/],
      ['{"a": 1,\n "a": 2}', 2, 2, /stands twice/],
      ["[1, 2\n3]", 2, 1, /"," or "]"/],
      ['{"a": 1 "b"}', 1, 9, /"," or "}"/],
      ["[1]\n]", 2, 1, /end of the text/],
      ['"abc\n"', 1, 5, /control character/],
      ['["abc]', 1, 2, /no end/],
      ['["\\q"]', 1, 3, /no such escape/],
      ["[01]", 1, 2, /leading zeros/],
      ["[-]", 1, 3, /a digit/],
      [`${"[".repeat(64)}[`, 1, 65, /more than 64 levels/],
      [Buffer.from('["a",\n"\xe9"]', "latin1"), 2, 2, /not UTF-8/],
      ['{"__proto__": 1}', 1, 2, /prototypes/],
      ["\ufeff{}", 1, 1, /byte order mark/],
    ];
    for (const [text, line, column, reason] of places) {
      const error = refusal(text);
      assert.deepEqual([error.line, error.column], [line, column], String(text));
      assert.match(error.reason, reason);
      assert.equal(error.message, `line ${line}, column ${column}: ${error.reason}`);
    }
  });

  test("never says what the text holds", () => {
    for (const text of [
      '{"hunter2": hunter2}',
      '"hunter2',
      '{"hunter2":1,"hunter2":2}',
      '["hunter2" "hunter2"]',
    ]) {
      assert.doesNotMatch(refusal(text).message, /hunter2/);
    }
  });

  test("takes 10,000 names and 100,000 containers, and not one more", () => {
    const names = (count: number) => `{${Array.from({ length: count }, (_, i) => `"${i}":1`).join()}}`;
    const objects = (count: number) => `[${Array.from({ length: count }, (_, i) => `{"a":${i}}`).join()}]`;
    const lists = (count: number) => `[${"[],".repeat(count - 2)}[]]`;
    read(names(10_000));
    read(objects(10_000));
    read(lists(100_000));
    assert.match(refusal(names(10_001)).reason, /10000 names/);
    assert.match(refusal(objects(10_001)).reason, /10000 names/);
    assert.match(refusal(lists(100_001)).reason, /100000 objects and arrays/);
  });

  test("takes other limits from who asks", () => {
    const limits = { depth: 1, names: 1, containers: 1 };
    assert.deepEqual(read('{"a":1}', limits), { a: 1 });
    for (const text of ["[[]]", '{"a":1,"b":2}']) assert.throws(() => read(text, limits), JsonError);
  });

  test("keeps prototypes as they are", () => {
    const value = read('{"constructor":{"name":1},"prototype":{"polluted":1},"toString":2}') as object;
    assert.equal(Object.getPrototypeOf(value), Object.prototype);
    assert.equal(({} as { polluted?: unknown }).polluted, undefined);
  });

  test("gives what JSON.parse gives, for whatever JSON.stringify writes", () => {
    fc.assert(
      fc.property(fc.json({ maxDepth: 8 }), (text) => {
        fc.pre(!text.includes("__proto__"));
        assert.deepEqual(read(text), JSON.parse(text));
      }),
    );
  });

  test("accepts nothing that JSON.parse refuses, and for plain text refuses nothing that it accepts", () => {
    const piece = fc.constantFrom(
      ...'[]{}:,"\\0123456789.eE+-truefalsn \n\tu',
      '"a"',
      '"b":',
      "1e5",
      "null",
      "\\u00e9",
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
        const text = pieces.join("");
        assert.equal(
          accepts(() => read(text)),
          accepts(() => plainParse(text)),
          text,
        );
      }),
      { numRuns: 20_000 },
    );
  });
});

function accepts(parse: () => unknown): boolean {
  try {
    parse();
    return true;
  } catch {
    return false;
  }
}

/** `JSON.parse`, refusing repeated names and infinite numbers as we do. */
function plainParse(text: string): void {
  const value: unknown = JSON.parse(text);
  const names = [...text.matchAll(/"((?:[^"\\]|\\.)*)"\s*:/g)].map(
    ([, name]) => JSON.parse(`"${name}"`) as string,
  );
  let count = 0;
  const walk = (one: unknown): void => {
    if (one === Number.POSITIVE_INFINITY || one === Number.NEGATIVE_INFINITY) throw new Error("infinite");
    if (typeof one !== "object" || one === null) return;
    if (!Array.isArray(one)) count += Object.keys(one).length;
    for (const inner of Object.values(one)) walk(inner);
  };
  walk(value);
  if (count !== names.length) throw new Error("a repeated name");
}
