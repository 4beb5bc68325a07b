/** Changes of rows by many at once: what is unique, what refers to what, whose it is, and what a key has done. */
import assert from "node:assert/strict";
import { createHash, randomUUID } from "node:crypto";
import { after, before, describe, test } from "node:test";
import { resourcesOf } from "../../../src/config/testdata/resources.ts";
import type { FieldValue, ResourceEvent, Row } from "../../../src/core/resource.ts";
import type { Decision, Keyed, Owner, Written } from "../../../src/service/resources/store.ts";
import { onBothDatabases } from "../../harness/databases.ts";
import { ResourceStand } from "../../harness/resource-stand.ts";

const definitions: Parameters<typeof resourcesOf>[0] = {
  accounts: {
    owner: true,
    softDelete: true,
    fields: {
      email: { type: "string", maxLength: 100, unique: true },
      balance: { type: "integer", default: 0 },
    },
  },
  customers: { owner: { field: "account", scope: "customers:all" }, fields: { name: "string" } },
  orders: {
    owner: true,
    fields: {
      customer: { ref: "customers", onDelete: "refuse" },
      parent: { ref: "orders", onDelete: "delete" },
      code: "string",
    },
    unique: [["code", "customer"]],
  },
  lines: {
    owner: true,
    fields: { order: { ref: "orders", onDelete: "delete" }, buyer: { ref: "customers", onDelete: "clear" } },
  },
  notes: { owner: true, softDelete: true, fields: { line: { ref: "lines", onDelete: "delete" } } },
  tickets: { id: { type: "integer" }, fields: { title: "string" }, events: false },
  signs: { fields: { about: { ref: "customers", nullable: true } } },
};

const keyed = (key: string): Keyed => ({
  digest: createHash("sha256").update(key).digest(),
  fingerprint: Buffer.alloc(32, 1),
  id: `idem_${randomUUID()}`,
  requestId: "req_1",
  keep: 60_000,
});
/** The same request sent once more: its record would have an id of its own, which nobody else has. */
const again = (key: Keyed): Keyed => ({ ...key, id: `idem_${randomUUID()}` });

/** Ids of events sort by time. */
let events = 0;
const kept = { status: 201, answer: Buffer.from("sealed") };

const kindsOf = (all: readonly Written<unknown>[]): Record<string, number> => {
  const counts: Record<string, number> = {};
  for (const { kind } of all) counts[kind] = (counts[kind] ?? 0) + 1;
  return counts;
};

