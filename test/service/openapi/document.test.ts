/** The document that is made of resources: held to the official schema, and to what no schema can say. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { Ajv2020 } from "ajv/dist/2020.js";
import addFormats from "ajv-formats";
import { loadPlan } from "../../../src/config/plan.ts";
import { catalogue } from "../../../src/core/errors.ts";
import { openApiOf } from "../../../src/service/openapi/index.ts";
import { dryWorld } from "../../../src/threads/dry.ts";
import { definitions, shopOf } from "../shop.ts";
import { everything } from "./everything.ts";

type Json = Record<string, unknown>;

const fixture = join(import.meta.dirname, "openapi-3.1.schema.json");
const official = validator();
official.addFormat("media-range", true);
// Ajv does not find a dynamic anchor that stands in `$defs`; there is only one, so a plain reference means the same.
const schemaText = readFileSync(fixture, "utf8").replaceAll(
  '"$dynamicRef": "#meta"',
  '"$ref": "#/$defs/schema"',
);
const isOpenApi = official.compile(JSON.parse(schemaText));

function validator(): Ajv2020 {
  const ajv = new Ajv2020({ strict: false, allErrors: true });
  (addFormats as unknown as (one: Ajv2020) => void)(ajv);
  return ajv;
}

const example = join(import.meta.dirname, "../../../examples/shop/turnpike.config.ts");
const { plan: shop } = await loadPlan(example, dryWorld);
const documents: (readonly [name: string, document: Json])[] = [];
for (const version of shop.versions?.list ?? []) {
  const { resources, versions } = shop;
  documents.push([
    `the example shop in version ${version.name}`,
    openApiOf(resources, { title: "Shop", version, versions }) as Json,
  ]);
}
for (const [name, made] of [
  ["everything", everything()],
  ["the shop of the tests", shopOf("sqlite:x.db")],
] as const) {
  for (const version of made.versions) {
    const document = openApiOf(made.resources, { title: "API", version, versions: made.plan }) as Json;
    documents.push([`${name} in version ${version.name}`, document]);
  }
}

const isObject = (value: unknown): value is Json =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Everything in a document, with where it stands. */
function* walk(value: unknown, pointer = ""): Generator<readonly [pointer: string, value: Json]> {
  if (Array.isArray(value)) for (const [i, one] of value.entries()) yield* walk(one, `${pointer}/${i}`);
  if (!isObject(value)) return;
  yield [pointer, value];
  for (const [name, one] of Object.entries(value)) {
    const isValue =
      ["example", "examples", "enum"].includes(name) ||
      (name === "default" && !pointer.endsWith("/responses"));
    if (isValue) continue;
    yield* walk(one, `${pointer}/${encodeURIComponent(name.replaceAll("~", "~0").replaceAll("/", "~1"))}`);
  }
}

function at(document: Json, ref: string): unknown {
  let value: unknown = document;
  for (const step of ref.slice(2).split("/"))
    value = (value as Json)?.[decodeURIComponent(step).replaceAll("~1", "/").replaceAll("~0", "~")];
  return value;
}

function operationsOf(document: Json): [name: string, path: string, operation: Json][] {
  return Object.entries(document["paths"] as Json).flatMap(([path, item]) =>
    Object.entries(item as Json).map(([method, one]): [string, string, Json] => [
      `${method} ${path}`,
      path,
      one as Json,
    ]),
  );
}

