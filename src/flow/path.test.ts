import assert from "node:assert/strict";
import { posix } from "node:path";
import { describe, test } from "node:test";
import fc from "fast-check";
import { GatewayError } from "../core/errors.ts";
import type { PathRules } from "../core/plan.ts";
import { foldPath, foldPathDecoded, normalisePath, splitTarget } from "./path.ts";

const strict: PathRules = { encodedSlash: "refuse", semicolon: "refuse" };
const lenient: PathRules = { encodedSlash: "keep", semicolon: "keep" };

/** In the tables below: the gateway answers INVALID_PATH. */
const refused = null;

function outcome(raw: string, rules: PathRules): string | null {
  try {
    return normalisePath(raw, rules);
  } catch (error) {
    assert.ok(error instanceof GatewayError && error.code === "INVALID_PATH", `${raw}: ${error}`);
    return refused;
  }
}

/** What attackers make of `/admin` (P-01), and what the strict rules make of that. */
const spellings: readonly (readonly [raw: string, normal: string | null])[] = [
  // Itself, and what is one with it for no server at all.
  ["/admin", "/admin"],
  ["/admin/", "/admin/"],
  ["/ADMIN", "/ADMIN"],
  ["/admin.", "/admin."],
  ["/admin...", "/admin..."],
  ["/admin%20", "/admin%20"],
  ["/.../admin", "/.../admin"],
  ["/pub../admin", "/pub../admin"],
  ["/..pub/admin", "/..pub/admin"],
  ["/.admin", "/.admin"],
  ["/admin~", "/admin~"],
  ["/admin+", "/admin+"],
  ["/admin:80", "/admin:80"],
  ["/@admin", "/@admin"],
  ["/admin|", "/admin|"],
  ["/[admin]", "/[admin]"],
  ["/admin%3F", "/admin%3F"],
  ["/admin%23", "/admin%23"],
  ["/admin%40", "/admin%40"],
  // Needless escapes.
  ["/%61dmin", "/admin"],
  ["/%61%64%6d%69%6e", "/admin"],
  ["/%61%64%6D%69%6E/%7e%2D%5F%2e", "/admin/~-_."],
  ["/adm%69n/", "/admin/"],
  ["/%41dmin", "/Admin"],
  // Empty segments.
  ["//admin", "/admin"],
  ["///admin", "/admin"],
  ["/admin//", "/admin/"],
  ["//admin//x", "/admin/x"],
  ["/pub//..//admin", "/admin"],
  ["//", "/"],
  // Dot segments, spelled out.
  ["/./admin", "/admin"],
  ["/admin/.", "/admin/"],
  ["/admin/./", "/admin/"],
  ["/pub/../admin", "/admin"],
  ["/pub/./../admin", "/admin"],
  ["/pub/x/../../admin", "/admin"],
  ["/pub/..//admin", "/admin"],
  ["/pub//../admin", "/admin"],
  ["/admin/x/..", "/admin/"],
  ["/admin/..", "/"],
  ["/pub/../", "/"],
  // Dot segments, encoded.
  ["/%2e/admin", "/admin"],
  ["/pub/%2e%2e/admin", "/admin"],
  ["/pub/.%2e/admin", "/admin"],
  ["/pub/%2E./admin", "/admin"],
  ["/pub/%2e%2E/%61dmin", "/admin"],
  ["/admin/%2e", "/admin/"],
  ["/pub/%2e%2e%2fadmin", refused],
  // Above the root.
  ["/../admin", refused],
  ["/%2e%2e/admin", refused],
  ["/pub/../../admin", refused],
  ["/pub//../../admin", refused],
  ["/..", refused],
  // Encoded slashes and backslashes.
  ["/pub/..%2fadmin", refused],
  ["/pub/..%2Fadmin", refused],
  ["/pub%2f..%2fadmin", refused],
  ["/%2fadmin", refused],
  ["/admin%2f", refused],
  ["/admin%2fx", refused],
  ["/pub/..%5cadmin", refused],
  ["/pub%5c..%5cadmin", refused],
  ["/admin%5C", refused],
  ["/%5cadmin", refused],
  // Plain backslashes.
  ["/pub\\..\\admin", refused],
  ["/pub/..\\admin", refused],
  ["\\admin", refused],
  ["/\\admin", refused],
  // Path parameters.
  ["/admin;", refused],
  ["/admin;x=1", refused],
  ["/;/admin", refused],
  ["/;x/admin", refused],
  ["/pub/..;/admin", refused],
  ["/pub/..;x=1/admin", refused],
  ["/pub/.;/admin", refused],
  ["/admin%3b", refused],
  ["/pub/..%3B/admin", refused],
  // Encoded twice.
  ["/%2561dmin", refused],
  ["/pub/%252e%252e/admin", refused],
  ["/pub/..%252fadmin", refused],
  ["/pub/%25%32%65%25%32%65/admin", refused],
  ["/pub/%252%65/admin", refused],
  ["/pub/%25%32e/admin", refused],
  ["/pub/%255cadmin", refused],
  // Broken escapes.
  ["/admin%", refused],
  ["/admin%2", refused],
  ["/admin%zz", refused],
  ["/%u0061dmin", refused],
  ["/pub/%2/admin", refused],
  ["/%-1admin", refused],
  // Not UTF-8.
  ["/pub/%c0%ae%c0%ae/admin", refused],
  ["/pub/..%c0%afadmin", refused],
  ["/%c1%a1dmin", refused],
  ["/%e0%80%afadmin", refused],
  ["/%f0%80%80%afadmin", refused],
  ["/admin%ff", refused],
  ["/admin%80", refused],
  ["/admin%c3", refused],
  ["/admin%c3x", refused],
  ["/admin%ed%a0%80", refused],
  ["/admin%f4%90%80%80", refused],
  ["/admin%fe", refused],
  // Controls.
  ["/admin%00", refused],
  ["/admin%00.png", refused],
  ["/pub%00/../admin", refused],
  ["/admin%09", refused],
  ["/admin%0a", refused],
  ["/admin%0d%0aX:1", refused],
  ["/admin%1f", refused],
  ["/admin%7f", refused],
  ["/admin\u0000", refused],
  ["/admin\t", refused],
  ["/admin\u007f", refused],
  // What no path has (RFC 3986 §3.3).
  ["/admin ", refused],
  ["/admin#", refused],
  ["/pub#/../admin", refused],
  ["/admin?", refused],
  ['/admin"', refused],
  ["/<admin>", refused],
  ["/admin^", refused],
  ["/admin`", refused],
  ["/{admin}", refused],
  ["/adm\u00ecn", refused],
  ["/\u212aadmin", refused],
  ["/\uff0e\uff0e/admin", refused],
  // No path at all.
  ["admin", refused],
  ["", refused],
  ["*", refused],
  ["./admin", refused],
  ["%2fadmin", refused],
  ["http://h/admin", refused],
];

