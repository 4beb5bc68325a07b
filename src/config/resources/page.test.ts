import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { pathToFileURL } from "node:url";
import { Ajv2020 } from "ajv/dist/2020.js";
import { parse } from "yaml";
import { dryWorld } from "../../threads/dry.ts";
import { loadPlan } from "../plan.ts";

const ROOT = join(import.meta.dirname, "../../..");
const page = readFileSync(join(ROOT, "docs/resources.md"), "utf8");
const blocks = (language: string): string[] =>
  [...page.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\``, "gms"))].map(([, text = ""]) => text);

describe("docs/resources.md", () => {
  test("has examples that load, without a warning", async () => {
    const folder = mkdtempSync(join(tmpdir(), "resources-page-"));
    // Outside of the package nobody knows it by its name.
    const here = JSON.stringify(pathToFileURL(join(ROOT, "src/index.ts")).href);
    try {
      const examples = [
        ...blocks("yaml").map((text) => [".yaml", text]),
        ...blocks("ts").map((text) => [".ts", text.replace('"turnpike"', here)]),
      ];
      assert.equal(examples.length, 2);
      for (const [extension = "", text = ""] of examples) {
        const file = join(folder, `example${extension}`);
        writeFileSync(file, text);
        const made = await loadPlan(file, dryWorld);
        assert.deepEqual(made.warnings, []);
        assert.equal(made.plan.resources.size, 2);
      }
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test("has an example that editors find no fault with", () => {
    const schema = JSON.parse(readFileSync(join(ROOT, "turnpike.schema.json"), "utf8"));
    const validate = new Ajv2020({ strict: false, allErrors: true }).compile(schema);
    validate(parse(blocks("yaml")[0] ?? ""));
    assert.deepEqual(validate.errors, null);
  });

  test("names every option of a resource", () => {
    const schema = JSON.parse(readFileSync(join(ROOT, "turnpike.schema.json"), "utf8"));
    const resource = schema.properties.resources.additionalProperties;
    const [action] = [resource.properties.actions.additionalProperties];
    const field = resource.properties.fields.additionalProperties.anyOf.find(
      ({ properties }: { properties?: object }) => properties !== undefined,
    );
    const parts = [resource, field, action, resource.properties.id, resource.properties.list];
    const keys = parts.flatMap(({ properties }) => Object.keys(properties));
    const missing = keys.filter((key) => !new RegExp(`\\b${key}\\b`).test(page));
    assert.deepEqual(missing, []);
  });
});
