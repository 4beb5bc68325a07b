import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import type { Resource } from "../../core/resource.ts";
import type { ConfigInput } from "../schema.ts";
import { resourcesOf } from "../testdata/resources.ts";
import { operationAt, operationsOf } from "./operations.ts";

type Definitions = NonNullable<ConfigInput["resources"]>;

const made = (definitions: Definitions, around: Parameters<typeof resourcesOf>[1] = {}) =>
  resourcesOf(definitions, around).resources;

function only(definitions: Definitions, around: Parameters<typeof resourcesOf>[1] = {}): Resource {
  const [resource] = made(definitions, around).values();
  return resource as Resource;
}

const message = (definitions: Definitions, around: Parameters<typeof resourcesOf>[1] = {}): string => {
  try {
    resourcesOf(definitions, around);
    return "";
  } catch (error) {
    return (error as Error).message;
  }
};

const namesIn = (resource: Resource): Record<string, string[]> =>
  Object.fromEntries(
    [...resource.views].map(([version, { fields, computed }]) => [
      version?.name ?? "*",
      [...fields, ...computed].map(({ name }) => name),
    ]),
  );

describe("a resource without a word about it", () => {
  const orders = only({ orders: {} });

  test("has a singular, a path, a table, ids, times and a revision", () => {
    assert.equal(orders.singular, "order");
    assert.equal(orders.path, "/orders");
    assert.equal(orders.table, "orders");
    assert.deepEqual(orders.idRule, { kind: "prefix", prefix: "ord" });
    assert.deepEqual(namesIn(orders), { "*": ["id", "created_at", "updated_at"] });
    assert.ok(orders.revision);
  });

  test("takes a scope for everything", () => {
    assert.deepEqual(orders.access.list, { scopes: ["orders:read"] });
    assert.deepEqual(orders.access.delete, { scopes: ["orders:write"] });
  });
});

describe("the stored fields of a resource", () => {
  const definitions: Definitions = {
    orders: {
      owner: true,
      softDelete: true,
      fields: {
        note: "string",
        customer: { ref: "customers" },
        total: { computed: () => 1, type: "integer" },
      },
    },
    customers: { id: { type: "integer" }, owner: { field: "account" } },
  };

  test("each have their own index as place, the id first", () => {
    for (const { fields, id } of made(definitions).values()) {
      assert.deepEqual(
        fields.map(({ at }) => at),
        fields.map((_, index) => index),
      );
      assert.equal(fields[0], id);
    }
  });

  test("are the very fields that everything else of the resource speaks of", () => {
    for (const resource of made(definitions).values()) {
      const { fields, owner, revision, createdAt, updatedAt, deletedAt, byName, views, sort, sublists } =
        resource;
      const special = [owner, revision, createdAt, updatedAt, deletedAt].filter((one) => one !== null);
      const listed = [...views.values()].flatMap((view) => view.fields.map(({ field }) => field));
      const sorted = sort.map(({ field }) => field);
      const inside = sublists.map(({ field }) => field);
      for (const field of [...special, ...byName.values(), ...listed, ...sorted, ...inside])
        assert.ok(fields.includes(field), field.name);
    }
  });

  test("show no owner, revision or time of deletion unless the config says so", () => {
    const { orders, customers } = Object.fromEntries(made(definitions)) as Record<string, Resource>;
    assert.deepEqual(
      [...(orders as Resource).byName.keys()],
      ["id", "note", "customer", "created_at", "updated_at"],
    );
    assert.ok((customers as Resource).byName.has("account"));
    assert.equal((customers as Resource).byName.get("account")?.readOnly, true);
  });

  test("take the type of a reference from the ids that it holds", () => {
    const orders = made(definitions).get("orders");
    assert.equal(orders?.byName.get("customer")?.type, "integer");
  });
});

