import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import FindMyWay from "find-my-way";
import type { RoutePlan } from "../../core/plan.ts";
import { normalisePath } from "../path.ts";
import { buildRouter, parseTemplate, type Router, shadowed } from "./index.ts";

type Options = Partial<Pick<RoutePlan, "name" | "hosts" | "methods" | "priority">>;

/** A route that is named like its path, if nothing else is said. */
function route(path: string, options: Options = {}): RoutePlan {
  return {
    name: path,
    hosts: [],
    methods: [],
    priority: 0,
    limits: { body: 0 },
    handler: () => assert.fail("a router calls nobody"),
    outermost: null,
    announcements: [],
    steps: [],
    ...options,
    path,
  };
}

/** `name` of the route, or what is answered in its place. */
function chosen(router: Router, method: string, path: string, host = "h"): string {
  const match = router.find(method, host, path);
  if (match.kind === "found") return match.route.name;
  return "allow" in match ? `${match.kind}: ${match.allow}` : match.kind;
}

function params(router: Router, path: string): Record<string, string> {
  const match = router.find("GET", "h", path);
  assert.equal(match.kind, "found");
  return match.kind === "found" ? { ...match.params } : {};
}

/** Each row: a path, and the template that it takes. */
function table(templates: readonly string[], rows: Readonly<Record<string, string>>): void {
  const router = buildRouter(templates.map((path) => route(path)));
  for (const [path, template] of Object.entries(rows))
    assert.equal(chosen(router, "GET", path), template, path);
}

describe("parseTemplate", () => {
  test("takes literals, parameters, a final star and a final slash", () => {
    assert.deepEqual(parseTemplate("/"), { segments: [], rest: false, slashed: false });
    assert.deepEqual(parseTemplate("/*"), { segments: [], rest: true, slashed: false });
    assert.deepEqual(parseTemplate("/a/{b}/"), {
      segments: [
        { kind: "literal", text: "a" },
        { kind: "param", name: "b" },
      ],
      rest: false,
      slashed: true,
    });
    assert.deepEqual(parseTemplate("/{a_1-B}/*"), {
      segments: [{ kind: "param", name: "a_1-B" }],
      rest: true,
      slashed: false,
    });
  });

  const bad: readonly (readonly [template: string, complaint: RegExp])[] = [
    ["", /must start with "\/"/],
    ["a", /must start with "\/"/],
    ["*", /must start with "\/"/],
    ["/*/a", /"\*" only as its whole last segment/],
    ["/a*", /"\*" only as its whole last segment/],
    ["/a/**", /"\*" only as its whole last segment/],
    ["/*/", /"\*" only as its whole last segment/],
    ["/{*}", /"\*" only as its whole last segment/],
    ["/{}", /a parameter without a name/],
    ["/{a}/b/{a}", /names two parameters "a"/],
    ["/{a b}", /names a parameter "a b"/],
    ["/{a}.json", /a whole segment, not a part of "\{a\}\.json"/],
    ["/v{a}", /a whole segment/],
    ["/{a}{b}", /a whole segment/],
    ["/{a", /a whole segment/],
    ["/a}", /a whole segment/],
    ["/{", /a whole segment/],
    ["/{{a}}", /a whole segment/],
    ["/a//b", /not in normal form/],
    ["//", /not in normal form/],
    ["/a//", /not in normal form/],
    ["//*", /not in normal form/],
    ["/a/../b", /not in normal form/],
    ["/a/./*", /not in normal form/],
    ["/%61", /not in normal form/],
    ["/a%2fb", /not in normal form/],
    ["/..", /can match no path: The path goes above the root/],
    ["/a b", /can match no path: The path contains a character that must be percent-encoded/],
    ["/caf\u00e9", /can match no path: The path contains a character/],
    ["/a?b", /can match no path/],
    ["/a#b", /can match no path/],
    ["/a%2", /can match no path/],
    ["/..;x", /can match no path/],
  ];
  for (const [template, complaint] of bad) {
    test(`says in one sentence what is wrong with ${JSON.stringify(template)}`, () => {
      assert.throws(
        () => parseTemplate(template),
        (error) => {
          assert.ok(error instanceof Error);
          assert.match(error.message, complaint);
          assert.ok(error.message.startsWith(`The path template "${template}" `));
          return true;
        },
      );
    });
  }
});