/** Dots hidden from those who do not decode, do not cut `;…`, or do not trim. */
const hidden: readonly (readonly [raw: string, normal: string | null])[] = [
  ["/pub/a%2fb", "/pub/a%2Fb"],
  ["/pub/a%2f%2Fb%5c", "/pub/a%2F%2Fb%5C"],
  ["/pub/a%2f../admin", refused],
  ["/pub/..%2fadmin", refused],
  ["/pub/.%2fadmin", refused],
  ["/pub%2f..%2fadmin", refused],
  ["/pub%2f.%2fadmin", refused],
  ["/pub%2f%2e%2e", refused],
  ["/pub/%2e%2e%5cadmin", refused],
  ["/pub%5c..", refused],
  ["/pub/a%2f..;x", refused],
  ["/pub/a%2f;x", refused],
  ["/pub/a%2f../../admin", refused],
  ["/pub/a%2f...", "/pub/a%2F..."],
  ["/pub/a..%2fb", "/pub/a..%2Fb"],
  ["/pub/a%2Fb/../admin", "/pub/admin"],
  ["/admin;x=1", "/admin;x=1"],
  ["/admin;", "/admin;"],
  ["/admin;x/../pub", "/pub"],
  ["/admin%3bx", "/admin%3Bx"],
  ["/pub/..;/admin", refused],
  ["/pub/..;x=1/admin", refused],
  ["/pub/%2e.;/admin", refused],
  ["/pub/.;/admin", refused],
  ["/pub/.;x", refused],
  ["/;/admin", refused],
  ["/;x=1/admin", refused],
  ["/pub/%3Bx/admin", refused],
  ["/pub/..%3b/admin", refused],
  ["/pub/...;/admin", "/pub/...;/admin"],
  ["/pub/..%20/admin", refused],
  ["/pub/.%20", refused],
  ["/pub/..%3f", refused],
  ["/pub/..%23x/admin", refused],
  ["/pub/..x%20", "/pub/..x%20"],
];

