/** What has happened to resources, as people who run the gateway see it. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { createAdminToken } from "../../src/identity/admin-token.ts";
import { askOnce, errorCode, get } from "../harness/ask.ts";
import { type CheckedFetch, checkedFetch } from "../harness/checked-fetch.ts";
import { onBothDatabases } from "../harness/databases.ts";
import { startGateway, type TestGateway } from "../harness/gateway.ts";

const notes = {
  access: { read: "public", write: "public" },
  fields: {
    text: { type: "string", required: true },
    secret: { type: "string", writeOnly: true, nullable: true },
    state: { enum: ["open", "done"], default: "open", readOnly: true },
  },
  actions: { finish: { set: { state: "done" }, access: "public" } },
};

interface Event {
  readonly id: string;
  readonly type: string;
  readonly object_id: string;
  readonly owner: string | null;
  readonly data: Readonly<Record<string, unknown>>;
  readonly previous: Readonly<Record<string, unknown>> | null;
}

interface Page {
  readonly data: readonly Event[];
  readonly has_more: boolean;
  readonly next_cursor: string | null;
}

onBothDatabases(({ newDatabase }) => {
  describe("events of resources", () => {
    let gateway: TestGateway;
    let told: CheckedFetch;
    let token: string;
    before(async () => {
      const { store, records } = await newDatabase();
      token = await createAdminToken(records.adminToken, 0, "test");
      gateway = await startGateway({
        store: { records: store.includes("://") ? store : `sqlite:${store}` },
        resources: { notes },
        routes: [{ name: "api", path: "/*", to: { service: true } }],
      });
      told = checkedFetch(`http://127.0.0.1:${gateway.port}`);
    });
    after(() => gateway?.stop());

    const admin = (path: string, auth = `Authorization: Bearer ${token}\r\n`) =>
      askOnce(gateway.adminPort, get(path, auth).replace("example", "localhost"));
    const list = async (query = ""): Promise<Page> =>
      JSON.parse((await admin(`/v1/events${query}`)).body.toString());
    async function change(method: string, path: string, body?: unknown): Promise<Record<string, string>> {
      const headers = { "Content-Type": "application/json" };
      const response = await told(path, { method, headers, ...(body ? { body: JSON.stringify(body) } : {}) });
      assert.ok(response.ok, await response.clone().text());
      return response.status === 204 ? {} : ((await response.json()) as Record<string, string>);
    }

    test("are one for each change that changed something, newest first, without what is write-only", async () => {
      const { id } = await change("POST", "/notes", { text: "a", secret: "s" });
      const path = `/notes/${id}`;
      await change("PATCH", path, { text: "b" });
      await change("PATCH", path, { text: "b" });
      await change("POST", `${path}/finish`);
      await change("DELETE", path);
      const refused = await told("/notes", {
        method: "POST",
        body: "{}",
        headers: { "Content-Type": "application/json" },
      });
      assert.equal(refused.status, 422);
      const { data, has_more: more } = await list();
      assert.deepEqual(
        data.map(({ type, object_id: object, owner, previous }) => [
          type,
          object,
          owner,
          previous?.["text"] ?? null,
        ]),
        [
          ["note.deleted", id, null, null],
          ["note.finish", id, null, null],
          ["note.updated", id, null, "a"],
          ["note.created", id, null, null],
        ],
      );
      assert.equal(more, false);
      assert.deepEqual(data.map(({ data: { text, state } }) => [text, state]).toReversed(), [
        ["a", "open"],
        ["b", "open"],
        ["b", "done"],
        ["b", "done"],
      ]);
      assert.doesNotMatch(JSON.stringify(data), /secret/);
      const [first] = data as [Event];
      assert.deepEqual(JSON.parse((await admin(`/v1/events/${first.id}`)).body.toString()), first);
    });

    test("are listed page by page, to nobody without the admin token", async () => {
      const { data } = await list();
      const found: string[] = [];
      for (let cursor: string | null = ""; cursor !== null; ) {
        const page: Page = await list(`?limit=3${cursor && `&cursor=${cursor}`}`);
        found.push(...page.data.map(({ id }) => id));
        cursor = page.next_cursor;
      }
      assert.deepEqual(
        found,
        data.map(({ id }) => id),
      );
      assert.equal(errorCode(await admin("/v1/events?cursor=evt_1")), "INVALID_CURSOR");
      assert.equal(errorCode(await admin("/v1/events/evt_1")), "RESOURCE_NOT_FOUND");
      assert.equal((await admin("/v1/events", "")).status, 401);
    });
  });
});
