import assert from "node:assert/strict";
import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { eventually } from "../../test/harness/eventually.ts";
import { watchFiles } from "./watch.ts";

describe("a watch on files", () => {
  const open: { close(): void }[] = [];
  const folders: string[] = [];
  after(async () => {
    for (const watch of open) watch.close();
    for (const folder of folders) await rm(folder, { recursive: true, force: true });
  });

  async function watched(prepare: (folder: string) => Promise<string>) {
    const folder = await mkdtemp(join(tmpdir(), "turnpike-watch-"));
    folders.push(folder);
    const file = await prepare(folder);
    let changes = 0;
    const watch = watchFiles(
      () => [file],
      () => {
        changes++;
      },
    );
    open.push(watch);
    await watch.ready;
    return { folder, file, changes: () => changes };
  }

  test("notices a file that is written anew", async () => {
    const { file, changes } = await watched(async (folder) => {
      await writeFile(join(folder, "a.yaml"), "one");
      return join(folder, "a.yaml");
    });
    assert.equal(changes(), 0);
    await writeFile(file, "two!");
    await eventually("the change is noticed", () => changes() === 1);
  });

  test("notices a symbolic link that is turned, as a mounted ConfigMap's is", async () => {
    const { folder, changes } = await watched(async (at) => {
      for (const name of ["v1", "v2"]) {
        await mkdir(join(at, name));
        await writeFile(join(at, name, "a.yaml"), name);
      }
      await symlink("v1", join(at, "data"));
      return join(at, "data", "a.yaml");
    });
    await symlink("v2", join(folder, "next"));
    await rename(join(folder, "next"), join(folder, "data"));
    await eventually("the change is noticed", () => changes() === 1);
  });
});
