/**
 * Tenant A never reads, lists, counts, expands, filters by, changes or guesses what is tenant B's (Z-01): whatever names an
 * object of B is answered byte for byte as what names an object that never was. The requests are made of the definitions.
 */
import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import type { Principal } from "../../src/core/principal.ts";
import type { Resource, View } from "../../src/core/resource.ts";
import { type Answer, type Asking, caller } from "../harness/service.ts";
import { onBothDatabases, type Stand } from "./databases.ts";
import {
  bodyFor,
  nameIn,
  type Own,
  type Probe,
  probesOfFilter,
  probesOfPath,
  probesOfReferences,
} from "./probes.ts";
import { SCOPES, shopOf } from "./shop.ts";

const ALL = [...SCOPES, "customers:internal"];

/** Pairs of callers that are not the same, however alike they look. */
const PAIRS: readonly (readonly [string, () => Principal, () => Principal])[] = [
  ["another consumer", () => caller("acme", ALL), () => caller("globex", ALL)],
  [
    "the same consumer in the test environment",
    () => caller("initech", ALL),
    () => caller("initech", ALL, "test"),
  ],
  [
    "a consumer named like a test environment",
    () => caller("test:hooli", ALL),
    () => caller("hooli", ALL, "test"),
  ],
  ["a consumer of another case", () => caller("umbrella", ALL), () => caller("Umbrella", ALL)],
  ["a consumer with a space behind it", () => caller("stark", ALL), () => caller("stark ", ALL)],
];

const { resources, versions } = shopOf("sqlite:unused.db");
const owned = [...resources.values()].filter(({ owner }) => owner !== null);
/** What belongs to somebody inside of what belongs to all: the resource, what it is inside of, path segment, reference. */
const sharedParents = owned.flatMap((child) =>
  child.sublists.flatMap(({ parent, segment, field }) => {
    const shared = resources.get(parent) as Resource;
    return shared.owner === null ? [[child, shared, segment, field.name] as const] : [];
  }),
);
const newest = (resource: Resource): View => resource.views.get(versions.at(-1) ?? null) as View;

interface World {
  readonly is: Principal;
  readonly own: Own;
  /** By resource: the answers that made what is there. */
  readonly made: ReadonlyMap<string, readonly Answer[]>;
}

/** One object after the other, each referring to those before it; three of each. */
async function settle(stand: Stand, is: Principal): Promise<World> {
  const own = new Map<string, string | number>();
  const made = new Map<string, Answer[]>();
  for (const resource of resources.values()) {
    const answers: Answer[] = [];
    for (let n = 0; n < 3; n++) {
      const more = resource.idRule.kind === "given" ? { id: crypto.randomUUID() } : {};
      const answer = await stand().ask("POST", resource.path, {
        as: is,
        body: bodyFor(newest(resource), own, more),
      });
      assert.equal(answer.status, 201, `${resource.name}: ${answer.text}`);
      answers.push(answer);
      own.set(resource.name, answer.json.id);
    }
    made.set(resource.name, answers);
  }
  return { is, own, made };
}

/** What a caller could learn anything from; ids and request ids are what he has sent and what is drawn. */
function tellable({ status, headers, text }: Answer, id: string): string {
  const fields = Object.entries(headers).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify([status, fields, text])
    .replaceAll(id, "ID")
    .replaceAll(encodeURIComponent(id), "ID")
    .replaceAll(/req_\d+/g, "REQUEST");
}

/** The same form, and nothing has it. */
function ghostOf(resource: Resource, id: string): string {
  if (resource.idRule.kind === "counted") return "900000001";
  const cut = id.length - 12;
  return id.slice(0, cut) + id.slice(cut).replaceAll(/[0-9a-f]/g, (digit) => (digit === "0" ? "1" : "0"));
}

let keys = 0;