describe("router: templates", () => {
  test("matches literals exactly and nothing beyond them", () => {
    table(["/a/b", "/"], {
      "/a/b": "/a/b",
      "/": "/",
      "/a": "not-found",
      "/a/b/c": "not-found",
      "/a/bc": "not-found",
      "/a/": "not-found",
    });
  });

  test("matches a parameter with exactly one segment", () => {
    table(["/a/{id}"], {
      "/a/1": "/a/{id}",
      "/a": "not-found",
      "/a/": "not-found",
      "/a/1/2": "not-found",
      "/b/1": "not-found",
    });
  });

  test("matches the rest with anything, nothing included", () => {
    table(["/a/*"], {
      "/a": "/a/*",
      "/a/": "/a/*",
      "/a/1": "/a/*",
      "/a/1/x/": "/a/*",
      "/ab": "not-found",
      "/": "not-found",
    });
    table(["/*"], { "/": "/*", "/a": "/*", "/a/b/": "/*" });
  });

  test("prefers a literal to a parameter and a parameter to the rest, from the left", () => {
    table(["/*", "/{x}", "/a", "/a/*", "/a/{x}", "/a/b", "/{x}/b", "/{x}/*"], {
      "/": "/*",
      "/a": "/a",
      "/c": "/{x}",
      "/a/b": "/a/b",
      "/a/c": "/a/{x}",
      "/a/c/d": "/a/*",
      "/c/b": "/{x}/b",
      "/c/d": "/{x}/*",
      "/c/b/d": "/{x}/*",
    });
  });

  test("goes back where the more specific way leads nowhere", () => {
    table(["/a/b/c", "/a/{x}/d", "/{x}/b/e", "/*"], {
      "/a/b/c": "/a/b/c",
      "/a/b/d": "/a/{x}/d",
      "/a/b/e": "/{x}/b/e",
      "/a/b/f": "/*",
      "/a/b": "/*",
    });
  });

  test("does not depend on the order of the config", () => {
    const templates = ["/*", "/{x}", "/a", "/a/*", "/a/{x}", "/a/b", "/{x}/b"];
    for (const path of ["/", "/a", "/b", "/a/b", "/a/c", "/c/b", "/c/d/e"]) {
      const forwards = buildRouter(templates.map((template) => route(template)));
      const backwards = buildRouter(templates.toReversed().map((template) => route(template)));
      assert.equal(chosen(forwards, "GET", path), chosen(backwards, "GET", path));
    }
  });

  test("finds nothing where there are no routes", () => {
    assert.equal(chosen(buildRouter([]), "GET", "/"), "not-found");
  });

  test("refuses a template that is none", () => {
    assert.throws(() => buildRouter([route("/a//b")]), /not in normal form/);
  });
});

describe("router: trailing slash", () => {
  test("is the same path where only one of the two is a route", () => {
    table(["/a", "/b/", "/{x}/c", "/*"], {
      "/a": "/a",
      "/a/": "/a",
      "/b": "/b/",
      "/b/": "/b/",
      "/x/c/": "/{x}/c",
      "/c/": "/*",
    });
  });

  test("is another path where both are routes", () => {
    table(["/a", "/a/", "/{x}", "/{x}/"], { "/a": "/a", "/a/": "/a/", "/b": "/{x}", "/b/": "/{x}/" });
  });

  test("does not let a less specific template with the exact ending win", () => {
    table(["/a", "/{x}/", "/b/", "/{x}"], { "/a/": "/a", "/b": "/b/" });
  });
});

describe("router: parameters", () => {
  test("are decoded, and the rest is not", () => {
    const router = buildRouter([route("/a/{x}/b/{y}/*")]);
    assert.deepEqual(params(router, "/a/caf%C3%A9/b/1%2F2/c%20d/e%2Ff/"), {
      x: "caf\u00e9",
      y: "1/2",
      "*": "c%20d/e%2Ff/",
    });
  });

  test("give the rest without the slash before it", () => {
    const router = buildRouter([route("/a/*"), route("/b/{x}/*")]);
    assert.deepEqual(params(router, "/a"), { "*": "" });
    assert.deepEqual(params(router, "/a/"), { "*": "" });
    assert.deepEqual(params(router, "/a/1/x/"), { "*": "1/x/" });
    assert.deepEqual(params(router, "/b/1"), { x: "1", "*": "" });
    assert.deepEqual(params(router, "/b/1/2"), { x: "1", "*": "2" });
    assert.deepEqual(params(buildRouter([route("/*")]), "/"), { "*": "" });
    assert.deepEqual(params(buildRouter([route("/*")]), "/a/b"), { "*": "a/b" });
  });

  test("leave a trailing slash out", () => {
    const router = buildRouter([route("/a/{x}"), route("/b/{x}/c")]);
    assert.deepEqual(params(router, "/a/1/"), { x: "1" });
    assert.deepEqual(params(router, "/b/1/c/"), { x: "1" });
  });

  test("have the names of the chosen route, though templates differ in names only", () => {
    const router = buildRouter([
      route("/a/{x}", { methods: ["GET"] }),
      route("/a/{y}", { methods: ["POST"] }),
    ]);
    const get = router.find("GET", "h", "/a/1");
    const post = router.find("POST", "h", "/a/1");
    assert.ok(get.kind === "found" && post.kind === "found");
    assert.deepEqual({ ...get.params }, { x: "1" });
    assert.deepEqual({ ...post.params }, { y: "1" });
  });

  test("are harmless whatever they are called", () => {
    const router = buildRouter([route("/a/{__proto__}/{constructor}/{toString}"), route("/b")]);
    const match = router.find("GET", "h", "/a/1/2/3");
    assert.ok(match.kind === "found");
    assert.deepEqual(Object.entries(match.params), [
      ["__proto__", "1"],
      ["constructor", "2"],
      ["toString", "3"],
    ]);
    for (const path of ["/a/1/2/3", "/b"]) {
      const found = router.find("GET", "h", path);
      assert.ok(found.kind === "found");
      assert.equal("hasOwnProperty" in found.params, false);
      assert.equal("valueOf" in found.params, false);
    }
    assert.equal(Object.hasOwn(Object.prototype, "1"), false);
  });
});

