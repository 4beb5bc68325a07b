import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Principal } from "../core/principal.ts";
import type { Caller } from "../core/route.ts";
import { route } from "./schema-route.ts";
import { versions } from "./schema-versions.ts";
import { reachesService } from "./service-routes.ts";
import { versionNamed, versionsPlan } from "./versions.ts";

const PLAN = versionsPlan(
  versions.parse({ list: { "1": {}, "2": {} }, default: "1", pinned: { consumers: { early: "2" } } }),
);

const to = (value: unknown) => route.parse({ path: "/*", to: value }).to;

function caller(version: string, consumer = "", versionNamedByCall = false): Caller {
  const principal = consumer === "" ? null : ({ consumer, claims: {} } as unknown as Principal);
  return {
    principal,
    version: versionNamed(PLAN?.list ?? [], version),
    versionNamed: versionNamedByCall,
  };
}

describe("whether resources answer a call of a route", () => {
  test("is not asked of one that leads elsewhere", () => {
    assert.deepEqual(reachesService(to({ upstream: "a" }), PLAN), {});
    assert.deepEqual(reachesService(to({ "1": { upstream: "a" }, "2": { fixed: {} } }), PLAN), {});
  });

  test("is certain where they answer in every version", () => {
    for (const all of [{ service: true }, { "1": { service: true }, "2": { service: true } }]) {
      assert.equal(reachesService(to(all), PLAN).reachesService?.(caller("1")), true);
    }
    assert.equal(reachesService(to({ service: true }), null).reachesService?.(caller("1")), true);
  });

  test("is a matter of the version where an upstream has the others: of the one that the caller will get", () => {
    const { reachesService: asked } = reachesService(
      to({ "1": { upstream: "a" }, "2": { service: true } }),
      PLAN,
    );
    assert.equal(asked?.(caller("1")), false);
    assert.equal(asked?.(caller("2")), true);
    assert.equal(asked?.(caller("1", "early")), true, "the version pinned to him");
    assert.equal(asked?.(caller("1", "early", true)), false, "unless he names another");
    assert.equal(asked?.(caller("1", "late")), false);
    assert.equal(asked?.({ principal: null, version: null, versionNamed: false }), false);
  });
});
