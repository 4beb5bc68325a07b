/** `afterCommit` is told of what a deletion does to other objects, as the events table is. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { resourcesOf } from "../../src/config/testdata/resources.ts";
import type { HookContext, ResourceEvent } from "../../src/core/resource.ts";
import { onBothDatabases } from "../harness/databases.ts";
import { eventually } from "../harness/eventually.ts";
import { type Answer, caller, startService, type TestService } from "../harness/service.ts";

const NAMES = ["boxes", "things", "tags"];

onBothDatabases((dialect) => {
  describe("afterCommit", () => {
    const as = caller(
      "ada",
      NAMES.flatMap((name) => [`${name}:read`, `${name}:write`]),
    );
    const told: { event: ResourceEvent; object: HookContext["object"] }[] = [];
    const hooks = {
      afterCommit: (event: ResourceEvent, { object }: HookContext) => void told.push({ event, object }),
    };
    let service: TestService;
    const ask = (method: string, target: string, body?: unknown, key?: string): Promise<Answer> =>
      service.ask(method, target, {
        as,
        ...(body === undefined ? {} : { body }),
        ...(key === undefined ? {} : { headers: { "Idempotency-Key": key } }),
      });
    const make = async (name: string, body: object): Promise<string> =>
      String((await ask("POST", `/${name}`, body)).json.id);

    before(async () => {
      const { store } = await dialect.newDatabase();
      const definitions = {
        boxes: { owner: true, fields: { name: "string" }, hooks },
        things: { owner: true, fields: { box: { ref: "boxes", onDelete: "delete" } }, hooks, events: false },
        tags: { owner: true, fields: { thing: { ref: "things", onDelete: "clear" } }, hooks },
      } as unknown as Parameters<typeof resourcesOf>[0];
      service = await startService(store, resourcesOf(definitions, { store }));
    });
    after(() => service?.close());

    test("is told of what goes along with a deletion, and of references that are cleared, once", async () => {
      const box = await make("boxes", { name: "b" });
      const things = [await make("things", { box }), await make("things", { box })];
      const tag = await make("tags", { thing: things[0] });
      await eventually("four events", () => told.length === 4);
      told.length = 0;
      assert.equal((await ask("DELETE", `/boxes/${box}`, undefined, `k-${box}`)).status, 204);
      await eventually("four events", () => told.length === 4);
      assert.deepEqual(told.map(({ event }) => `${event.type} ${event.objectId}`).toSorted(), [
        `box.deleted ${box}`,
        `tag.updated ${tag}`,
        ...things.map((id) => `thing.deleted ${id}`).toSorted(),
      ]);
      const cleared = told.find(({ event }) => event.resource === "tags");
      assert.deepEqual([cleared?.event.data["thing"], cleared?.event.previous?.["thing"]], [null, things[0]]);
      assert.equal(cleared?.object?.["thing"], null);
      assert.ok(told.every(({ event, object }) => (object === null) === event.type.endsWith("deleted")));
      // The repetition of a request does nothing, and nobody is told again.
      assert.equal((await ask("DELETE", `/boxes/${box}`, undefined, `k-${box}`)).status, 204);
      await make("boxes", { name: "another" });
      await eventually("the next event", () => told.some(({ event }) => event.type === "box.created"));
      assert.equal(told.length, 5);
    });
  });
});