describe("router: methods", () => {
  test("choose among the routes of one template", () => {
    const router = buildRouter([
      route("/a", { name: "read", methods: ["GET"] }),
      route("/a", { name: "write", methods: ["POST", "PUT"] }),
    ]);
    assert.equal(chosen(router, "GET", "/a"), "read");
    assert.equal(chosen(router, "PUT", "/a"), "write");
    assert.equal(chosen(router, "DELETE", "/a"), "method-not-allowed: GET, HEAD, POST, PUT, OPTIONS");
  });

  test("never fall through to a less specific template", () => {
    const router = buildRouter([
      route("/admin", { methods: ["GET"] }),
      route("/{x}", { methods: ["PUT"] }),
      route("/*"),
    ]);
    assert.equal(chosen(router, "PUT", "/admin"), "method-not-allowed: GET, HEAD, OPTIONS");
    assert.equal(chosen(router, "PUT", "/admin/"), "method-not-allowed: GET, HEAD, OPTIONS");
    assert.equal(chosen(router, "PUT", "/other"), "/{x}");
    assert.equal(chosen(router, "PUT", "/admin/x"), "/*");
  });

  test("prefer a route that lists the method to one that takes all", () => {
    const router = buildRouter([
      route("/a", { name: "all" }),
      route("/a", { name: "get", methods: ["GET"] }),
    ]);
    assert.equal(chosen(router, "GET", "/a"), "get");
    assert.equal(chosen(router, "HEAD", "/a"), "get");
    assert.equal(chosen(router, "POST", "/a"), "all");
    assert.equal(chosen(router, "OPTIONS", "/a"), "all");
    assert.equal(chosen(router, "BREW", "/a"), "all");
  });

  test("prefer the higher priority, then the first", () => {
    const router = buildRouter([
      route("/a", { name: "first", methods: ["GET", "POST"] }),
      route("/a", { name: "second", methods: ["GET", "PUT"] }),
      route("/a", { name: "high", methods: ["POST"], priority: 1 }),
    ]);
    assert.equal(chosen(router, "GET", "/a"), "first");
    assert.equal(chosen(router, "PUT", "/a"), "second");
    assert.equal(chosen(router, "POST", "/a"), "high");
    const overruled = buildRouter([
      route("/a", { name: "get", methods: ["GET"] }),
      route("/a", { name: "all", priority: 1 }),
    ]);
    assert.equal(chosen(overruled, "GET", "/a"), "all");
    assert.equal(chosen(overruled, "HEAD", "/a"), "all");
  });

  test("send HEAD where GET goes, unless a route lists HEAD", () => {
    const get = route("/a", { name: "get", methods: ["GET"] });
    const head = route("/a", { name: "head", methods: ["HEAD"] });
    const all = route("/a", { name: "all" });
    assert.equal(chosen(buildRouter([get]), "HEAD", "/a"), "get");
    assert.equal(chosen(buildRouter([get, head]), "HEAD", "/a"), "head");
    assert.equal(chosen(buildRouter([all, get]), "HEAD", "/a"), "get");
    assert.equal(chosen(buildRouter([all, head]), "HEAD", "/a"), "head");
    assert.equal(chosen(buildRouter([all]), "HEAD", "/a"), "all");
    assert.equal(chosen(buildRouter([head]), "GET", "/a"), "method-not-allowed: HEAD, OPTIONS");
  });

  test("answer OPTIONS with what is allowed, unless a route takes it", () => {
    const get = route("/a", { name: "get", methods: ["GET"] });
    const options = route("/a", { name: "options", methods: ["OPTIONS"] });
    assert.equal(chosen(buildRouter([get]), "OPTIONS", "/a"), "options: GET, HEAD, OPTIONS");
    assert.equal(chosen(buildRouter([get, options]), "OPTIONS", "/a"), "options");
    assert.equal(chosen(buildRouter([get]), "OPTIONS", "/b"), "not-found");
  });

  test("never route TRACE and CONNECT, not even where a route lists them", () => {
    const all = buildRouter([route("/a"), route("/b", { methods: ["GET", "TRACE", "CONNECT"] })]);
    const everything = "method-not-allowed: GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS";
    for (const method of ["TRACE", "CONNECT"]) {
      assert.equal(chosen(all, method, "/a"), everything);
      assert.equal(chosen(all, method, "/b"), "method-not-allowed: GET, HEAD, OPTIONS");
    }
  });

  test("list what is allowed in one order, whatever the order of the config", () => {
    const methods = ["PURGE", "DELETE", "COPY", "PATCH", "POST", "GET", "PUT"];
    const allow = "method-not-allowed: GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS, COPY, PURGE";
    assert.equal(chosen(buildRouter([route("/a", { methods })]), "BREW", "/a"), allow);
    const apart = methods.toReversed().map((method) => route("/a", { methods: [method] }));
    assert.equal(chosen(buildRouter(apart), "BREW", "/a"), allow);
  });

  test("are case-sensitive", () => {
    const router = buildRouter([route("/a", { methods: ["GET"] })]);
    assert.equal(chosen(router, "get", "/a"), "method-not-allowed: GET, HEAD, OPTIONS");
  });
});