async function compare(
  stand: Stand,
  as: Principal,
  probes: readonly Probe[],
  foreign: string,
  ghost: string,
  more: Asking = {},
): Promise<number> {
  for (const { what, method, path, body, headers } of probes) {
    const ask = (id: string, extra: Readonly<Record<string, string>> = {}): Promise<Answer> =>
      stand().ask(method, path(id), {
        as,
        ...more,
        headers: { ...headers, ...extra },
        ...(body === undefined ? {} : { body: body(id) }),
      });
    const [one, other] = [await ask(foreign), await ask(ghost)];
    assert.equal(tellable(one, foreign), tellable(other, ghost), what);
    assert.notEqual(one.status, 403, what);
    if (method === "GET" || method === "HEAD") continue;
    assert.ok([404, 422].includes(one.status), `${what}: ${one.status} ${one.text}`);
    const keyed = await ask(foreign, { "Idempotency-Key": `probe-${++keys}` });
    assert.equal(tellable(keyed, foreign), tellable(other, ghost), `${what}, with a key`);
  }
  return probes.length;
}

onBothDatabases("for one tenant", (stand, dialect) => {
  // Who is who is told before the database is asked: one pair is enough for the other database, unless there is time.
  const pairs = dialect === "sqlite" || process.env["TURNPIKE_FULL"] === "1" ? PAIRS : PAIRS.slice(0, 1);
  for (const [name, alice, bob] of pairs) {
    describe(`beside ${name}`, () => {
      let mine: World;
      let theirs: World;
      before(async () => {
        mine = await settle(stand, alice());
        theirs = await settle(stand, bob());
      });

      for (const resource of owned) {
        const foreign = (): readonly Answer[] => theirs.made.get(resource.name) as readonly Answer[];
        const ids = (): readonly [string, string] => {
          const id = String(foreign()[0]?.json.id);
          return [id, ghostOf(resource, id)];
        };

        for (const version of versions) {
          const view = resource.views.get(version) as View;
          const asking: Asking = { version: version.name };

          test(`a path to ${resource.name} of the other leads nowhere, in version ${version.name}`, async () => {
            const tags = foreign()
              .slice(0, 1)
              .map(({ headers }) => headers["etag"] as string);
            const probes = probesOfPath(resource, resources, view, mine.own, tags);
            const count = await compare(stand, mine.is, probes, ...ids(), asking);
            assert.ok(count > 20, `${count} requests were compared`);
          });

          test(`a reference to ${resource.name} of the other names nothing, in version ${version.name}`, async () => {
            const probes = probesOfReferences(resource, resources, view, mine.own);
            await compare(stand, mine.is, probes, ...ids(), asking);
          });

          test(`a filter finds no ${resource.name} of the other, in version ${version.name}`, async () => {
            for (const { name: member, field } of view.fields) {
              if (!field.filter) continue;
              const value = foreign()[0]?.json[nameIn(newest(resource), field)];
              if (typeof value !== "string" || field.rules.enum !== undefined || field.type === "datetime")
                continue;
              const ghost =
                field.type === "uuid" || field === resource.id
                  ? ghostOf(resource, value)
                  : `${value.slice(0, -1)}~`;
              const equal = probesOfFilter(resource, member).filter(({ what }) => !/\[(?!in)/.test(what));
              await compare(stand, mine.is, equal, value, ghost, asking);
            }
          });
        }

        test(`lists and counts hold one's own ${resource.name} only`, async () => {
          const own = (mine.made.get(resource.name) ?? []).map(({ json }) => json.id);
          for (const query of [
            "total=true",
            "page=1&total=true",
            "sort=id&total=true",
            "id[null]=false&total=true",
          ]) {
            const list = await stand().ask("GET", `${resource.path}?limit=100&${query}`, { as: mine.is });
            assert.deepEqual(
              new Set(list.json.data.map(({ id }: { id: string }) => id)),
              new Set(own),
              query,
            );
            assert.deepEqual([list.json.total, list.json.has_more], [own.length, false], query);
          }
        });

        test(`a cursor of the other's for ${resource.name} is as good as none`, async () => {
          const { json } = await stand().ask("GET", `${resource.path}?limit=1`, { as: theirs.is });
          const cursor = String(json.next_cursor);
          const probe: Probe = {
            what: "cursor",
            method: "GET",
            path: (value) => `${resource.path}?limit=1&cursor=${value}`,
          };
          await compare(stand, mine.is, [probe], cursor, `${cursor.slice(0, -4)}AAAA`);
          const refused = await stand().ask("GET", probe.path(cursor), { as: mine.is });
          assert.deepEqual([refused.status, refused.json.error.code], [400, "INVALID_CURSOR"]);
        });

        test(`what is unique among ${resource.name} of the other is free, and his keys are not known`, async () => {
          const key = { "Idempotency-Key": `same-${resource.name}-${name}`.replaceAll(" ", "-") };
          const view = newest(resource);
          const shared = bodyFor(view, mine.own);
          const referring = Object.fromEntries(
            view.fields
              .filter(({ field }) => field.reference !== null && theirs.own.has(field.reference.resource))
              .filter(({ name: member }) => member in shared)
              .map(({ name: member, field }) => [member, theirs.own.get(field.reference?.resource ?? "")]),
          );
          const first = await stand().ask("POST", resource.path, {
            as: theirs.is,
            body: { ...shared, ...referring },
            headers: key,
          });
          const second = await stand().ask("POST", resource.path, {
            as: mine.is,
            body: shared,
            headers: key,
          });
          assert.deepEqual([first.status, second.status], [201, 201], `${first.text} ${second.text}`);
          assert.equal(second.headers["idempotent-replayed"], undefined);
          assert.notEqual(first.json.id, second.json.id);
          for (const [who, { json, headers }] of [
            [theirs.is, first],
            [mine.is, second],
          ] as const) {
            const gone = await stand().ask("DELETE", `${resource.path}/${json.id}`, {
              as: who,
              headers: { "If-Match": headers["etag"] as string },
            });
            assert.equal(gone.status, 204);
          }
        });
      }

      for (const [child, parent, segment, member] of sharedParents) {
        test(`what both keep inside of one of the ${parent.name} is told apart: ${segment}`, async () => {
          const shared = mine.own.get(parent.name);
          const inside = `${parent.path}/${shared}/${segment}`;
          const made = new Map<World, string>();
          for (const world of [mine, theirs]) {
            const { [member]: _, ...body } = bodyFor(newest(child), world.own);
            const answer = await stand().ask("POST", inside, { as: world.is, body });
            assert.equal(answer.status, 201, answer.text);
            made.set(world, answer.json.id);
          }
          for (const [world, id] of made) {
            for (const path of [`${inside}?total=true`, `${child.path}?total=true&${member}=${shared}`]) {
              const { json } = await stand().ask("GET", path, { as: world.is });
              assert.deepEqual([json.data.map((one: { id: string }) => one.id), json.total], [[id], 1], path);
            }
            assert.equal((await stand().ask("DELETE", `${child.path}/${id}`, { as: world.is })).status, 204);
          }
        });
      }

      test("nothing of the other has changed by all this, and he sees all of it", async () => {
        for (const { name: of, path } of owned) {
          for (const made of theirs.made.get(of) ?? []) {
            const read = await stand().ask("GET", `${path}/${made.json.id}`, { as: theirs.is });
            assert.deepEqual(
              [read.status, read.text, read.headers["etag"]],
              [200, made.text, made.headers["etag"]],
            );
          }
        }
      });
    });
  }

  test("who has the scope for it sees everybody's, and nobody else does", async () => {
    const world = await settle(stand, caller("soylent", ALL));
    const id = String(world.made.get("orders")?.[0]?.json.id);
    const seen = await stand().ask("GET", `/orders/${id}`, {
      as: caller("staff", ["orders:read", "orders:all"]),
    });
    assert.deepEqual([seen.status, seen.json.account], [200, "soylent"]);
    const unseen = await stand().ask("GET", `/orders/${id}`, { as: caller("staff", ["orders:read"]) });
    assert.equal(unseen.status, 404);
  });

  test("nobody at all owns nothing: who has not said who he is gets 401, whatever he names", async () => {
    for (const resource of owned)
      for (const { method, path, body } of probesOfPath(resource, resources, newest(resource), new Map(), []))
        assert.equal(
          (await stand().ask(method, path("x"), body === undefined ? {} : { body: body("x") })).status,
          401,
        );
  });
});
