import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { compilePattern } from "./pattern.ts";

/** Patterns as people write them into schemas. */
const PATTERNS = [
  "^[a-z0-9]+(?:-[a-z0-9]+)*$",
  "^\\d{3}-\\d{2,4}$",
  "^(?=.*[A-Z])(?=.*\\d)(?!.*\\s).{8,}$",
  "^(a|b)*c?$",
  "foo|^bar$|baz\\b".replace("\\b", ""),
  "^\\p{Lu}\\p{Ll}*(?: \\p{Lu}\\p{Ll}*)*$",
  "^[^\\s@]+@[^\\s@]+\\.[^\\s@]+$",
  "\\.(?:png|jpe?g)$",
  "^$",
  "",
  "$^",
  "a{0}b{2}",
  "^(?<year>\\d{4})-(?<month>0[1-9]|1[0-2])$",
  "^[\\]\\[\\\\]+$",
  "^.$",
  "^\\u{1F600}|\\uD83D\\uDE00$",
  "[\\u0400-\\u04FF]",
  "(?:)*x",
  "(a*)*b",
  "^x*?y+?$",
  "^\\/[^/]*$",
  "(^a|b$)c?",
];

/** What takes a backtracking engine years, or at least seconds. */
const ATTACKS: readonly [pattern: string, text: string][] = [
  ["^(a+)+$", `${"a".repeat(65_535)}!`],
  ["^(a|a)*$", `${"a".repeat(65_535)}!`],
  ["^(a|aa)+$", `${"a".repeat(65_535)}!`],
  ["^(.*)*x$", "a".repeat(65_536)],
  ["(.*)(.*)(.*)(.*)(.*)x", "a".repeat(65_536)],
  ["^([a-z]+)*@", "a".repeat(65_536)],
  ["\\s+$", `${" ".repeat(65_535)}x`],
  ["^(?:[a-z0-9]+\\.?)+$", `${"a.".repeat(32_767)}!`],
  ["^(([a-z])+.)+[A-Z]([a-z])+$", "a".repeat(65_536)],
  ["^(?=(a+)+$)(a+)+$", `${"a".repeat(65_535)}!`],
  ["^(\\w+\\s?)*$", `${"ab ".repeat(21_845)}!`],
];

describe("a pattern", () => {
  for (const pattern of PATTERNS) {
    test(`${JSON.stringify(pattern)} matches what the language's own engine matches`, () => {
      const ours = compilePattern(pattern);
      const theirs = new RegExp(pattern, "u");
      const character = fc.constantFrom(
        ..."aabbcxyzABZ019-@. \n/[]\\é😀Яя",
        "foo",
        "bar",
        ".png",
        "2026-",
        "ab",
      );
      fc.assert(
        fc.property(fc.array(character, { maxLength: 12 }), (characters) => {
          const text = characters.join("");
          assert.equal(ours.test(text), theirs.test(text), JSON.stringify(text));
        }),
        { numRuns: 2_000 },
      );
    });
  }

  test("of any shape matches what the language's own engine matches", () => {
    const { expression } = fc.letrec<{ expression: string }>((tie) => ({
      expression: fc.oneof(
        { maxDepth: 4, depthIdentifier: "pattern" },
        fc.constantFrom("a", "b", ".", "[ab]", "[^a]", "\\d", "^", "$", ""),
        fc.tuple(tie("expression"), tie("expression")).map(([left, right]) => `${left}${right}`),
        fc.tuple(tie("expression"), tie("expression")).map(([left, right]) => `(?:${left}|${right})`),
        fc
          .tuple(tie("expression"), fc.constantFrom("*", "+", "?", "{2}", "{1,3}", "{2,}", "*?"))
          .map(([inner, times]) => `(?:${inner})${times}`),
      ),
    }));
    fc.assert(
      fc.property(expression, fc.stringMatching(/^[ab0]{0,6}$/), (pattern, text) => {
        assert.equal(
          compilePattern(pattern).test(text),
          new RegExp(pattern, "u").test(text),
          `${pattern} ${text}`,
        );
      }),
      { numRuns: 3_000 },
    );
  });

  for (const [pattern, text] of ATTACKS) {
    test(`${pattern} answers for 64 KiB made to keep it busy`, () => {
      assert.equal(compilePattern(pattern).test(text), false);
    });
  }

  test("goes on being right when it has met more than it remembers", () => {
    const pattern = compilePattern("(?:a|b)*a(?:a|b){12}$");
    const theirs = /a[ab]{12}$/u;
    for (let i = 0; i < 6_000; i++) {
      const text = (i * 2_654_435_761).toString(2).replaceAll("0", "a").replaceAll("1", "b");
      assert.equal(pattern.test(text), theirs.test(text), text);
    }
  });

  test("that cannot be matched in linear time, or is none, is refused with the reason", () => {
    const refused: readonly [pattern: string, reason: RegExp][] = [
      ["(a)\\1", /back reference/],
      ["(?<x>a)\\k<x>", /back reference/],
      ["a(?=b)", /lookaround/],
      ["(?=a)b", /lookaround/],
      ["^(?=a)b|c", /choice in a group/],
      ["(?<!a)b", /lookaround/],
      ["\\bword\\b", /\\b/],
      ["(?i:a)", /not supported/],
      ["(", /not a regular expression/],
      ["\\-", /not a regular expression/],
      ["(?:a{1000}){1000}", /repeats too much/],
    ];
    for (const [pattern, reason] of refused) assert.throws(() => compilePattern(pattern), reason, pattern);
  });
});