describe("normalisePath", () => {
  for (const [raw, normal] of spellings) {
    test(`${normal === refused ? "refuses" : `reads as ${normal}`}: ${JSON.stringify(raw)}`, () => {
      assert.equal(outcome(raw, strict), normal);
    });
  }

  for (const [raw, normal] of hidden) {
    test(`with slashes and semicolons kept ${normal === refused ? "refuses" : `reads as ${normal}`}: ${raw}`, () => {
      assert.equal(outcome(raw, lenient), normal);
    });
  }

  test("refuses by each rule on its own", () => {
    assert.equal(outcome("/a%2Fb", { encodedSlash: "keep", semicolon: "refuse" }), "/a%2Fb");
    assert.equal(outcome("/a;b", { encodedSlash: "keep", semicolon: "refuse" }), refused);
    assert.equal(outcome("/a%3Bb", { encodedSlash: "keep", semicolon: "refuse" }), refused);
    assert.equal(outcome("/a;b", { encodedSlash: "refuse", semicolon: "keep" }), "/a;b");
    assert.equal(outcome("/a%2Fb", { encodedSlash: "refuse", semicolon: "keep" }), refused);
    assert.equal(outcome("/a%5Cb", { encodedSlash: "refuse", semicolon: "keep" }), refused);
  });

  test("returns what needs no change unchanged", () => {
    for (const path of [
      "/",
      "/a",
      "/a/",
      "/.well-known/x",
      "/a.b/..c/d..",
      "/-._~!$&'()*+,=:@/AZaz09",
      "/caf%C3%A9/%F0%9F%98%80",
      "/100%25",
      "/a%20b%2Bc",
    ]) {
      assert.equal(outcome(path, strict), path);
    }
  });

  test("keeps escapes that stand for reserved characters, in upper case", () => {
    assert.equal(
      outcome("/%3a%40%21%24%26%27%28%29%2a%2b%2c%3d%5b%5d%7b%7d", strict),
      "/%3A%40%21%24%26%27%28%29%2A%2B%2C%3D%5B%5D%7B%7D",
    );
  });

  test("says which rule was broken", () => {
    assert.throws(() => normalisePath("/a%2fb", strict), {
      message: "The path contains an encoded slash or backslash.",
    });
    assert.throws(() => normalisePath("/..", strict), { message: "The path goes above the root." });
  });

  test("is its own normal form", () => {
    fc.assert(
      fc.property(anyPath, anyRules, (raw, rules) => {
        const normal = outcome(raw, rules);
        if (normal !== refused) assert.equal(normalisePath(normal, rules), normal);
      }),
      { numRuns: 5_000 },
    );
  });

  test("makes paths that WHATWG URL and POSIX path rules leave as they are", () => {
    fc.assert(
      fc.property(anyPath, anyRules, (raw, rules) => {
        const normal = outcome(raw, rules);
        if (normal === refused) return;
        assert.equal(new URL(`http://h${normal}`).pathname, normal);
        assert.equal(posix.normalize(normal), normal);
      }),
      { numRuns: 5_000 },
    );
  });

  test("leaves no segment that is empty or made of dots, however often it is decoded and wherever it is cut", () => {
    fc.assert(
      fc.property(anyPath, anyRules, (raw, rules) => {
        const normal = outcome(raw, rules);
        if (normal === refused) return;
        assert.match(normal, /^\/[!-~]*$/);
        assert.doesNotMatch(normal, /[\\?#"<>^`{} ]|\/\//);
        const decoded = decodeURIComponent(normal);
        assert.equal(decodeTwice(decoded), decoded, "a second decoding changes nothing");
        for (const part of decoded.split(/[/\\]/)) {
          assert.doesNotMatch(part, /^\.{1,2} *$/);
          assert.doesNotMatch(part, /^\.{1,2} *[;?#]/);
          assert.doesNotMatch(part, /^;/);
        }
      }),
      { numRuns: 5_000 },
    );
  });

  test("reads a path as a WHATWG URL does wherever that has nothing to guess", () => {
    const segment = fc.constantFrom("a", "b", ".", "..", "%2e", "%2E%2e", ".%2e", "c.d");
    fc.assert(
      fc.property(fc.array(segment, { maxLength: 8 }), fc.boolean(), (segments, slash) => {
        const raw = `/${segments.join("/")}${slash && segments.length > 0 ? "/" : ""}`;
        const normal = outcome(raw, strict);
        if (normal !== refused) assert.equal(normal, new URL(`http://h${raw}`).pathname);
      }),
      { numRuns: 2_000 },
    );
  });
});

describe("splitTarget", () => {
  test("cuts at the first question mark and keeps the rest byte for byte", () => {
    assert.deepEqual(splitTarget("/a"), { path: "/a", query: "" });
    assert.deepEqual(splitTarget("/a?"), { path: "/a", query: "?" });
    assert.deepEqual(splitTarget("/a?b=1&b=%2f+?/../"), { path: "/a", query: "?b=1&b=%2f+?/../" });
  });

  test("refuses a fragment", () => {
    for (const target of ["/a#b", "/a?b#c", "#"]) {
      assert.throws(() => splitTarget(target), { code: "INVALID_PATH" });
    }
  });
});

describe("foldPath", () => {
  const folds: readonly (readonly [path: string, folded: string])[] = [
    ["/admin/x.json", "/admin/x.json"],
    ["/", "/"],
    ["/Admin/X", "/admin/x"],
    ["/admin;x=1/y;", "/admin/y"],
    ["/admin%3Bx/y", "/admin/y"],
    ["/%40me/a%21", "/@me/a!"],
    ["/caf%C3%89", "/caf\u00e9"],
    ["/admin./x..", "/admin/x"],
    ["/admin%20/x%20.%20", "/admin/x"],
    ["/.../%20/x", "/.../ /x"],
    ["/a%2FB", "/a%2fb"],
  ];
  for (const [path, folded] of folds) {
    test(`reads ${path} as ${folded}`, () => assert.equal(foldPath(path), folded));
  }

  test("never changes the number of segments", () => {
    fc.assert(
      fc.property(anyPath, (raw) => {
        const normal = outcome(raw, lenient);
        if (normal !== refused) assert.equal(foldPath(normal).split("/").length, normal.split("/").length);
      }),
      { numRuns: 2_000 },
    );
  });
});

describe("foldPathDecoded", () => {
  test("is only there for paths with an escape that could end or divide a segment", () => {
    assert.equal(foldPathDecoded("/Admin/%20;x"), null);
    assert.equal(foldPathDecoded("/%2Fadmin%5CX%2F%2Fy"), "/admin/x/y");
    assert.equal(foldPathDecoded("/Admin%3F/x"), "/admin");
    assert.equal(foldPathDecoded("/admin/%23x"), "/admin/");
  });
});

const pieces = fc.constantFrom(
  ..."/ / / . .. ... ; ;x %2e %2E %2f %5c %3b %3f %23 %20 %25 %61 %41 %c3%a9 %ff %00 2e 5c a b A admin pub ~ @ :".split(
    " ",
  ),
);
const anyPath = fc.oneof(
  fc.array(pieces, { maxLength: 14 }).map((parts) => `/${parts.join("")}`),
  fc.string({ unit: "binary-ascii", maxLength: 20 }).map((text) => `/${text}`),
  fc.webPath(),
);
const anyRules: fc.Arbitrary<PathRules> = fc.record({
  encodedSlash: fc.constantFrom("refuse", "keep"),
  semicolon: fc.constantFrom("refuse", "keep"),
});

/** As a careless server does: what cannot be decoded stays. */
function decodeTwice(decoded: string): string {
  return decoded.replace(/%[0-9A-Fa-f]{2}/g, (found) =>
    String.fromCharCode(Number.parseInt(found.slice(1), 16)),
  );
}