describe("router: priority", () => {
  test("decides before specificity", () => {
    const router = buildRouter([
      route("/a/b"),
      route("/a/*", { priority: 1 }),
      route("/*", { priority: -1 }),
    ]);
    assert.equal(chosen(router, "GET", "/a/b"), "/a/*");
    assert.equal(chosen(router, "GET", "/a"), "/a/*");
    assert.equal(chosen(router, "GET", "/b"), "/*");
  });

  test("decides though the route of highest priority does not take the method", () => {
    const router = buildRouter([route("/a"), route("/*", { methods: ["POST"], priority: 1 })]);
    assert.equal(chosen(router, "GET", "/a"), "method-not-allowed: POST, OPTIONS");
    assert.equal(chosen(router, "POST", "/a"), "/*");
  });

  test("belongs to the template, so that its routes stay together", () => {
    const router = buildRouter([
      route("/a", { name: "get", methods: ["GET"] }),
      route("/a", { name: "post", methods: ["POST"], priority: 2 }),
      route("/{x}", { priority: 1 }),
    ]);
    assert.equal(chosen(router, "GET", "/a"), "get");
    assert.equal(chosen(router, "POST", "/a"), "post");
    assert.equal(chosen(router, "GET", "/b"), "/{x}");
  });
});

describe("router: hosts", () => {
  const router = buildRouter([
    route("/a", { name: "exact", hosts: ["a.example.com"] }),
    route("/{x}", { name: "exact param", hosts: ["a.example.com"] }),
    route("/a", { name: "wildcard", hosts: ["*.example.com"] }),
    route("/w", { name: "wildcard w", hosts: ["*.example.com"] }),
    route("/a", { name: "any" }),
    route("/a/b", { name: "any b", priority: 9 }),
    route("/a", { name: "v6", hosts: ["[::1]", "[2001:db8::1]"] }),
  ]);

  const rows: readonly (readonly [host: string, path: string, chosen: string])[] = [
    ["a.example.com", "/a", "exact"],
    ["a.example.com:8080", "/a", "exact"],
    ["a.example.com", "/w", "exact param"],
    ["a.example.com", "/a/b", "any b"],
    ["b.example.com", "/a", "wildcard"],
    ["b.example.com:1", "/w", "wildcard w"],
    ["x.b.example.com", "/a", "any"],
    ["example.com", "/a", "any"],
    [".example.com", "/a", "any"],
    ["aexample.com", "/a", "any"],
    ["other", "/a", "any"],
    ["", "/a", "any"],
    ["other", "/w", "not-found"],
    ["[::1]", "/a", "v6"],
    ["[::1]:8080", "/a", "v6"],
    ["[2001:db8::1]:8080", "/a", "v6"],
    ["[::2]:8080", "/a", "any"],
  ];
  for (const [host, path, name] of rows) {
    test(`"${host}" ${path} finds ${name}`, () => assert.equal(chosen(router, "GET", path, host), name));
  }

  test("the exact host decides before the wildcard, though it does not take the method", () => {
    const split = buildRouter([
      route("/a", { methods: ["GET"], hosts: ["a.x"] }),
      route("/a", { hosts: ["*.x"], priority: 5 }),
      route("/*", { priority: 9 }),
    ]);
    assert.equal(chosen(split, "POST", "/a", "a.x"), "method-not-allowed: GET, HEAD, OPTIONS");
    assert.equal(chosen(split, "POST", "/a", "b.x"), "/a");
    assert.equal(chosen(split, "POST", "/b", "b.x"), "/*");
  });

  test("a host that nobody has bound is misdirected, unless some route takes every host", () => {
    const bound = buildRouter([route("/a", { hosts: ["a.x", "*.y"] })]);
    assert.equal(chosen(bound, "GET", "/a", "a.x"), "/a");
    assert.equal(chosen(bound, "GET", "/b", "a.x"), "not-found");
    assert.equal(chosen(bound, "GET", "/b", "b.y:80"), "not-found");
    for (const host of ["b.x", "", "y", "c.b.y", "a.x.evil", "evil:a.x", "[a.x]", "[a.x"]) {
      assert.equal(chosen(bound, "GET", "/a", host), "misdirected", host);
    }
    const open = buildRouter([route("/a", { hosts: ["a.x"] }), route("/open")]);
    assert.equal(chosen(open, "GET", "/a", "b.x"), "not-found");
    assert.equal(chosen(open, "GET", "/open", "b.x"), "/open");
  });

  test("the same host twice is the same host", () => {
    const twice = buildRouter([route("/a", { hosts: ["a.x", "a.x"] })]);
    assert.equal(chosen(twice, "GET", "/a", "a.x"), "/a");
  });
});

