/** A table that is somebody else's, without a revision: its objects have tags all the same. */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { after, before, describe, test } from "node:test";
import { resourcesOf } from "../../src/config/testdata/resources.ts";
import { type Answer, startService, type TestService } from "../harness/service.ts";

describe("an object of an external table", () => {
  let folder: string;
  let file: string;
  let service: TestService;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "turnpike-external-"));
    file = join(folder, "external.db");
    const database = new DatabaseSync(file);
    database.exec("CREATE TABLE film (film_id INTEGER PRIMARY KEY, title TEXT NOT NULL, secret TEXT)");
    database.exec("INSERT INTO film VALUES (1, 'Alien', 'a'), (2, 'Brazil', 'b')");
    database.close();
    const made = resourcesOf({
      films: {
        external: true,
        table: "film",
        timestamps: false,
        id: { type: "integer", column: "film_id" },
        access: { read: "public", write: "public" },
        fields: { title: { type: "string", required: true }, secret: { type: "string", writeOnly: true } },
      },
    });
    service = await startService(file, made);
  });
  after(async () => {
    await service.close();
    await rm(folder, { recursive: true, force: true });
  });

  const patch = (title: string, tag: string): Promise<Answer> =>
    service.ask("PATCH", "/films/1", { body: { title }, headers: { "If-Match": tag } });

  test("is bound to its state by If-Match, whoever changed it", async () => {
    const first = (await service.ask("GET", "/films/1")).headers["etag"] as string;
    const changed = await patch("Aliens", first);
    assert.deepEqual([changed.status, changed.json], [200, { id: 1, title: "Aliens" }]);
    assert.equal((await patch("Alien 3", first)).status, 412);
    const others = new DatabaseSync(file);
    others.exec("UPDATE film SET secret = 'changed by others' WHERE film_id = 1");
    others.close();
    assert.equal((await patch("Alien 3", changed.headers["etag"] as string)).status, 412);
    const now = await service.ask("GET", "/films/1");
    const known = { headers: { "If-None-Match": now.headers["etag"] as string } };
    assert.equal((await service.ask("GET", "/films/1", known)).status, 304);
    assert.equal((await patch("Alien 3", now.headers["etag"] as string)).status, 200);
  });

  test("is listed, created and deleted like any other", async () => {
    const made = await service.ask("POST", "/films", { body: { title: "Cube" } });
    assert.deepEqual([made.status, made.headers["location"]], [201, "/films/3"]);
    const list = await service.ask("GET", "/films?sort=-title&limit=2");
    assert.deepEqual(
      list.json.data.map(({ id }: { id: number }) => id),
      [3, 2],
    );
    assert.equal((await service.ask("DELETE", "/films/3")).status, 204);
    assert.equal((await service.ask("GET", "/films/3")).status, 404);
  });
});
