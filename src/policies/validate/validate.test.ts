/** What is said of a config that cannot be used. How requests are answered: test/validate. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { describe, test } from "node:test";
import { noMetrics } from "../../core/metrics.ts";
import type { PolicyTools } from "../../core/tools.ts";
import { validateOptions } from "./validate.options.ts";
import { validate } from "./validate.ts";

/** Makes the policy; `files` by name. */
function create(options: object, files: Readonly<Record<string, unknown>> = {}): string[] {
  const warnings: string[] = [];
  const log = {
    info: () => {},
    error: () => {},
    warn: (_: unknown, message: string) => warnings.push(message),
  };
  const tools = {
    place: "route/validate",
    log,
    metrics: noMetrics,
    onClose: () => {},
    readFile(file: string) {
      const content = files[file];
      if (content === undefined) throw new Error(`there is no ${file}`);
      return Buffer.from(typeof content === "string" ? content : JSON.stringify(content));
    },
  };
  validate.create(validateOptions.parse(options), tools as unknown as PolicyTools);
  return warnings;
}

const api = (paths: object, more: object = {}) => ({ "api.json": { openapi: "3.1.0", paths, ...more } });
const refused = (reason: RegExp, options: object, files?: Readonly<Record<string, unknown>>) =>
  assert.throws(() => create(options, files), reason);

describe("the options of validate", () => {
  test("are one document, or schemas, and say which of them go together", () => {
    const messages = (options: object) => {
      const { error } = validateOptions.safeParse(options);
      return error?.issues.map(({ path, message }) => `${path.join(".")}: ${message}`) ?? [];
    };
    assert.deepEqual(messages({}), [": needs a schema: openapi, or one of params, query, headers and body"]);
    assert.deepEqual(messages({ openapi: "a.yaml", body: {} }), [
      "body: cannot stand beside openapi, which says the same",
    ]);
    assert.deepEqual(messages({ query: {}, basePath: "/v1", bodyRequired: true }), [
      "basePath: only means something with openapi",
      "bodyRequired: only means something with body",
    ]);
    assert.equal(messages({ openapi: "a.yaml", basePath: "v1" }).length, 1);
    assert.deepEqual(messages({ body: {}, unknownFields: "reject", maxBody: "10mb", mode: "report" }), []);
  });
});

describe("a schema", () => {
  test("may be in a file, of YAML or JSON", () => {
    create(
      { body: "a.yaml" },
      { "a.yaml": "type: object\nproperties:\n  a: { $ref: '#/$defs/b' }\n$defs: { b: true }" },
    );
    create(
      { body: "a.json" },
      { "a.json": { $id: "https://x.example/a", $ref: "https://x.example/a#/$defs/b", $defs: { b: {} } } },
    );
    refused(/a\.json cannot be read/, { body: "a.json" }, { "a.json": "{" });
    refused(/a\.yaml cannot be read/, { body: "a.yaml" }, { "a.yaml": "a: [" });
    refused(/there is no a\.yaml/, { body: "a.yaml" });
  });

  test("never leads out of its document", () => {
    const leadsOut = /body at #\/properties\/a\/\$ref: \$ref to ".*" leads out of the document/;
    for (const $ref of [
      "https://example.com/x.json",
      "other.json#/a",
      "file:///etc/passwd",
      "http://169.254.169.254/",
    ]) {
      refused(leadsOut, { body: { properties: { a: { $ref } } } });
    }
    refused(/leads nowhere/, { body: { $ref: "#/$defs/none" } });
    refused(/leads nowhere/, { body: { $ref: "#/toString" } });
    refused(/anchors are not supported/, { body: { $ref: "#here" } });
    refused(/\$dynamicRef: is not supported/, { body: { $dynamicRef: "#x" } });
  });

  test("may refer to itself", () => {
    const tree = {
      type: "object",
      properties: { children: { type: "array", items: { $ref: "#" }, contains: { $ref: "#" } } },
    };
    create({ body: tree, unknownFields: "reject" });
  });

  test("may be one of hundreds that refer to each other in a circle", () => {
    const schemas = Array.from({ length: 400 }, (_, i) => [
      `s${i}`,
      {
        type: "object",
        properties: {
          next: { $ref: `#/$defs/s${(i + 1) % 400}` },
          far: { $ref: `#/$defs/s${(i * 7) % 400}` },
        },
      },
    ]);
    create({
      body: { $ref: "#/$defs/s0", $defs: Object.fromEntries(schemas) as object },
      unknownFields: "reject",
    });
  });

  test("with a mistake is refused with the place of it", () => {
    refused(/body: strict mode: unknown keyword: "propertys"/, { body: { propertys: {} } });
    refused(/body at #\/type: must be array, boolean, .* or string/, { body: { type: "text" } });
    refused(/query at #\/properties\/a\/minimum: must be number/, {
      query: { properties: { a: { minimum: "1" } } },
    });
    refused(/body at #\/properties\/a: expected a schema/, { body: { properties: { a: 1 } } });
    refused(/body at #\/properties\/a\/pattern: the pattern "\(" is not a regular expression/, {
      body: { properties: { a: { pattern: "(" } } },
    });
    refused(/the pattern "\(a\)\\\\1" has a back reference/, { body: { pattern: "(a)\\1" } });
    refused(/at #\/patternProperties\/\(\?=a\): the pattern .* lookaround/, {
      body: { patternProperties: { "(?=a)": true } },
    });
  });

  test("with a format that nobody knows works, and a warning says that it is not checked", () => {
    assert.deepEqual(create({ body: { properties: { a: { format: "e-mail" }, b: { format: "email" } } } }), [
      'body at #/properties/a/format: the format "e-mail" is not known and not checked',
    ]);
  });
});

