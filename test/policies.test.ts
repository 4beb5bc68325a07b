/** Every policy is whole: code, options, tests, a page and an example that can be used. */
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { z } from "zod";
import { loadPlan } from "../src/config/plan.ts";
import { policies } from "../src/policies/index.ts";
import { dryWorld } from "../src/threads/dry.ts";

const root = join(import.meta.dirname, "../src/policies");

/** What an example takes from the environment. */
const environment = {
  JWT_SECRET: "a secret of thirty-two bytes, or more",
};

describe("the list of policies", () => {
  test("is alphabetical", () => {
    const names = policies.map(({ name }) => name);
    assert.deepEqual(names, [...names].sort());
  });

  for (const { name, options, rejects } of policies) {
    const file = (suffix: string): string => join(root, name, `${name}${suffix}`);

    test(`${name} has code, options, a test, a page and an example`, () => {
      for (const suffix of [".ts", ".options.ts", ".test.ts", ".md", ".example.yaml"]) {
        assert.ok(existsSync(file(suffix)), `${name}${suffix} is missing`);
      }
    });

    test(`${name}'s page names each of its options and of its errors`, () => {
      const page = readFileSync(file(".md"), "utf8");
      const { properties = {} } = z.toJSONSchema(options, { io: "input", unrepresentable: "any" });
      const lacking = [...Object.keys(properties), ...rejects].filter((word) => !page.includes(`\`${word}`));
      assert.deepEqual(lacking, []);
    });

    test(`${name}'s example is a config that can be used, and uses it`, async () => {
      const { plan, close } = await loadPlan(file(".example.yaml"), dryWorld, { environment });
      close();
      assert.ok(plan.routes.some(({ steps }) => steps.some((step) => step.name === name)));
    });
  }
});