describe("a field in versions", () => {
  const versions = ["1", "2", "3"];

  test("is there from since to until, under the name of the time", () => {
    const people = only(
      {
        persons: {
          timestamps: false,
          fields: {
            full_name: { type: "string", was: { "1": "name", "2": "whole_name" } },
            country: { type: "string", since: "2" },
            fax: { type: "string", until: "1" },
            size: { type: "integer", computed: () => 1, since: "2", was: { "2": "length" } },
          },
        },
      },
      { versions },
    );
    assert.deepEqual(namesIn(people), {
      "1": ["id", "name", "fax"],
      "2": ["id", "whole_name", "country", "length"],
      "3": ["id", "full_name", "country", "size"],
    });
    assert.equal(people.byName.get("full_name")?.column, "name", "renaming needs no migration");
  });

  test("may take a name over from one that has ended", () => {
    const resource = only(
      {
        orders: {
          timestamps: false,
          fields: {
            old_kind: { type: "string", until: "1", was: { "1": "kind" }, column: "old_kind" },
            kind: { type: "integer", since: "2" },
          },
        },
      },
      { versions: ["1", "2"] },
    );
    assert.deepEqual(namesIn(resource), { "1": ["id", "kind"], "2": ["id", "kind"] });
  });

  test("never has a name twice in one version, whatever the config says", () => {
    const version = fc.option(fc.constantFrom(...versions), { nil: undefined });
    const name = fc.constantFrom("a", "b", "c");
    const field = fc.record({
      since: version,
      until: version,
      was: fc.dictionary(fc.constantFrom("1", "2"), name),
    });
    fc.assert(
      fc.property(fc.dictionary(name, field), (fields) => {
        const given = Object.fromEntries(
          Object.entries(fields).map(([key, one], index) => [
            key,
            { ...one, type: "string" as const, column: `c${index}` },
          ]),
        );
        if (message({ orders: { fields: given } }, { versions }) !== "") return;
        const names = namesIn(only({ orders: { fields: given } }, { versions }));
        for (const list of Object.values(names)) assert.equal(new Set(list).size, list.length);
        assert.deepEqual(Object.keys(names), versions);
      }),
      { numRuns: 300 },
    );
  });
});

describe("a default", () => {
  test("is stored as a row holds it", () => {
    const { byName } = only(
      {
        things: {
          fields: {
            at: { type: "datetime", default: "2026-11-22T15:30:00+01:00" },
            meta: { type: "object", default: { a: [1] } },
            price: { type: "decimal", default: "1.50" },
            big: { type: "bigint", default: "9223372036854775807" },
            now: { type: "datetime", default: "now" },
            text: { type: "string", default: "now" },
          },
        },
      },
      { store: "postgres://x/y" },
    );
    const of = (name: string) => byName.get(name)?.default;
    assert.deepEqual(of("at"), { value: "2026-11-22T14:30:00.000Z" });
    assert.deepEqual(of("meta"), { value: '{"a":[1]}' });
    assert.deepEqual(of("price"), { value: "1.50" });
    assert.deepEqual(of("big"), { value: "9223372036854775807" });
    assert.equal(of("now"), "now");
    assert.deepEqual(of("text"), { value: "now" });
  });

  test("beyond 64 bits is refused", () => {
    const fields = { big: { type: "bigint" as const, default: "9223372036854775808" } };
    assert.match(message({ things: { fields } }, { store: "postgres://x/y" }), /64 bits/);
  });
});

describe("two references to one resource", () => {
  const ref = { ref: "addresses" };

  test("make no list inside of it by themselves", () => {
    const orders = made({ addresses: {}, orders: { fields: { home: ref, work: ref } } }).get("orders");
    assert.deepEqual(orders?.sublists, []);
  });

  test("make those that the config names", () => {
    const within = { home: "orders", work: "work-orders" };
    const orders = made({ addresses: {}, orders: { fields: { home: ref, work: ref }, within } }).get(
      "orders",
    );
    assert.deepEqual(
      orders?.sublists.map(({ parent, field, segment }) => [parent, field.name, segment]),
      [
        ["addresses", "home", "orders"],
        ["addresses", "work", "work-orders"],
      ],
    );
  });
});

describe("what a resource offers", () => {
  const resources = made({
    customers: { access: { delete: "nobody" } },
    orders: {
      fields: { customer: { ref: "customers" }, paid: { type: "boolean", default: false } },
      actions: { pay: { set: { paid: true }, access: "orders:pay" } },
    },
  });

  test("is found again by method and path, with who may", () => {
    for (const resource of resources.values())
      for (const operation of operationsOf(resource, resources)) {
        const found = operationAt(resources, operation.method, operation.path.replace("{id}", "x_1"));
        assert.deepEqual(found?.operation, operation);
      }
    assert.equal(operationAt(resources, "HEAD", "/orders")?.operation.name, "list");
  });

  test("leaves out what nobody may", () => {
    assert.equal(operationAt(resources, "DELETE", "/customers/cus_1"), null);
    assert.equal(operationAt(resources, "GET", "/orders/"), null);
  });
});