describe("an OpenAPI document", () => {
  const openapi = { openapi: "api.json" };

  test("of another version is refused", () => {
    refused(/api\.json at #\/openapi: is "3\.0\.3"; convert the document to 3\.1/, openapi, {
      "api.json": { openapi: "3.0.3" },
    });
    refused(/is no OpenAPI document/, openapi, { "api.json": { swagger: "2.0" } });
    refused(/is no OpenAPI document/, openapi, { "api.json": [] });
    create(openapi, { "api.json": { openapi: "3.2.0", components: {} } });
  });

  test("with what cannot be read is refused with the place of it", () => {
    const at = (parameter: object) => api({ "/a/{id}": { get: { parameters: [parameter] } } });
    refused(
      /parameters\/0: expected a parameter with "name" and "in"/,
      openapi,
      at({ name: "a", in: "body" }),
    );
    refused(/the path \/a\/\{id\} has no \{x\}/, openapi, at({ name: "x", in: "path", schema: {} }));
    refused(
      /the style "matrix" in the path is not supported/,
      openapi,
      at({ name: "id", in: "path", style: "matrix" }),
    );
    refused(
      /at #\/paths\/~1a~1\{id\}\/get\/parameters\/0\/schema: \$ref to "x.json" leads out/,
      openapi,
      at({
        name: "q",
        in: "query",
        schema: { $ref: "x.json" },
      }),
    );
    refused(
      /at #\/paths\/~1a\/post\/requestBody.*schema: .*unknown keyword/,
      openapi,
      api({
        "/a": { post: { requestBody: { content: { "application/json": { schema: { nope: 1 } } } } } },
      }),
    );
    refused(/two paths of the document mean the same/, openapi, api({ "/a/{x}": {}, "/a/{y}": {} }));
    refused(
      /leads in a circle/,
      openapi,
      api({ "/a": { $ref: "#/paths/~1b" }, "/b": { $ref: "#/paths/~1a" } }),
    );
  });
});

describe("a gateway that validates nothing", () => {
  test("does not load what validates", () => {
    const list = join(import.meta.dirname, "../index.ts");
    const script = `await import(${JSON.stringify(list)});
      const { default: { _cache } } = await import("node:module");
      process.stdout.write(Object.keys(_cache).filter((file) => file.includes("/ajv")).join());`;
    assert.equal(
      execFileSync(process.execPath, ["--input-type=module", "-e", script], { encoding: "utf8" }),
      "",
    );
  });
});