for (const [name, document] of documents) {
  describe(`the document of ${name}`, () => {
    test("is valid by the official schema of OpenAPI 3.1", () => {
      assert.equal(isOpenApi(document), true, JSON.stringify(isOpenApi.errors?.slice(0, 5), null, 1));
    });

    test("has schemas that are valid JSON Schema 2020-12", () => {
      const ajv = validator();
      for (const [pointer, value] of walk(document)) {
        const isSchema = pointer.endsWith("/schema") || /^\/components\/schemas\/[^/]+$/.test(pointer);
        if (isSchema) assert.equal(ajv.validateSchema(value), true, `${pointer}: ${ajv.errorsText()}`);
      }
    });

    test("refers only to what is there, and holds nothing that nobody refers to", () => {
      const used = new Set<string>();
      for (const [pointer, { $ref }] of walk(document)) {
        if (typeof $ref !== "string") continue;
        assert.notEqual(at(document, $ref), undefined, `${pointer} refers to ${$ref}`);
        used.add($ref);
      }
      const known = Object.entries(document["components"] as Json).flatMap(([kind, all]) =>
        kind === "securitySchemes"
          ? []
          : Object.keys(all as Json).map((one) => `#/components/${kind}/${one}`),
      );
      assert.deepEqual(
        known.filter((one) => !used.has(one)),
        [],
      );
    });

    test("calls every operation by a name of its own, and says who may, and what becomes of it", () => {
      const schemes = Object.keys((document["components"] as Json)["securitySchemes"] as Json);
      const ids = operationsOf(document).map(([what, , operation]) => {
        const { summary, tags, responses, security, operationId } = operation;
        assert.ok(typeof summary === "string" && summary !== "" && Array.isArray(tags), what);
        assert.ok(Array.isArray(security) && security.length > 0, what);
        for (const way of security as Json[])
          for (const scheme of Object.keys(way)) assert.ok(schemes.includes(scheme));
        const statuses = Object.keys(responses as Json);
        for (const status of ["400", "401", "403", "404", "422", "429", "500", "503", "default"])
          assert.ok(statuses.includes(status), `${what} does not know ${status}`);
        return operationId;
      });
      assert.equal(new Set(ids).size, ids.length);
      assert.ok(
        ids.every((id) => /^[a-z][A-Za-z0-9]*$/.test(String(id))),
        ids.join(),
      );
    });

    test("declares the parameters of every path, and each parameter once", () => {
      for (const [what, path, operation] of operationsOf(document)) {
        const parameters = (operation["parameters"] as Json[]).map(
          (one) => at(document, String(one["$ref"])) as Json,
        );
        const places = parameters.map((one) => `${String(one["in"])} ${String(one["name"]).toLowerCase()}`);
        assert.equal(new Set(places).size, places.length, what);
        const inPath = parameters.filter((one) => one["in"] === "path").map((one) => one["name"]);
        assert.deepEqual(
          inPath,
          [...path.matchAll(/\{(\w+)\}/g)].map(([, one]) => one),
          what,
        );
      }
    });

    test("shows only examples that fit their own schemas", () => {
      const ajv = validator();
      ajv.addSchema(document, "document");
      let count = 0;
      for (const [pointer, value] of walk(document)) {
        const inSchema = Array.isArray(value["examples"]) && pointer.includes("/schemas/");
        const shown = inSchema
          ? (value["examples"] as unknown[])
          : "example" in value && "schema" in value
            ? [value["example"]]
            : [];
        const place = `document#${pointer}${inSchema ? "" : "/schema"}`;
        for (const one of shown) {
          count++;
          const fits = ajv.compile({ $ref: place });
          assert.equal(fits(one), true, `${pointer}: ${JSON.stringify(one)} ${ajv.errorsText(fits.errors)}`);
        }
      }
      assert.ok(count > 50, "the examples were found");
    });

    test("shows an example for every body", () => {
      for (const [pointer, value] of walk(document)) {
        if (/\/content\/[^/]+$/.test(pointer)) assert.ok("example" in value, pointer);
      }
    });

    test("names for every status exactly codes of the catalogue that have it", () => {
      for (const [what, , operation] of operationsOf(document)) {
        for (const [status, response] of Object.entries(operation["responses"] as Json)) {
          if (!/^[45]/.test(status)) continue;
          const { $ref } = response as Json;
          const text = JSON.stringify(at(document, String($ref)));
          const codes = JSON.parse(
            /"enum":(\[[^\]]*\])/.exec(text)?.[1] ?? "[]",
          ) as (keyof typeof catalogue)[];
          assert.ok(codes.length > 0, `${what} ${status}`);
          for (const code of codes) assert.equal(catalogue[code].status, Number(status), `${what} ${code}`);
        }
      }
    });
  });
}

