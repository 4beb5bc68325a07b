/** Two transactions in each other's way, held where it matters: one has done its part, and has not ended. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { Client } from "pg";
import { resourcesOf } from "../../../src/config/testdata/resources.ts";
import type { FieldValue, Row } from "../../../src/core/resource.ts";
import { onPostgres } from "../../harness/databases.ts";
import { eventually } from "../../harness/eventually.ts";
import { ResourceStand } from "../../harness/resource-stand.ts";

/** What is deleted softly has no foreign keys, in either direction: nothing but the locks keeps references whole. */
const definitions: Parameters<typeof resourcesOf>[0] = {
  boxes: { fields: { name: "string" }, events: false },
  crates: { softDelete: true, fields: { name: "string" }, events: false },
  labels: {
    softDelete: true,
    events: false,
    fields: { box: { ref: "boxes", onDelete: "refuse" }, crate: { ref: "crates", onDelete: "refuse" } },
  },
};

onPostgres((dialect) => {
  describe("a reference", () => {
    let stand: ResourceStand;
    let other: Client;
    before(async () => {
      const { store } = await dialect.newDatabase();
      stand = await ResourceStand.open(store, resourcesOf(definitions, { store }).resources);
      other = new Client({ connectionString: store });
      await other.connect();
    });
    after(async () => {
      await other?.end();
      await stand?.close();
    });

    function create(name: string, values: Readonly<Record<string, FieldValue>>) {
      const row = stand.row(name, values);
      const resource = stand.resource(name);
      const referred = resource.fields.flatMap((field) => {
        const id = row[field.at] ?? null;
        return field.reference && id !== null
          ? [{ field, resource: stand.resource(field.reference.resource), id: String(id) }]
          : [];
      });
      return stand.store.create(resource, null, () => ({
        row,
        referred,
        event: null,
        kept: null,
        result: row,
      }));
    }

    async function made(name: string): Promise<string> {
      const written = await create(name, {});
      return String((written as { readonly result: Row }).result[0]);
    }

    const destroy = (name: string, id: string) =>
      stand.store.change(stand.resource(name), id, null, null, () => ({
        row: null,
        referred: [],
        event: null,
        kept: null,
        result: null,
      }));

    /** The other transaction does its part; ours is begun and waits; then the other ends. */
    async function whileUnderWay<Result>(
      texts: readonly string[],
      begin: () => Promise<Result>,
    ): Promise<Result> {
      await other.query("BEGIN");
      for (const text of texts) await other.query(text);
      const ours = begin();
      try {
        await eventually("ours waits for the other", async () => {
          const waiting = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'";
          return (await dialect.server.query(waiting)).length > 0;
        });
      } finally {
        await other.query("COMMIT");
      }
      return ours;
    }

    const label = (column: string, id: string): string =>
      `INSERT INTO labels (id, "${column}", created_at, updated_at, revision) VALUES ('lab_' || gen_random_uuid(), '${id}', now(), now(), 1)`;

    const cases = [
      ["boxes", "box", (id: string) => `DELETE FROM boxes WHERE id = '${id}'`, "KEY SHARE"],
      ["crates", "crate", (id: string) => `UPDATE crates SET deleted_at = now() WHERE id = '${id}'`, "SHARE"],
    ] as const;
    for (const [name, field, end, lock] of cases) {
      test(`to one of ${name} waits for a deletion that is under way, and is none then`, async () => {
        const id = await made(name);
        const written = await whileUnderWay([end(id)], () => create("labels", { [field]: id }));
        assert.equal(written.kind, "dangling");
      });

      test(`that comes to one of ${name} while it is to be deleted is waited for, and is in the way`, async () => {
        const id = await made(name);
        const reference = [`SELECT 1 FROM ${name} WHERE id = '${id}' FOR ${lock}`, label(field, id)];
        const written = await whileUnderWay(reference, () => destroy(name, id));
        assert.equal(written.kind === "referred" && written.by?.name, "labels");
      });
    }
  });
});
