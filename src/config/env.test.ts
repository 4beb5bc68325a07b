// biome-ignore-all lint/suspicious/noTemplateCurlyInString: they are what is tested
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { substitute } from "./env.ts";

const ENVIRONMENT = { HOST: "carrier.internal", PORT: "9001", EMPTY: "", TRICKY: "$& ${HOST} $1" };

describe("variables in a text", () => {
  const cases: [text: string, result: string][] = [
    ["http://${HOST}:${PORT}", "http://carrier.internal:9001"],
    ["${MISSING:-fallback}", "fallback"],
    ["${EMPTY:-fallback}", "fallback"],
    ["${EMPTY}", ""],
    ["${HOST:-fallback}", "carrier.internal"],
    ["${MISSING:-}", ""],
    ["${MISSING:-a:-b}", "a:-b"],
    ["$${HOST}", "${HOST}"],
    ["$$${HOST}", "$${HOST}"],
    ["$HOST {HOST} $ costs $5", "$HOST {HOST} $ costs $5"],
    ["${TRICKY}", "$& ${HOST} $1"],
    ["", ""],
  ];
  for (const [text, result] of cases) {
    test(`${JSON.stringify(text)} becomes ${JSON.stringify(result)}`, () => {
      assert.deepEqual(substitute(text, ENVIRONMENT), { text: result, problems: [] });
    });
  }

  const problems: [text: string, problem: RegExp][] = [
    ["${MISSING}", /variable MISSING is not set; set it, or write \$\{MISSING:-default\}/],
    ["${HOST", /never closed/],
    ["${}", /\$\{\} is not a variable/],
    ["${MY-HOST}", /is not a variable/],
    ["${1ST}", /is not a variable/],
    ["${toString}", /toString is not set/],
  ];
  for (const [text, problem] of problems) {
    test(`${JSON.stringify(text)} is a problem, and stays as it is`, () => {
      const result = substitute(text, ENVIRONMENT);
      assert.equal(result.text, text);
      assert.equal(result.problems.length, 1);
      assert.match(result.problems[0] ?? "", problem);
    });
  }
});
