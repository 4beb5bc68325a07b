/** Ids outlive the prefix that they were made with. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { resourcesOf } from "../../src/config/testdata/resources.ts";
import { type Answer, caller, startService, type TestService } from "../harness/service.ts";
import { type TempStore, tempStore } from "../harness/store.ts";

const SCOPES = ["pets", "visits"].flatMap((name) => [`${name}:read`, `${name}:write`]);

const definitions = (pets: object): Parameters<typeof resourcesOf>[0] => ({
  pets: { ...pets, owner: true, fields: { name: "string" } },
  visits: { owner: true, fields: { pet: { ref: "pets", required: true, onDelete: "delete" } } },
});

for (const [what, before_, after_, prefix] of [
  ["id.prefix", { id: { prefix: "pet" } }, { id: { prefix: "animal" } }, "animal"],
  ["the longest prefix", { id: { prefix: "abcdefghijklmnop" } }, { id: { prefix: "p" } }, "p"],
  ["the singular", {}, { singular: "beast" }, "bea"],
] as const) {
  describe(`an object from before a change of ${what}`, () => {
    const as = caller("ada", SCOPES);
    let temp: TempStore;
    let service: TestService;
    let old: Answer;
    const ask = (method: string, target: string, body?: unknown): Promise<Answer> =>
      service.ask(method, target, { as, ...(body === undefined ? {} : { body }) });
    const start = (pets: object): Promise<TestService> =>
      startService(temp.file, resourcesOf(definitions(pets)));

    before(async () => {
      temp = await tempStore();
      service = await start(before_);
      old = await ask("POST", "/pets", { name: "Rex" });
      await service.close();
      service = await start(after_);
    });
    after(async () => {
      await service?.close();
      await temp?.remove();
    });

    test("is found, filtered by, changed and referred to by its id, beside those with the new prefix", async () => {
      const { id } = old.json;
      const fresh = (await ask("POST", "/pets", { name: "Kit" })).json.id;
      assert.ok(fresh.startsWith(`${prefix}_`), fresh);
      assert.equal((await ask("GET", `/pets/${id}`)).status, 200);
      assert.equal((await ask("GET", `/pets?id=${id}`)).json.data.length, 1);
      assert.equal((await ask("PATCH", `/pets/${id}`, { name: "Max" })).status, 200);
      assert.equal((await ask("PUT", `/pets/${id}`, { name: "Moritz" })).status, 200);
      for (const pet of [id, fresh]) {
        const visit = await ask("POST", "/visits", { pet });
        assert.deepEqual([visit.status, visit.json.pet], [201, pet], visit.text);
        assert.equal((await ask("GET", `/visits?pet=${pet}`)).json.data.length, 1);
        assert.equal((await ask("GET", `/pets/${pet}/visits`)).json.data.length, 1);
        assert.equal((await ask("GET", `/visits/${visit.json.id}?expand=pet`)).json.pet.id, pet);
      }
      assert.equal((await ask("DELETE", `/pets/${id}`)).status, 204);
    });

    test("is not taken for whatever looks like an id", async () => {
      const tail = String(old.json.id).split("_")[1];
      for (const id of [`nil_${tail}`, `_${tail}`, `Pet_${tail}`, `1pet_${tail}`, "pet_", tail])
        assert.equal((await ask("GET", `/pets/${id}`)).json.error.code, "RESOURCE_NOT_FOUND", id);
    });
  });
}