onBothDatabases((dialect) => {
  describe("the store of resources", () => {
    let stand: ResourceStand;
    before(async () => {
      const { store } = await dialect.newDatabase();
      stand = await ResourceStand.open(store, resourcesOf(definitions, { store }).resources);
    });
    after(() => stand?.close());

    const at = (resource: string, field: string): number => stand.field(resource, field).at;
    const idOf = (row: Row): FieldValue => row[0] as FieldValue;

    function eventOf(resource: string, row: Row, owner: Owner): ResourceEvent {
      return {
        id: `evt_${String(events++).padStart(26, "0")}`,
        type: `${resource}.created`,
        resource,
        objectId: String(idOf(row)),
        owner: owner ?? "",
        at: 1,
        data: {},
        previous: null,
      };
    }

    function decisionOf(
      name: string,
      row: Row,
      owner: Owner,
      key: Keyed | null,
    ): Decision<Row> & { readonly row: Row } {
      const resource = stand.resource(name);
      const referred = resource.fields.flatMap((field) => {
        const id = row[field.at] ?? null;
        const target = field.reference && stand.resource(field.reference.resource);
        return target && typeof id === "string"
          ? [{ field, resource: target, id, ...(resource.owner ? {} : { owner }) }]
          : [];
      });
      return {
        row,
        referred,
        event: resource.events ? eventOf(name, row, owner) : null,
        kept: key && kept,
        result: row,
      };
    }

    function create(
      name: string,
      values: Readonly<Record<string, FieldValue>>,
      owner: Owner = "a",
      key: Keyed | null = null,
    ) {
      const row = stand.row(name, values, owner);
      const resource = stand.resource(name);
      return stand.store.create(resource, key, (counted) =>
        decisionOf(name, counted === null ? row : row.with(0, counted), owner, key),
      );
    }

    async function made(
      name: string,
      values: Readonly<Record<string, FieldValue>>,
      owner: Owner = "a",
    ): Promise<Row> {
      const written = await create(name, values, owner);
      assert.equal(written.kind, "done");
      return (written as { readonly result: Row }).result;
    }

    /** `after` of the row; null deletes it. */
    function change(
      name: string,
      id: FieldValue,
      after: (row: Row) => Row | null,
      owner: Owner = "a",
      key: Keyed | null = null,
    ) {
      return stand.store.change(stand.resource(name), id, owner, key, (row) => {
        const next = row === null ? null : after(row);
        const { referred } = next === null ? { referred: [] } : decisionOf(name, next, owner, key);
        return { row: next, referred, event: null, kept: key && kept, result: row !== null };
      });
    }

    const destroy = (name: string, row: Row, owner: Owner = "a") =>
      change(name, idOf(row), () => null, owner);
    const get = (name: string, row: Row, owner: Owner = "a") =>
      stand.store.get(stand.resource(name), idOf(row), owner);

    async function ask(
      text: string,
      values: readonly string[] = [],
    ): Promise<readonly (readonly unknown[])[]> {
      return stand.database.query(
        { text: dialect.name === "sqlite" ? text.replaceAll("turnpike.", "") : text },
        values,
      );
    }
    const eventsAbout = async (row: Row): Promise<unknown[]> =>
      (
        await ask("SELECT type FROM turnpike.events WHERE object_id = $1 ORDER BY id", [String(idOf(row))])
      ).map(([type]) => type);

    describe("with a key", () => {
      test("creates one row of many requests at once, and answers the others with the first one's answer", async () => {
        const key = keyed("one of many");
        const all = await Promise.all(
          Array.from({ length: 25 }, () => create("accounts", {}, "many", again(key))),
        );
        assert.deepEqual(kindsOf(all), { done: 1, repeated: 24 });
        assert.equal(
          await stand.store.count({ resource: stand.resource("accounts"), owner: "many", filters: [] }),
          1,
        );
        for (const one of all) {
          if (one.kind !== "repeated" || one.repetition.kind !== "replay") continue;
          assert.deepEqual(Buffer.from(one.repetition.answer), kept.answer);
        }
        assert.equal((await stand.store.repetition(key))?.kind, "replay");
      });

      test("tells a request that differs from the one the key was first used for", async () => {
        const key = keyed("differs");
        await create("accounts", {}, "a", key);
        const other = await create("accounts", {}, "a", { ...key, fingerprint: Buffer.alloc(32, 2) });
        assert.ok(other.kind === "repeated" && other.repetition.kind === "reused");
      });

      test("keeps no record of what it has not done", async () => {
        await made("accounts", { email: "taken@example.com" });
        const failures = [
          await create("accounts", { email: "taken@example.com" }, "a", keyed("taken")),
          await create("orders", { customer: "cus_nobody" }, "a", keyed("dangling")),
        ];
        assert.deepEqual(
          failures.map(({ kind }) => kind),
          ["taken", "dangling"],
        );
        for (const name of ["taken", "dangling"])
          assert.equal(await stand.store.repetition(keyed(name)), null);
        const thrown = stand.store.create(stand.resource("accounts"), keyed("thrown"), () => {
          throw new Error("no");
        });
        await assert.rejects(thrown, /^Error: no$/);
        assert.equal(await stand.store.repetition(keyed("thrown")), null);
      });

      test("changes a row once, however often it is asked to", async () => {
        const row = await made("accounts", {});
        const key = keyed("increment");
        const more = (before: Row): Row =>
          before.with(at("accounts", "balance"), Number(before[at("accounts", "balance")]) + 1);
        const all = await Promise.all(
          Array.from({ length: 10 }, () => change("accounts", idOf(row), more, "a", again(key))),
        );
        assert.deepEqual(kindsOf(all), { done: 1, repeated: 9 });
        assert.equal((await get("accounts", row))?.[at("accounts", "balance")], 1);
      });
    });

    describe("of a unique value", () => {
      test("lets one of many have it, and tells the others which field is taken", async () => {
        const all = await Promise.all(
          Array.from({ length: 25 }, () => create("accounts", { email: "race@example.com" }, "racer")),
        );
        assert.deepEqual(kindsOf(all), { done: 1, taken: 24 });
        for (const one of all)
          if (one.kind === "taken")
            assert.deepEqual(
              one.fields.map(({ name }) => name),
              ["email"],
            );
      });

      test("lets each owner have it, many have none, and the next after a soft deletion", async () => {
        const first = await made("accounts", { email: "x@example.com" });
        await made("accounts", { email: "x@example.com" }, "b");
        await made("accounts", { email: null });
        await made("accounts", { email: null });
        assert.equal((await destroy("accounts", first)).kind, "done");
        await made("accounts", { email: "x@example.com" });
      });

      test("tells so when a change would take it, and changes nothing", async () => {
        await made("accounts", { email: "y@example.com" });
        const other = await made("accounts", { email: "z@example.com" });
        const written = await change("accounts", idOf(other), (row) =>
          row.with(at("accounts", "email"), "y@example.com"),
        );
        assert.deepEqual(written.kind === "taken" && written.fields.map(({ name }) => name), ["email"]);
        assert.deepEqual(await get("accounts", other), other);
      });

      test("of several fields names those that the caller knows", async () => {
        const customer = idOf(await made("customers", {}));
        await made("orders", { code: "A", customer });
        const written = await create("orders", { code: "A", customer });
        assert.deepEqual(written.kind === "taken" && written.fields.map(({ name }) => name), [
          "customer",
          "code",
        ]);
      });
    });

    describe("of changes at the same time", () => {
      test("loses none", async () => {
        const row = await made("accounts", {});
        const balance = at("accounts", "balance");
        const more = (before: Row): Row => before.with(balance, Number(before[balance]) + 1);
        await Promise.all(Array.from({ length: 40 }, () => change("accounts", idOf(row), more)));
        assert.equal((await get("accounts", row))?.[balance], 40);
      });

      test("gives counted ids that nobody else has, and none a second time", async () => {
        const rows = await Promise.all(Array.from({ length: 20 }, () => made("tickets", {})));
        const last = rows
          .map(idOf)
          .map(Number)
          .toSorted((a, b) => a - b);
        assert.equal(new Set(last).size, 20);
        const top = rows.find((row) => idOf(row) === last.at(-1)) as Row;
        await destroy("tickets", top, null);
        assert.ok(Number(idOf(await made("tickets", {}))) > Number(idOf(top)));
      });
    });

    describe("of references", () => {
      test("takes none to what is not there, is another owner's or was deleted", async () => {
        const strangers = await made("customers", {}, "b");
        const gone = await made("customers", {});
        await destroy("customers", gone);
        for (const customer of ["cus_nobody", idOf(strangers), idOf(gone)]) {
          const written = await create("orders", { customer });
          assert.deepEqual(written.kind === "dangling" && written.fields.map(({ name }) => name), [
            "customer",
          ]);
        }
        const order = await made("orders", {});
        const moved = await change("orders", idOf(order), (row) =>
          row.with(at("orders", "customer"), idOf(strangers)),
        );
        assert.equal(moved.kind, "dangling");
        const line = await made("lines", {});
        await destroy("lines", line);
        assert.equal((await create("notes", { line: idOf(line) })).kind, "dangling");
      });

      test("from what has no owner goes only to what the caller sees", async () => {
        const customer = await made("customers", {}, "b");
        assert.equal((await create("signs", { about: idOf(customer) }, "a")).kind, "dangling");
        assert.equal((await create("signs", { about: idOf(customer) }, "b")).kind, "done");
        assert.equal((await create("signs", { about: idOf(customer) }, null)).kind, "done");
        await destroy("customers", customer, "b");
      });

      test("refuses to delete what others refer to, and says which", async () => {
        const customer = await made("customers", {});
        const order = await made("orders", { customer: idOf(customer) });
        const written = await destroy("customers", customer);
        assert.equal(written.kind === "referred" && written.by?.name, "orders");
        assert.ok(await get("customers", customer));
        await destroy("orders", order);
        assert.equal((await destroy("customers", customer)).kind, "done");
      });

      test("deletes what goes along, clears what stays, and writes an event of each", async () => {
        const buyer = await made("customers", {});
        const root = await made("orders", {});
        const child = await made("orders", { parent: idOf(root) });
        const line = await made("lines", { order: idOf(child), buyer: idOf(buyer) });
        const other = await made("lines", { buyer: idOf(buyer) });
        const note = await made("notes", { line: idOf(line) });
        assert.equal((await destroy("orders", root)).kind, "done");
        for (const [name, row] of [
          ["orders", child],
          ["lines", line],
          ["notes", note],
        ] as const) {
          assert.equal(await get(name, row), null, name);
          assert.deepEqual(await eventsAbout(row), [`${name}.created`, `${name.slice(0, -1)}.deleted`]);
        }
        assert.equal((await destroy("customers", buyer)).kind, "done");
        assert.equal((await get("lines", other))?.[at("lines", "buyer")], null);
        assert.equal((await get("lines", other))?.[at("lines", "revision")], 2);
        assert.deepEqual(await eventsAbout(other), ["lines.created", "line.updated"]);
      });

      test("in a circle delete nothing twice, and end", async () => {
        const one = await made("orders", {});
        await change("orders", idOf(one), (row) => row.with(at("orders", "parent"), idOf(one)));
        assert.equal((await destroy("orders", one)).kind, "done");
        assert.equal(await get("orders", one), null);
      });

      test("hold when objects come to refer to what is being deleted", async () => {
        for (let round = 0; round < 15; round++) {
          const customer = await made("customers", {});
          const line = await made("lines", {});
          const all = await Promise.all([
            create("orders", { customer: idOf(customer) }),
            destroy("customers", customer),
            create("orders", { customer: idOf(customer) }),
            create("notes", { line: idOf(line) }),
            destroy("lines", line),
            create("notes", { line: idOf(line) }),
          ]);
          assert.ok(
            all.every(({ kind }) => ["done", "dangling", "referred"].includes(kind)),
            JSON.stringify(kindsOf(all)),
          );
        }
        const orphans = await ask(
          `SELECT 1 FROM orders WHERE customer IS NOT NULL AND customer NOT IN (SELECT id FROM customers)
           UNION ALL SELECT 1 FROM notes WHERE deleted_at IS NULL AND line IS NOT NULL AND line NOT IN (SELECT id FROM lines)`,
        );
        assert.deepEqual(orphans, []);
      });
    });

    describe("of another owner", () => {
      test("shows, counts, changes and deletes nothing", async () => {
        const resource = stand.resource("accounts");
        const row = await made("accounts", { email: "mine@example.com" }, "mine");
        assert.equal(await get("accounts", row, "b"), null);
        assert.deepEqual(await stand.store.getMany(resource, [idOf(row)], "b"), []);
        const byEmail = {
          resource,
          owner: "c",
          filters: [
            {
              field: stand.field("accounts", "email"),
              comparison: "eq" as const,
              values: ["mine@example.com"],
            },
          ],
        };
        assert.equal(await stand.store.count(byEmail), 0);
        const page = { kind: "keyset", position: null, backwards: false, limit: 10 } as const;
        assert.deepEqual(await stand.store.list({ ...byEmail, sort: [] }, page), { rows: [], more: false });
        for (const after of [() => null, (before: Row) => before.with(at("accounts", "balance"), 7)]) {
          const written = await change("accounts", idOf(row), after, "b");
          assert.deepEqual(written, { kind: "done", result: false, along: [] });
        }
        assert.deepEqual(await get("accounts", row, "mine"), row);
        assert.deepEqual(await get("accounts", row, null), row, "whoever sees everybody's sees it");
      });
    });
  });
});
