/** Where idempotency may stand among the policies of a route (IDEM-9). */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { checkConfig } from "../../src/config/load.ts";
import { makePlan } from "../../src/config/plan.ts";
import { ConfigError, formatProblem } from "../../src/config/problem.ts";
import type { ConfigInput } from "../../src/config/schema.ts";
import { sourceOf } from "../../src/config/source.ts";
import { dryWorld } from "../../src/threads/dry.ts";

const SCHEMA = { body: { type: "object" } };
const JWT = {
  issuers: [{ issuer: "https://i.example", audience: "api", keys: [{ secret: "s".repeat(32) }] }],
};
const LIMIT = { limit: 1, window: "1s" };

/** What the config's author is told: errors, or else warnings. */
function told(own: readonly unknown[], everywhere: readonly unknown[] = [], more: object = {}): string[] {
  const config = {
    policies: everywhere,
    routes: [{ path: "/a", to: { fixed: {} }, policies: own }],
    ...more,
  } as unknown as ConfigInput;
  try {
    const { warnings, close } = makePlan(checkConfig(sourceOf(config)), dryWorld);
    close();
    return warnings.map((warning) => `warning ${formatProblem(warning)}`);
  } catch (error) {
    assert.ok(error instanceof ConfigError, String(error));
    return error.problems.map((problem) => `error ${formatProblem(problem)}`);
  }
}

const IDEMPOTENCY = { idempotency: {} };

describe("idempotency among other policies", () => {
  test("is well placed behind those that know the caller and limit him, and before validation", () => {
    const own = [
      { cors: { origins: ["*"] } },
      { "ip-allow": { allow: ["10.0.0.0/8"] } },
      { "api-key": { optional: true } },
      { jwt: { ...JWT, optional: true } },
      { authorize: { scopes: ["a"] } },
      { "rate-limit": LIMIT },
      { "body-limit": { max: "1kb" } },
      IDEMPOTENCY,
      { validate: SCHEMA },
    ];
    assert.deepEqual(told(own), []);
    assert.deepEqual(told(own.slice(5), own.slice(0, 5)), []);
  });

  const strict: Readonly<Record<string, object>> = {
    "api-key": {},
    jwt: JWT,
    authorize: { public: true },
    "ip-allow": { allow: ["10.0.0.0/8"] },
  };
  for (const [name, options] of Object.entries(strict)) {
    test(`cannot stand before ${name}: somebody else would get the answers`, () => {
      const wrong = [IDEMPOTENCY, { [name]: options }];
      for (const [problem, ...more] of [told(wrong), told(wrong.slice(1), wrong.slice(0, 1))]) {
        assert.match(problem ?? "", new RegExp(`^error .*: ${name} belongs before idempotency: `));
        assert.deepEqual(more, []);
      }
    });
  }

  const lenient: readonly (readonly [string, readonly unknown[], RegExp])[] = [
    ["before rate-limit", [IDEMPOTENCY, { "rate-limit": LIMIT }], /rate-limit belongs before idempotency/],
    ["before body-limit", [IDEMPOTENCY, { "body-limit": { max: "1kb" } }], /body-limit belongs before/],
    ["behind validate", [{ validate: SCHEMA }, IDEMPOTENCY], /validate belongs behind idempotency/],
  ];
  for (const [where, own, expected] of lenient) {
    test(`is warned of ${where}`, () => {
      const [problem, ...more] = told(own);
      assert.match(problem ?? "", /^warning /);
      assert.match(problem ?? "", expected);
      assert.deepEqual(more, []);
    });
  }

  test("may stand before what runs for other methods", () => {
    assert.deepEqual(
      told([
        { ...IDEMPOTENCY, when: { methods: ["POST"] } },
        { "rate-limit": LIMIT, when: { methods: ["GET"] } },
      ]),
      [],
    );
  });

  test("is there once for each method", () => {
    assert.match(told([IDEMPOTENCY], [IDEMPOTENCY])[0] ?? "", /^error .*listed twice for the same method/);
    const forMethod = (method: string) => ({ ...IDEMPOTENCY, when: { methods: [method] } });
    assert.deepEqual(told([forMethod("POST"), forMethod("PATCH")]), []);
  });

  test("needs a store of records", () => {
    const [problem] = told([IDEMPOTENCY], [], { store: { records: "none" } });
    assert.match(problem ?? "", /^error .*needs a store of records, and store\.records is none/);
  });
});
