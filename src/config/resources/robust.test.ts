import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { ConfigError } from "../problem.ts";
import type { ConfigInput } from "../schema.ts";
import { resourcesOf } from "../testdata/resources.ts";
import { FIELD_TYPES, FORMATS } from "./schema-words.ts";

type Definitions = NonNullable<ConfigInput["resources"]>;

describe("a definition whose values are right one by one", () => {
  const word = fc.constantFrom("a", "b", "c", "customer", "created_at", "owner");
  const name = fc.constantFrom("orders", "things", "customers", "data");
  const version = fc.constantFrom("1", "2", "3");
  const scalar = fc.oneof(
    word,
    fc.boolean(),
    fc.integer(),
    fc.double(),
    fc.constant(null),
    fc.constant("now"),
  );
  const any = fc.oneof(
    scalar,
    fc.array(scalar, { maxLength: 3 }),
    fc.dictionary(word, scalar, { maxKeys: 3 }),
  );
  const rules = {
    type: fc.constantFrom(...FIELD_TYPES),
    enum: fc.array(fc.oneof(word, fc.integer()), { minLength: 1 }),
    format: fc.constantFrom(...FORMATS),
    minLength: fc.nat(9),
    maxLength: fc.nat(9),
    minimum: fc.integer(),
    maximum: fc.integer(),
    pattern: fc.constantFrom("a", "[a", "(a+)+", "^a$"),
    schema: fc.dictionary(fc.constantFrom("type", "items", "minimum"), any),
    default: any,
    required: fc.boolean(),
    nullable: fc.boolean(),
  };
  const field = fc.record(
    {
      ...rules,
      ref: name,
      onDelete: fc.constantFrom("refuse", "delete", "clear"),
      readOnly: fc.boolean(),
      writeOnly: fc.boolean(),
      immutable: fc.boolean(),
      unique: fc.boolean(),
      filter: fc.boolean(),
      sort: fc.boolean(),
      since: version,
      until: version,
      was: fc.dictionary(version, word),
      column: word,
      read: word,
      write: word,
      computed: fc.constant(() => 1),
    },
    { requiredKeys: [] },
  );
  const who = fc.constantFrom("public", "authenticated", "nobody", "s");
  const verb = fc.constantFrom("read", "write", "list", "get", "create", "update");
  const words = fc.array(fc.array(word, { minLength: 1, maxLength: 3 }), { maxLength: 2 });
  const action = fc.record(
    {
      from: fc.dictionary(word, fc.oneof(scalar, fc.array(scalar, { minLength: 1 }))),
      set: fc.dictionary(word, any),
      input: fc.dictionary(word, fc.record(rules, { requiredKeys: [] }), { maxKeys: 2 }),
      access: who,
    },
    { requiredKeys: [] },
  );
  const id = fc.record(
    {
      prefix: word.filter((one) => !one.includes("_")),
      type: fc.constantFrom("string", "uuid", "integer", "bigint"),
      given: fc.boolean(),
      maxLength: fc.integer({ min: 1, max: 9 }),
    },
    { requiredKeys: [] },
  );
  const resource = fc.record(
    {
      fields: fc.dictionary(word, field, { maxKeys: 4 }),
      singular: word,
      path: fc.constantFrom("/a", "/a/b", "/v1", "/openapi.json"),
      table: fc.constantFrom("a", "A", "keys", "s.a", "turnpike.x"),
      id,
      owner: fc.oneof(fc.boolean(), fc.record({ field: word })),
      timestamps: fc.oneof(fc.boolean(), fc.record({ created: word })),
      softDelete: fc.boolean(),
      external: fc.boolean(),
      revision: fc.boolean(),
      unique: words,
      indexes: words,
      list: fc.record({ sort: fc.oneof(word, fc.array(word, { minLength: 1, maxLength: 4 })) }),
      access: fc.dictionary(verb, who),
      actions: fc.dictionary(word, action, { maxKeys: 2 }),
      within: fc.oneof(fc.uniqueArray(word), fc.dictionary(word, fc.constantFrom("x", "y"))),
    },
    { requiredKeys: [] },
  );

  test("becomes resources or sentences", () => {
    const kinds = new Set<string>();
    const property = fc.property(fc.dictionary(name, resource, { maxKeys: 4 }), (definitions) => {
      try {
        const { resources } = resourcesOf(definitions as Definitions, { versions: ["1", "2"] });
        for (const { views } of resources.values()) assert.equal(views.size, 2);
      } catch (error) {
        assert.ok(error instanceof ConfigError, (error as Error).stack);
        for (const { path, message: sentence } of error.problems) {
          kinds.add(path.replace(/^resources\.\w+\./, "").replace(/\b[abc]\b/, "*"));
          assert.match(sentence, /^[^\n\r]{5,}$/, "one sentence");
          assert.doesNotMatch(sentence, /undefined|\[object|is not valid, found/, "in words for people");
        }
      }
    });
    fc.assert(property, { numRuns: 1000 });
    assert.ok(kinds.size > 30, `the definitions were looked at closely: ${[...kinds].join(" ")}`);
  });
});
