/** What a change of a document means to clients of the older one (VER-8). */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { resourcesOf } from "../../../src/config/testdata/resources.ts";
import { compareDocuments } from "../../../src/service/openapi/diff/index.ts";
import { openApiOf } from "../../../src/service/openapi/index.ts";
import { shopOf } from "../shop.ts";
import { everything } from "./everything.ts";
import { foreign } from "./foreign.ts";
import { type Mutation, mutations } from "./mutations.ts";

// biome-ignore lint/suspicious/noExplicitAny: documents are changed at every depth.
type Any = any;

function documentOf({ resources, plan, versions }: ReturnType<typeof shopOf>): Any {
  const version = versions.at(-1) ?? null;
  return JSON.parse(JSON.stringify(openApiOf(resources, { title: "API", version, versions: plan })));
}

interface Definition {
  readonly id: object;
  readonly list: object;
  readonly fields: Readonly<Record<string, object>>;
  readonly unique?: readonly (readonly string[])[];
  readonly actions: object;
}

const shop = documentOf(shopOf("sqlite:x.db"));
const all = documentOf(everything());

const documents: Readonly<Record<string, Any>> = { shop, all, foreign };

function changed({ document, apply }: Mutation): Any {
  const copy = structuredClone(documents[document]);
  apply(copy);
  return copy;
}

describe("the difference of two documents", () => {
  test("is nothing where they are the same, whatever is in them", () => {
    for (const document of [shop, all, foreign]) {
      assert.deepEqual(compareDocuments(document, structuredClone(document)), []);
    }
  });

  for (const mutation of mutations) {
    const { kind, rule, what } = mutation;
    test(`${kind === "breaking" ? "breaks clients" : "breaks nobody"} where ${what}`, () => {
      const changes = compareDocuments(documents[mutation.document], changed(mutation));
      const found = changes.filter((one) => one.rule === rule);
      if (rule === "nothing") assert.deepEqual(changes, []);
      else {
        assert.ok(found.length > 0, `${rule} is not among ${JSON.stringify(changes, null, 1)}`);
        assert.deepEqual(new Set(found.map((one) => one.kind)), new Set([kind]));
      }
      const breaks = changes.some((one) => one.kind === "breaking");
      assert.equal(breaks, kind === "breaking", JSON.stringify(changes, null, 1));
    });
  }

  test("shows what a definition tightens, also where JSON Schema has no words for it", () => {
    const base: Definition = {
      id: { prefix: "ord" },
      list: { limit: 10, maxLimit: 100, deepest: 10_000, sort: "size" },
      fields: {
        size: { type: "integer", default: 1 },
        name: { type: "string", maxLength: 9 },
        state: { enum: ["a", "b"] },
        price: { type: "decimal", minimum: 0 },
      },
      actions: { close: { set: { state: "b" } } },
    };
    const { size, name, price } = base.fields;
    const cases: readonly [what: Partial<Definition>, rule: string][] = [
      [{ list: { ...base.list, maxLimit: 20 } }, "request-lowered-tightened"],
      [{ list: { ...base.list, deepest: 100 } }, "request-deepest-tightened"],
      [{ list: { ...base.list, limit: 20 } }, "default-changed"],
      [{ list: { ...base.list, sort: "-size" } }, "default-changed"],
      [{ fields: { ...base.fields, name: { ...name, unique: true } } }, "request-unique-added"],
      [{ fields: { ...base.fields, name: { ...name, immutable: true } } }, "request-immutable-added"],
      [{ fields: { ...base.fields, size: { ...size, write: "more" } } }, "request-write-scope-added"],
      [{ fields: { ...base.fields, price: { ...price, minimum: 1 } } }, "request-x-minimum-tightened"],
      [{ fields: { ...base.fields, name: { ref: "orders" } } }, "request-reference-added"],
      [{ unique: [["name", "state"]] }, "request-unique-added"],
      [{ actions: { close: { set: { state: "b" }, from: { state: "a" } } } }, "state-required"],
      [{ id: { prefix: "o" } }, "response-id-prefix-changed"],
      [{ id: { type: "uuid" } }, "response-id-prefix-changed"],
    ];
    const documentWith = (changes: Partial<Definition>): Any =>
      documentOf(
        resourcesOf({ orders: { ...base, ...changes } } as never, {
          versions: [],
          store: "postgres://localhost/x",
        }),
      );
    const before = documentWith({});
    for (const [changes, rule] of cases) {
      const found = compareDocuments(before, documentWith(changes));
      assert.ok(
        found.some((one) => one.kind === "breaking" && one.rule === rule),
        `${rule} is not among ${JSON.stringify(found, null, 1)}`,
      );
    }
  });

  test("says where: the place in words, and the operations that it concerns", () => {
    const mutation = mutations.find(({ what }) => what === "a field is no longer answered") as Mutation;
    const [change] = compareDocuments(shop, changed(mutation));
    assert.equal(change?.subject, "PartialOrder.quantity");
    assert.equal(change?.message, "is no longer in answers");
    assert.ok(
      change?.operations.includes("GET /orders") && change.operations.includes("POST /orders/{id}/cancel"),
    );
  });

  test("of an addition that is taken back breaks clients", () => {
    for (const mutation of mutations.filter(({ kind }) => kind === "addition")) {
      const changes = compareDocuments(changed(mutation), documents[mutation.document]);
      assert.ok(
        changes.some((one) => one.kind === "breaking"),
        `${mutation.what}: ${JSON.stringify(changes)}`,
      );
    }
  });

  test("is found in time for documents that refer to themselves", () => {
    const document: Any = structuredClone(foreign);
    document.components.schemas.Base.allOf = [{ $ref: "#/components/schemas/Thing" }];
    document.components.schemas.Cat = { $ref: "#/components/schemas/Cat" };
    assert.deepEqual(compareDocuments(document, structuredClone(document)), []);
  });

  test("takes whatever is no document for an empty one, and throws nothing", () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), (one, other) => {
        compareDocuments(one, other);
        compareDocuments({ ...foreign, paths: one }, { ...foreign, components: other });
      }),
      { numRuns: 300 },
    );
  });
});