describe("an OpenAPI document", () => {
  const of = (place: string, version: string): Json => {
    const made = everything();
    const one = made.versions.find(({ name }) => name === version) ?? null;
    return at(
      openApiOf(made.resources, { title: "API", version: one, versions: made.plan }) as Json,
      place,
    ) as Json;
  };

  test("is the same, to the byte, each time it is made", () => {
    const [one, other] = [everything(), everything()].map(({ resources, plan, versions: [version = null] }) =>
      JSON.stringify(openApiOf(resources, { title: "API", version, versions: plan })),
    );
    assert.equal(one, other);
  });

  test("shows fields in the version that has them, by the name that they have there", () => {
    const [old, now] = ["1", "2"].map((version) =>
      Object.keys(of("#/components/schemas/PartialOrder/properties", version)),
    );
    assert.ok(old?.includes("old_name") && old.includes("caption") && !old.includes("title"));
    assert.ok(now?.includes("new_name") && now.includes("title") && !now.includes("old_name"));
  });

  test("lets nobody give what is read-only, and shows nobody what is write-only", () => {
    const create = of("#/components/schemas/OrderCreate", "2");
    const shown = of("#/components/schemas/PartialOrder", "2");
    assert.equal(create["additionalProperties"], false);
    const given = Object.keys(create["properties"] as Json);
    for (const name of ["id", "status", "double", "created_at", "updated_at", "account_name"])
      assert.ok(!given.includes(name), name);
    assert.ok(given.includes("secret") && !Object.keys(shown["properties"] as Json).includes("secret"));
    assert.deepEqual(create["required"], ["account", "number", "quantity"]);
  });

  test("keeps a schema of the config whole, with its references where they lead now", () => {
    const address = of("#/components/schemas/Order_address", "2");
    assert.deepEqual((address["properties"] as Json)["again"], {
      $ref: "#/components/schemas/Order_address",
    });
    const text = JSON.stringify(address);
    assert.ok(text.includes("#/components/schemas/Order_address/$defs/line"), text);
  });

  test("gives a resource another name that is called like something else in it", () => {
    const schemas = Object.keys(of("#/components/schemas", "2"));
    for (const name of [
      "Error",
      "Error2",
      "OrderList",
      "OrderList2",
      "Order_list",
      "Category",
      "Category_list",
    ].slice(0, 4))
      assert.ok(schemas.includes(name), `${name} in ${schemas.join()}`);
  });

  test("asks for the scopes of an operation, and of what it is inside of", () => {
    const security = (path: string) =>
      of(`#/paths/${encodeURIComponent(path.replaceAll("/", "~1"))}/get/security`, "2");
    assert.deepEqual(security("/orders"), [{ apiKey: ["orders:read"] }, { bearer: ["orders:read"] }]);
    assert.deepEqual(security("/accounts"), [{ apiKey: [] }, { bearer: [] }]);
    assert.deepEqual(security("/categories")[0 as unknown as string], {});
    const post = of("#/paths/~1accounts/post/security", "2");
    assert.deepEqual(post[0 as unknown as string], { apiKey: ["accounts:write"] });
    assert.deepEqual(post[1 as unknown as string], { apiKey: ["accounts:admin"] });
  });

  test("has no operation that nobody may ask for", () => {
    const paths = of("#/paths", "2");
    assert.deepEqual(Object.keys(paths["/order_lists"] as Json), ["get", "head"]);
    assert.deepEqual(Object.keys(paths["/errors"] as Json), ["post"]);
    assert.deepEqual(Object.keys(paths["/errors/{id}"] as Json), ["get", "head", "put", "patch"]);
    assert.deepEqual(Object.keys(paths["/orders/{id}/re-open"] as Json), ["post"]);
    assert.deepEqual(Object.keys(paths["/accounts/{id}/bills"] as Json), ["get", "head", "post"]);
    assert.equal(
      Object.keys(paths).some((path) => path.startsWith("/accounts/{id}/orders")),
      false,
    );
  });

  test("says that a version is deprecated as soon as that is announced", () => {
    const [old, newest] = documents.map(([, document]) => document);
    const flags = (document: Json | undefined) =>
      operationsOf(document as Json).map(([, , one]) => one["deprecated"] ?? false);
    assert.deepEqual([new Set(flags(old)), new Set(flags(newest))], [new Set([true]), new Set([false])]);
    assert.match(
      String(((old as Json)["info"] as Json)["description"]),
      /^Deprecated since 2026-06-01\. Ends on 2027-12-01\. Use version 2\./,
    );
  });

  test("is of what the definitions say, not of a sample: every verb, action and list has its operation", () => {
    const [, document] = documents.at(-1) as readonly [string, Json];
    const paths = Object.keys(document["paths"] as Json);
    for (const name of Object.keys(definitions))
      assert.ok(paths.includes(`/${name}`) && paths.includes(`/${name}/{id}`));
    assert.ok(paths.includes("/orders/{id}/cancel") && paths.includes("/customers/{id}/orders"));
  });
});
