import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { type CaseName, groupsFor } from "./cases.ts";
import { scriptPath } from "./experiment.ts";

const folder = mkdtempSync(join(tmpdir(), "turnpike-bench-test-"));
after(() => rmSync(folder, { recursive: true, force: true }));

describe("scripts for the load", () => {
  test("are each entrant's own, also where those of one case ask for different things", () => {
    const [group] = groupsFor(new Set<CaseName>(["idempotency"]));
    const entrants = group?.entrants ?? [];
    const paths = entrants.map((entrant) => scriptPath(entrant, folder) ?? "");
    assert.deepEqual(
      paths.map((path) => readFileSync(path, "utf8").includes('headers["Idempotency-Key"]')),
      entrants.map(({ label }) => label.includes(", keyed")),
    );
  });
});