describe("router: what lenient origins would read", () => {
  test("does not let another spelling of a guarded path take the public route", () => {
    const router = buildRouter([
      route("/admin"),
      route("/admin/*"),
      route("/*"),
      route("/users/@me"),
      route("/users/{id}"),
    ]);
    for (const path of [
      "/Admin",
      "/ADMIN/",
      "/aDmin/x",
      "/admin.",
      "/admin../x",
      "/admin%20",
      "/admin%20.%20/x",
      "/admin;x=1",
      "/admin;/x",
      "/admin%3Bx",
      "/%2Fadmin",
      "/%5Cadmin%5Cx",
      "/admin%2Fx",
      "/admin%3F",
      "/admin%3Fx.css/y",
      "/admin%23",
      "/users/%40me",
      "/users/@ME",
      "/Users/@me",
    ]) {
      const normal = normalisePath(path, { encodedSlash: "keep", semicolon: "keep" });
      assert.equal(chosen(router, "GET", normal), "not-found", path);
    }
  });

  test("leaves every path alone that leads to the same route anyhow", () => {
    const router = buildRouter([
      route("/orders/{id}"),
      route("/orders/{id}/lines"),
      route("/files/*"),
      route("/"),
    ]);
    for (const [path, template] of [
      ["/orders/ord_01HZX", "/orders/{id}"],
      ["/orders/a%40b", "/orders/{id}"],
      ["/orders/a%2Fb", "/orders/{id}"],
      ["/orders/what%3F", "/orders/{id}"],
      ["/orders/A%3F/lines", "/orders/{id}/lines"],
      ["/files/README.md", "/files/*"],
      ["/files/x.", "/files/*"],
      ["/files/a;b%20/C", "/files/*"],
    ] as const) {
      assert.equal(chosen(router, "GET", path), template, path);
    }
  });

  test("keeps templates with upper-case letters working, in exactly their case", () => {
    table(["/Admin", "/v1/OData/{id}", "/*"], {
      "/Admin": "/Admin",
      "/Admin/": "/Admin",
      "/v1/OData/X": "/v1/OData/{id}",
      "/admin": "not-found",
      "/ADMIN": "not-found",
      "/v1/odata/X": "not-found",
      "/other": "/*",
    });
    table(["/Admin", "/admin", "/{x}"], {
      "/Admin": "/Admin",
      "/admin": "/admin",
      "/ADMIN": "not-found",
      "/b": "/{x}",
    });
  });

  test("compares across hosts", () => {
    const router = buildRouter([route("/admin", { hosts: ["a.x"] }), route("/*")]);
    assert.equal(chosen(router, "GET", "/Admin", "a.x"), "not-found");
    assert.equal(chosen(router, "GET", "/Admin", "b.x"), "/*");
  });

  test("never takes the public route where some origin would serve the guarded path", () => {
    const pieces = fc.constantFrom(
      ..."/ / // admin admin Admin ADMIN %61dmin pub x . .. ... %2e %2f %5c ; ;x %3b %20 %3f %23 %41".split(
        " ",
      ),
    );
    const guarded = ["/admin", "/admin/*"];
    const router = buildRouter([...guarded, "/*", "/pub/*"].map((path) => route(path)));
    const rules = { encodedSlash: "keep", semicolon: "keep" } as const;
    fc.assert(
      fc.property(fc.array(pieces, { minLength: 1, maxLength: 8 }), (parts) => {
        let normal: string;
        try {
          normal = normalisePath(`/${parts.join("")}`, rules);
        } catch {
          return;
        }
        const name = chosen(router, "GET", normal);
        if (guarded.includes(name) || name === "not-found") return;
        for (const [origin, read] of Object.entries(origins)) {
          assert.doesNotMatch(
            read(normal),
            /^\/admin(?:\/|$)/,
            `${origin} reads ${normal}, which takes ${name}`,
          );
        }
      }),
      { numRuns: 20_000 },
    );
  });
});

