import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { openRecords } from "../src/stores/records/open.ts";
import { issueKeys } from "./issued-keys.ts";
import { hashOf } from "./stack.ts";

const folder = mkdtempSync(join(tmpdir(), "turnpike-keys-"));
after(() => rmSync(folder, { recursive: true }));

describe("issueKeys", () => {
  test("issues exactly the keys whose secrets it writes down", async () => {
    const location = await issueKeys(12_345, folder);
    const secrets = readFileSync(join(folder, "keys-12345.secrets"), "utf8").split("\n");
    assert.equal(secrets.pop(), "", "the last line is ended");

    const records = await openRecords(location.slice("sqlite:".length));
    const issued = new Set<string>();
    await records.keys.load(({ digest }) => issued.add(`sha256:${digest.toLowerCase()}`));
    await records.close();
    assert.equal(issued.size, 12_345);
    assert.equal(issued.symmetricDifference(new Set(secrets.map(hashOf))).size, 0);
  });

  test("makes a store once", async () => {
    const first = await issueKeys(2, folder);
    assert.equal(await issueKeys(2, folder), first);
    assert.equal(readFileSync(join(folder, "keys-2.secrets"), "utf8").length, 90);
  });
});
