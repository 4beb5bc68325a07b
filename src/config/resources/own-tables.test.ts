import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { describe, test } from "node:test";
import { openRecords } from "../../stores/records/open.ts";
import { resourcesOf } from "../testdata/resources.ts";

describe("a table of Turnpike's own", () => {
  test("is no resource's, whichever it is", async () => {
    const folder = mkdtempSync(join(tmpdir(), "own-tables-"));
    try {
      const file = join(folder, "records.db");
      await (await openRecords(file)).close();
      const database = new DatabaseSync(file, { readOnly: true });
      const rows = database.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").all();
      database.close();
      const names = rows.map(({ name }) => String(name));
      assert.ok(names.includes("keys") && names.includes("idempotency"), names.join());
      for (const table of names)
        assert.throws(() => resourcesOf({ things: { table } }), /is a table of Turnpike's own/, table);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