/** The path that an origin acts on, for each way of reading that we know of. */
const origins: Readonly<Record<string, (path: string) => string>> = {
  "Node, Express": (path) => path.toLowerCase(),
  nginx: (path) => resolved(decodeURIComponent(path)),
  Apache: (path) => resolved(decodeURIComponent(path).replace(/[?#].*/, "")),
  Tomcat: (path) => resolved(decodeURIComponent(path.replace(/;[^/]*/g, ""))),
  "Tomcat behind a proxy that decodes": (path) => resolved(decodeURIComponent(path).replace(/;[^/]*/g, "")),
  IIS: (path) => resolved(trimmed(decodeURIComponent(path).replaceAll("\\", "/"))).toLowerCase(),
  "the worst of all": (path) =>
    resolved(
      trimmed(
        decodeURIComponent(path)
          .replace(/[?#].*/, "")
          .replaceAll("\\", "/")
          .replace(/;[^/]*/g, ""),
      ),
    ).toLowerCase(),
};

function resolved(path: string): string {
  return new URL(`http://h/${path.replace(/^\/+/, "").replace(/\/\/+/g, "/").replace(/[?#]/g, "_")}`)
    .pathname;
}

/** Windows leaves segments of three and more dots alone. */
function trimmed(path: string): string {
  return path.replace(/([^/. ])[. ]+(?=\/|$)/g, "$1").replace(/(^|\/)(\.\.?) +(?=\/|$)/g, "$1$2");
}

describe("router: any routes", () => {
  test("agrees with the rules written down in the most obvious way", () => {
    fc.assert(
      fc.property(
        fc.array(anyRoute, { maxLength: 12 }),
        fc.array(anyRequest, { minLength: 1, maxLength: 20 }),
        (drawn, requests) => {
          const routes = drawn.map((plan, index) => ({ ...plan, name: `r${index} ${plan.path}` }));
          const router = buildRouter(routes);
          for (const { method, host, path } of requests) {
            assert.equal(
              chosen(router, method, path, host),
              obviously(routes, method, host, path),
              `${method} ${host} ${path}`,
            );
          }
        },
      ),
      { numRuns: 5_000 },
    );
  });

  test("agrees with find-my-way on literals, parameters and the rest", () => {
    const segment = fc.constantFrom("a", "b", "ab", "{x}", "{y}");
    const template = fc
      .tuple(fc.uniqueArray(segment, { maxLength: 4, comparator: sameParam }), fc.boolean())
      .map(([segments, rest]) => `/${[...segments, ...(rest ? ["*"] : [])].join("/")}`);
    const path = fc
      .array(fc.constantFrom("a", "b", "ab", "abc", "c"), { minLength: 1, maxLength: 5 })
      .map((parts) => `/${parts.join("/")}`);
    const shape = (text: string) => text.replace(/\{\w+\}/g, "{}");
    fc.assert(
      fc.property(
        fc.uniqueArray(template, { selector: shape }),
        fc.array(path, { minLength: 1 }),
        (templates, paths) => {
          const router = buildRouter(templates.map((text) => route(text, { methods: ["GET"] })));
          const peer = FindMyWay();
          for (const text of templates) {
            peer.on("GET", text.replace(/\{(\w+)\}/g, ":$1"), () => undefined, text);
          }
          for (const requested of paths) {
            const ours = router.find("GET", "h", requested);
            // Theirs wants at least a slash for the rest.
            if (ours.kind === "found" && ours.params["*"] === "" && requested !== "/") continue;
            const theirs = peer.find("GET", requested);
            assert.equal(ours.kind === "found" ? ours.route.name : null, theirs?.store ?? null, requested);
            if (ours.kind === "found") assert.deepEqual({ ...ours.params }, { ...theirs?.params });
          }
        },
      ),
      { numRuns: 3_000 },
    );
  });

  test("stays right with ten thousand routes", () => {
    const routes = Array.from({ length: 2_500 }, (_, i) => [
      route(`/api/s${i}/*`),
      route(`/api/s${i}/items`),
      route(`/api/s${i}/items/{id}`, { methods: ["GET"] }),
      route(`/api/s${i}/items/{id}`, { name: `/api/s${i}/items/{id} post`, methods: ["POST"] }),
    ]).flat();
    const router = buildRouter(routes);
    for (const i of [0, 1, 999, 2_499]) {
      assert.equal(chosen(router, "GET", `/api/s${i}`), `/api/s${i}/*`);
      assert.equal(chosen(router, "GET", `/api/s${i}/items`), `/api/s${i}/items`);
      assert.equal(chosen(router, "GET", `/api/s${i}/items/7`), `/api/s${i}/items/{id}`);
      assert.equal(chosen(router, "POST", `/api/s${i}/items/7`), `/api/s${i}/items/{id} post`);
    }
    assert.equal(chosen(router, "GET", "/api/s2500"), "not-found");
  });
});

function sameParam(a: string, b: string): boolean {
  return a === b && a.startsWith("{");
}

const anyMethods = fc.oneof(
  fc.constant<string[]>([]),
  fc.uniqueArray(fc.constantFrom("GET", "HEAD", "POST", "OPTIONS", "TRACE", "LOCK"), {
    minLength: 1,
    maxLength: 3,
  }),
);
const anyTemplate = fc
  .tuple(fc.array(fc.constantFrom("a", "b", "B", "{}"), { maxLength: 3 }), fc.constantFrom("", "", "/", "/*"))
  .map(
    ([segments, end]) =>
      `${segments.map((text, at) => `/${text.replace("{}", `{p${at}}`)}`).join("")}${end}` || "/",
  );
const anyRoute = fc
  .record({
    path: anyTemplate,
    hosts: fc.constantFrom<string[]>([], [], ["a.x"], ["*.x"], ["b.x", "c"], ["*.x", "a.x"]),
    methods: anyMethods,
    priority: fc.constantFrom(0, 0, 0, 1, -1),
  })
  .map(({ path, ...options }) => route(path, options));
const anyRequest = fc.record({
  method: fc.constantFrom("GET", "HEAD", "POST", "OPTIONS", "TRACE", "LOCK", "get"),
  host: fc.constantFrom("a.x", "b.x:80", "c", "d.x", "a.b.x", ""),
  path: fc
    .tuple(fc.array(fc.constantFrom("a", "b", "A", "B", "z"), { maxLength: 4 }), fc.constantFrom("", "/"))
    .map(([segments, end]) => `${segments.map((text) => `/${text}`).join("")}${end}` || "/"),
});

/** The rules of the router's header, one after the other, with no thought of cost. */
function obviously(routes: readonly RoutePlan[], method: string, host: string, path: string): string {
  const name = host.replace(/:\d+$/, "");
  const group = decidingTemplate(routes, name, path);
  if (group === null) {
    const isOurs = routes.length === 0 || hostTiers(routes, name).some((tier) => tier.length > 0);
    return isOurs ? "not-found" : "misdirected";
  }
  const asIfCaseDidNotMatter = decidingTemplate(routes.map(inLowerCase), name, path.toLowerCase());
  const other = asIfCaseDidNotMatter?.map((plan) => plan.name) ?? [];
  if (!group.every((plan) => other.includes(plan.name))) return "not-found";
  return decidingMethod(group, method);
}

function inLowerCase(plan: RoutePlan): RoutePlan {
  return { ...plan, path: plan.path.toLowerCase() };
}

function hostTiers(routes: readonly RoutePlan[], name: string): RoutePlan[][] {
  return [
    routes.filter((plan) => plan.hosts.includes(name)),
    routes.filter((plan) => plan.hosts.includes(name.replace(/^[^.]+/, "*"))),
    routes.filter((plan) => plan.hosts.length === 0),
  ];
}

/** All routes of the template that decides. */
function decidingTemplate(routes: readonly RoutePlan[], name: string, path: string): RoutePlan[] | null {
  for (const tier of hostTiers(routes, name)) {
    const shapes = Map.groupBy(tier, (plan) => shapeOf(plan.path));
    const candidates = [...shapes].filter(([shape]) => matches(shape, path, [...shapes.keys()]));
    candidates.sort(
      ([shape, group], [otherShape, otherGroup]) =>
        highest(otherGroup) - highest(group) || (specificity(shape) < specificity(otherShape) ? -1 : 1),
    );
    if (candidates[0] !== undefined) return candidates[0][1];
  }
  return null;
}

function shapeOf(template: string): string {
  return template.replace(/\{\w+\}/g, "{}");
}

function matches(shape: string, path: string, shapes: readonly string[]): boolean {
  const segments = path.split("/").filter(Boolean);
  const wanted = shape.split("/").filter(Boolean);
  if (wanted.at(-1) === "*") {
    const beginning = wanted.slice(0, -1);
    return (
      beginning.length <= segments.length &&
      beginning.every((text, at) => text === "{}" || text === segments[at])
    );
  }
  if (wanted.length !== segments.length) return false;
  if (!wanted.every((text, at) => text === "{}" || text === segments[at])) return false;
  if (shape.endsWith("/") === path.endsWith("/")) return true;
  const twin = shape.endsWith("/") ? shape.slice(0, -1) : `${shape}/`;
  return !shapes.includes(twin);
}

/** Sorts the most specific first. */
function specificity(shape: string): string {
  const segments = shape.split("/").filter(Boolean);
  return segments.map((text) => (text === "*" ? "2" : text === "{}" ? "1" : "0")).join("");
}

function highest(group: readonly RoutePlan[]): number {
  return Math.max(...group.map((plan) => plan.priority));
}

function decidingMethod(group: readonly RoutePlan[], method: string): string {
  const listed = new Set(group.flatMap((plan) => plan.methods));
  const asked = method === "HEAD" && !listed.has("HEAD") && listed.has("GET") ? "GET" : method;
  const ranks = group
    .filter((plan) => plan.methods.length === 0 || plan.methods.includes(asked))
    .sort(
      (a, b) => b.priority - a.priority || Number(a.methods.length === 0) - Number(b.methods.length === 0),
    );
  if (ranks[0] !== undefined && method !== "TRACE") return ranks[0].name;
  const all = group.some((plan) => plan.methods.length === 0);
  const allow = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "LOCK"].filter(
    (one) =>
      listed.has(one) ||
      one === "OPTIONS" ||
      (one === "HEAD" && listed.has("GET")) ||
      (all && one !== "LOCK"),
  );
  return `${method === "OPTIONS" ? "options" : "method-not-allowed"}: ${allow.join(", ")}`;
}

describe("shadowed", () => {
  const whole = { methods: [], unreachable: true };

  test("reports a route that repeats an earlier one", () => {
    const routes = [
      route("/a/{x}", { name: "first", methods: ["GET", "POST"] }),
      route("/a/{y}", { name: "second", methods: ["POST"] }),
    ];
    assert.deepEqual(shadowed(routes), [
      { route: "second", by: "first", methods: ["POST"], unreachable: true },
    ]);
  });

  test("reports the methods that two routes both list", () => {
    const routes = [
      route("/a", { name: "first", methods: ["GET", "POST"] }),
      route("/a", { name: "second", methods: ["POST", "PUT"] }),
    ];
    assert.deepEqual(shadowed(routes), [
      { route: "second", by: "first", methods: ["POST"], unreachable: false },
    ]);
  });

  test("names every route that takes something away", () => {
    const routes = [
      route("/a", { name: "get", methods: ["GET"] }),
      route("/a", { name: "post", methods: ["POST"] }),
      route("/a", { name: "both", methods: ["GET", "POST"] }),
    ];
    assert.deepEqual(shadowed(routes), [
      { route: "both", by: "get", methods: ["GET"], unreachable: true },
      { route: "both", by: "post", methods: ["POST"], unreachable: true },
    ]);
  });

  test("reports a route that a higher priority covers, on the same template or a wider one", () => {
    assert.deepEqual(
      shadowed([route("/a", { name: "get", methods: ["GET"] }), route("/a", { name: "all", priority: 1 })]),
      [{ route: "get", by: "all", methods: ["GET"], unreachable: true }],
    );
    assert.deepEqual(shadowed([route("/a/{x}"), route("/a/*", { priority: 1 }), route("/b")]), [
      { route: "/a/{x}", by: "/a/*", ...whole },
    ]);
    assert.deepEqual(shadowed([route("/a"), route("/*", { methods: ["POST"], priority: 1 })]), [
      { route: "/a", by: "/*", ...whole },
    ]);
    assert.deepEqual(shadowed([route("/a"), route("/a/"), route("/a/", { name: "again" })]), [
      { route: "again", by: "/a/", ...whole },
    ]);
    assert.deepEqual(shadowed([route("/a/*"), route("/a/*", { name: "again" }), route("/a")]), [
      { route: "again", by: "/a/*", ...whole },
    ]);
  });

  test("reports nothing that some request still reaches", () => {
    for (const routes of [
      [route("/*"), route("/a"), route("/{x}"), route("/a/*")],
      [route("/a", { name: "all" }), route("/a", { name: "get", methods: ["GET"] })],
      [route("/a"), route("/a/")],
      [route("/a"), route("/{x}", { priority: 1 }), route("/{x}/")],
      [route("/a/*"), route("/a/{x}", { priority: 1 })],
      [route("/a"), route("/a", { name: "on a host", hosts: ["a.x"] })],
      [route("/a", { hosts: ["a.x"] }), route("/a", { name: "also on b.x", hosts: ["a.x", "b.x"] })],
      [route("/a", { hosts: ["*.x"] }), route("/a", { name: "exact", hosts: ["a.x"] })],
      [route("/a", { methods: ["GET"] }), route("/a", { name: "head", methods: ["HEAD"] })],
    ]) {
      assert.deepEqual(shadowed(routes), []);
    }
  });

  test("reports exactly what no request reaches", () => {
    const oneHost = anyRoute.map((plan) => route(plan.path.toLowerCase(), { ...plan, hosts: [] }));
    fc.assert(
      fc.property(fc.array(oneHost, { maxLength: 6 }), (drawn) => {
        const routes = drawn.map((plan, index) => ({
          ...plan,
          path: plan.path.toLowerCase(),
          name: `r${index}`,
        }));
        const router = buildRouter(routes);
        const reached = new Set(
          everyPath.flatMap((path) =>
            ["GET", "HEAD", "POST", "OPTIONS", "LOCK", "BREW"].map(
              (method) => `${chosen(router, method, path)} ${method}`,
            ),
          ),
        );
        const shadows = shadowed(routes);
        for (const plan of routes) {
          const lost = shadows.filter((shadow) => shadow.route === plan.name);
          const asked =
            plan.methods.length === 0 ? ["BREW"] : plan.methods.filter((method) => method !== "TRACE");
          const unreached = asked.filter((method) => !reached.has(`${plan.name} ${method}`));
          assert.deepEqual(
            lost.flatMap(({ methods }) => methods).sort(),
            unreached.filter((method) => method !== "BREW").sort(),
          );
          assert.equal(
            lost.some(({ unreachable }) => unreachable),
            unreached.length > 0 && unreached.length === asked.length,
          );
        }
      }),
      { numRuns: 2_000 },
    );
  });
});

/** Up to four segments, with and without a slash behind them. */
const everyPath: readonly string[] = (() => {
  const paths = [""];
  for (let from = 0, depth = 0; depth < 5; depth++) {
    const to = paths.length;
    for (; from < to; from++) for (const text of ["a", "b", "z"]) paths.push(`${paths[from]}/${text}`);
  }
  return paths.flatMap((path) => (path === "" ? ["/"] : [path, `${path}/`]));
})();
