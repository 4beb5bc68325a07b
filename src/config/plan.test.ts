import assert from "node:assert/strict";
import { networkInterfaces } from "node:os";
import { describe, test } from "node:test";
import { z } from "zod";
import type { Call } from "../core/call.ts";
import type { Handler } from "../core/handler.ts";
import type { Kinds, UpstreamOptions } from "../core/kinds.ts";
import { definePolicy } from "../core/policy.ts";
import { emptyReply } from "../core/reply.ts";
import type { Tools } from "../core/tools.ts";
import { buildRouter, parseTemplate, shadowed } from "../flow/router/index.ts";
import { checkConfig } from "./load.ts";
import { type Made, makePlan } from "./plan.ts";
import type { ConfigInput } from "./schema.ts";
import { sourceOf } from "./source.ts";

/** A world whose parts write down what happens to them. */
function diary() {
  const entries: string[] = [];
  const backend =
    (name: string): Handler =>
    () => {
      entries.push(name);
      return emptyReply(200);
    };
  const mark = definePolicy({
    name: "mark",
    summary: "Leaves a mark.",
    options: z.strictObject({ as: z.string() }),
    rejects: [],
    create: ({ as }) => {
      entries.push(`create ${as}`);
      return (next) => {
        entries.push(`compose ${as}`);
        return (call) => {
          entries.push(as);
          return next(call);
        };
      };
    },
  });
  const kinds: Kinds = {
    policies: [mark],
    upstream: (options: UpstreamOptions) => {
      entries.push(`upstream ${options.name}`);
      return { handler: () => backend(options.name), close: () => entries.push(`close ${options.name}`) };
    },
    fixed: () => backend("fixed"),
    service: () => backend("service"),
    fallback: () => (next) => next,
    lastGood: () => (next) => next,
    versions: () => () => (next) => next,
  };
  const make = (config: ConfigInput): Made =>
    makePlan(checkConfig(sourceOf(config)), {
      kinds,
      tools: {} as Tools,
      paths: { buildRouter, parseTemplate, shadowed },
    });
  return { entries, make, forget: () => entries.splice(0) };
}

const asking = (method: string): Call => ({ request: { method, body: null }, unclaimed: null }) as Call;
const fixed = { fixed: {} };

describe("a plan", () => {
  test("runs the policies for every route outside those of the route, each list in its order", () => {
    const { entries, make, forget } = diary();
    const { plan } = make({
      policies: [{ mark: { as: "a" } }, { mark: { as: "b" } }],
      routes: [{ path: "/", to: fixed, policies: [{ mark: { as: "c" } }, { mark: { as: "d" } }] }],
    });
    forget();
    void plan.routes[0]?.handler(asking("GET"));
    assert.deepEqual(entries, ["a", "b", "c", "d", "fixed"]);
  });

  test("makes a policy once for all routes, and composes it once for each", () => {
    const { entries, make } = diary();
    make({
      policies: [{ mark: { as: "a" } }],
      routes: [
        { path: "/1", to: fixed },
        { path: "/2", to: fixed },
      ],
    });
    assert.deepEqual(entries, ["create a", "compose a", "compose a"]);
  });

  test("passes by a policy whose `when` does not name the method", () => {
    const { entries, make, forget } = diary();
    const { plan } = make({
      routes: [
        {
          path: "/",
          to: fixed,
          policies: [{ mark: { as: "a" }, when: { methods: ["POST", "PUT"] } }, { mark: { as: "b" } }],
        },
      ],
    });
    forget();
    for (const method of ["GET", "POST", "DELETE", "PUT"]) void plan.routes[0]?.handler(asking(method));
    assert.deepEqual(entries, ["b", "fixed", "a", "b", "fixed", "b", "fixed", "a", "b", "fixed"]);
  });

  test("runs a policy for HEAD where it runs for GET", () => {
    const { entries, make, forget } = diary();
    const policies = [{ mark: { as: "a" }, when: { methods: ["GET" as const] } }];
    const { plan } = make({ routes: [{ path: "/", to: fixed, policies }] });
    forget();
    for (const method of ["HEAD", "POST"]) void plan.routes[0]?.handler(asking(method));
    assert.deepEqual(entries, ["a", "fixed", "fixed"]);
  });

  test("makes an upstream once for all routes that lead to it, and none that no route leads to", () => {
    const { entries, make } = diary();
    const { upstreams, warnings } = make({
      upstreams: { used: { targets: ["http://127.0.0.1:1"] }, spare: { targets: ["http://127.0.0.1:2"] } },
      routes: [
        { path: "/1", to: { upstream: "used" } },
        { path: "/2", to: { upstream: "used" } },
      ],
    });
    assert.deepEqual(entries, ["upstream used"]);
    assert.deepEqual([...upstreams.keys()], ["used"]);
    assert.deepEqual(
      warnings.map(({ path, message }) => `${path}: ${message}`),
      ["upstreams.spare: no route uses this upstream"],
    );
  });

  test("hands out its upstreams, to be closed with it", () => {
    const { entries, make, forget } = diary();
    const { upstreams } = make({
      upstreams: { a: { targets: ["http://127.0.0.1:1"] } },
      routes: [{ path: "/", to: { upstream: "a" } }],
    });
    forget();
    for (const upstream of upstreams.values()) upstream.close();
    assert.deepEqual(entries, ["close a"]);
  });

  test("takes an upstream's name literally, whatever it is", () => {
    const { make } = diary();
    for (const upstream of ["constructor", "toString", "hasOwnProperty"]) {
      assert.throws(() => make({ routes: [{ path: "/", to: { upstream } }] }), /there is no upstream/);
      make({
        upstreams: { [upstream]: { targets: ["http://a"] } },
        routes: [{ path: "/", to: { upstream } }],
      });
    }
  });

  test("refuses targets on every address of this machine where the gateway listens on all of them", () => {
    const { make } = diary();
    const own = Object.values(networkInterfaces()).flatMap(
      (addresses) => addresses?.map(({ address }) => address) ?? [],
    );
    for (const address of own.filter((one) => !one.startsWith("fe80"))) {
      const url = `http://${address.includes(":") ? `[${address}]` : address}:8080`;
      const config: ConfigInput = {
        listen: { host: "0.0.0.0" },
        upstreams: { loop: { targets: [url] } },
        routes: [{ path: "/", to: { upstream: "loop" } }],
      };
      assert.throws(() => make(config), /points back at the gateway/, address);
    }
  });

  test("is made of ten thousand routes, too", () => {
    const { make } = diary();
    const routes = Array.from({ length: 10_000 }, (_, i) => ({ path: `/service-${i}/{id}`, to: fixed }));
    assert.equal(make({ routes }).plan.routes.length, 10_000);
  });
});
