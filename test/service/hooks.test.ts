/** Functions of the config: what they are given, what may come back, and what becomes of those that fail or hang. */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { resourcesOf } from "../../src/config/testdata/resources.ts";
import { catalogue } from "../../src/core/errors.ts";
import type { HookContext } from "../../src/core/resource.ts";
import { eventually } from "../harness/eventually.ts";
import { type Answer, caller, startService, type TestService } from "../harness/service.ts";

type Values = Record<string, unknown>;

const OTHER_ID = `nte_${"0".repeat(26)}`;

const seen: { input: Values; context: HookContext }[] = [];

/** What the hook does is what the text of the note says. */
const beforeCreate = (input: Values, context: HookContext): unknown => {
  seen.push({ input: structuredClone(input), context });
  switch (input["text"]) {
    case "in place":
      input["marks"] = { a: [1] };
      return undefined;
    case "date":
      return { ...input, at: new Date(0) };
    case "read-only":
      return { ...input, score: 7, id: OTHER_ID, created_at: "1999-01-01T00:00:00Z" };
    case "unknown":
      return { ...input, colour: "red" };
    case "owner":
      return { ...input, owner: "eve" };
    case "invalid":
      return { ...input, score: "many" };
    case "nothing left":
      return {};
    case "number":
      return 5;
    case "hangs":
      return new Promise(() => undefined);
    case "throws":
      throw new Error("a secret of the config");
    case "rejects":
      return Promise.reject(new TypeError("a secret of the config"));
    default:
      return input;
  }
};

const definitions = {
  notes: {
    owner: true,
    id: { prefix: "nte" },
    fields: {
      text: { type: "string", required: true },
      secret: { type: "string", writeOnly: true, nullable: true },
      size: { type: "integer", default: 3 },
      score: { type: "integer", readOnly: true, default: 0 },
      marks: { type: "object", default: {} },
      at: { type: "datetime", nullable: true },
      bad: {
        type: "integer",
        computed: ({ text }: Values) => (text === "bad computed" ? "x" : 1),
      },
    },
    hooks: {
      beforeCreate,
      afterCommit: ({ data }: { readonly data: Values }) => {
        data["text"] = "changed behind the back";
        throw new Error("afterCommit is broken");
      },
    },
    actions: {
      look: {
        run: async (_: unknown, { find, object }: HookContext) => {
          const found = await find("notes", String(object?.["text"]));
          return { text: found === null ? "nothing" : Object.keys(found).join(" ") };
        },
      },
    },
  },
};

describe("a function of the config", () => {
  let folder: string;
  let service: TestService;
  const as = caller("ada", ["notes:read", "notes:write"]);
  const post = (body: Values, who = as): Promise<Answer> => service.ask("POST", "/notes", { as: who, body });

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "turnpike-hooks-"));
    const made = resourcesOf(definitions as unknown as Parameters<typeof resourcesOf>[0]);
    service = await startService(join(folder, "hooks.db"), { ...made, hookTimeout: 100 });
  });
  after(async () => {
    await service.close();
    await rm(folder, { recursive: true, force: true });
  });

  test("gets the checked input with its defaults, what nobody is shown among it, and who asks", async () => {
    await post({ text: "plain", secret: "s" });
    const { input, context } = seen.at(-1) as (typeof seen)[number];
    assert.deepEqual(input, { text: "plain", secret: "s", size: 3, score: 0, marks: {}, at: null });
    assert.deepEqual([context.consumer, context.resource, context.object], ["ada", "notes", null]);
    assert.equal(context.now, service.clock.wall());
    assert.deepEqual(context.scopes, ["notes:read", "notes:write"]);
  });

  test("is not asked about input that is not valid", async () => {
    const before = seen.length;
    assert.equal((await post({ text: 5 })).status, 422);
    assert.equal(seen.length, before);
  });

  test("may change its argument in place, return a Date, and set what is read-only", async () => {
    assert.deepEqual((await post({ text: "in place" })).json.marks, { a: [1] });
    assert.equal((await post({ text: "date" })).json.at, "1970-01-01T00:00:00.000Z");
    assert.equal((await post({ text: "read-only" })).json.score, 7);
  });

  test("cannot say whose the object is, nor what its id and its times are", async () => {
    const { json } = await post({ text: "read-only" });
    assert.notEqual(json.id, OTHER_ID);
    assert.equal(json.created_at, new Date(service.clock.wall()).toISOString());
    assert.equal((await service.ask("GET", `/notes/${json.id}`, { as })).status, 200);
  });

  for (const text of [
    "unknown",
    "owner",
    "invalid",
    "nothing left",
    "number",
    "hangs",
    "throws",
    "rejects",
  ]) {
    test(`that does wrong (${text}) is a 500 that tells nothing, and nothing is stored`, async () => {
      const before = await service.ask("GET", "/notes?total=true", { as });
      const refused = await post({ text });
      assert.deepEqual([refused.status, refused.json.error.code], [500, "INTERNAL_ERROR"]);
      assert.equal(refused.json.error.message, catalogue.INTERNAL_ERROR.title);
      assert.ok(service.log.some(({ message, cause }) => message === "failed" && cause instanceof Error));
      assert.equal((await service.ask("GET", "/notes?total=true", { as })).json.total, before.json.total);
    });
  }

  test("that computes what its type is not fails the answer, not the process", async () => {
    const refused = await post({ text: "bad computed" });
    assert.deepEqual([refused.status, refused.json.error.code], [500, "INTERNAL_ERROR"]);
  });

  test("finds other objects as the caller sees them, and nobody else's", async () => {
    const { json: mine } = await post({ text: "mine" });
    const bob = caller("bob", ["notes:read", "notes:write"]);
    const look = async (id: string, who = as): Promise<string> => {
      const { json } = await post({ text: id }, who);
      return (await service.ask("POST", `/notes/${json.id}/look`, { as: who })).json.text;
    };
    assert.equal(await look(mine.id), "id text size score marks at created_at updated_at bad");
    assert.equal(await look(mine.id, bob), "nothing");
    assert.equal(await look("nonsense"), "nothing");
  });

  test("that fails after the change is logged, and the answer and the object stand", async () => {
    const made = await post({ text: "stands" });
    assert.deepEqual([made.status, made.json.text], [201, "stands"]);
    await eventually("a line in the log", () =>
      service.log.some(({ message }) => /afterCommit has failed/.test(String(message))),
    );
  });
});
