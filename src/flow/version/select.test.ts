import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { GatewayError } from "../../core/errors.ts";
import { foldPath, normalisePath } from "../path.ts";
import { versionPrefix } from "./select.ts";

const KEEP = { encodedSlash: "keep", semicolon: "keep" } as const;
const piece = fc.constantFrom(
  "v1",
  "V2beta1",
  "v2026-11-01",
  "v",
  "%2F",
  "%5C",
  ";",
  "%3B",
  ".",
  "a",
  "/",
  "%20",
  "%3F",
);
const normalPath = fc.array(piece, { maxLength: 8 }).map((pieces) => {
  try {
    return normalisePath(`/${pieces.join("")}`, KEEP);
  } catch {
    return "/";
  }
});

describe("the version in a path", () => {
  test("is its first segment or nothing, and leaves a path in normal form", () => {
    fc.assert(
      fc.property(normalPath, (path) => {
        const prefix = prefixOr404(path);
        if (prefix === null || prefix === "") return;
        assert.match(prefix, /^\/[vV][^/]+$/);
        const rest = path.slice(prefix.length) || "/";
        assert.equal(normalisePath(rest, KEEP), rest);
      }),
      { numRuns: 2_000 },
    );
  });

  test("is never overlooked where an origin that reads leniently would see one", () => {
    fc.assert(
      fc.property(normalPath, (path) => {
        if (prefixOr404(path) !== "") return;
        assert.equal(prefixOr404(foldPath(path)), "", `${path} is read as ${foldPath(path)}`);
      }),
      { numRuns: 2_000 },
    );
  });
});

/** Null where the path is refused. */
function prefixOr404(path: string): string | null {
  try {
    return versionPrefix(path);
  } catch (error) {
    assert.ok(error instanceof GatewayError && error.code === "ROUTE_NOT_FOUND");
    return null;
  }
}
