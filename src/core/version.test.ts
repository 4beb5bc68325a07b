import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { canonicalVersion, compareVersions, isPreview } from "./version.ts";

describe("a version", () => {
  const spellings: readonly (readonly [written: string, canonical: string | null])[] = [
    ["1", "1"],
    ["v1", "1"],
    [" V1\t", "1"],
    ["1.2", "1.2"],
    ["v1beta1", "1beta1"],
    ["v1p1beta2", "1p1beta2"],
    ["2-Preview", "2-preview"],
    ["2026-11-01", "2026-11-01"],
    ["v2026-11-01", "2026-11-01"],
    ["2026-11-01-preview", "2026-11-01-preview"],
    ["2026-11-01.acacia", "2026-11-01.acacia"],
    ["", null],
    ["v", null],
    ["vv1", null],
    ["latest", null],
    ["1,2", null],
    ["1 2", null],
    ["-1", null],
    ["1.", null],
    ["1e3", null],
    ["2ray", null],
    ["0x1", null],
    ["99999", null],
    ["2026-1-1", null],
    ["2026-11-01-", null],
    [`2026-11-01-${"a".repeat(33)}`, null],
    ["١", null],
  ];
  for (const [written, canonical] of spellings) {
    test(`written ${JSON.stringify(written)} is ${canonical ?? "none"}`, () => {
      assert.equal(canonicalVersion(written), canonical);
    });
  }

  test("has one canonical spelling", () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[vV]?[0-9a-zA-Z.-]{1,12}$/), (text) => {
        const canonical = canonicalVersion(text);
        if (canonical !== null) assert.equal(canonicalVersion(canonical), canonical);
      }),
    );
  });
});

describe("versions in order", () => {
  const order = [
    "0",
    "1alpha",
    "1alpha2",
    "1beta1",
    "1beta2",
    "1beta10",
    "1rc1",
    "1",
    "1p1beta1",
    "1.2",
    "1.10",
    "2-preview",
    "2",
    "10",
    "2025-12-31",
    "2026-11-01-preview",
    "2026-11-01",
    "2026-11-01.acacia",
    "2026-11-01.basil",
    "2026-12-01",
  ];

  test("stand as people count, previews before what they preview, dates behind majors", () => {
    assert.deepEqual(order.toReversed().sort(compareVersions), order);
    fc.assert(
      fc.property(fc.shuffledSubarray(order), (some) => {
        assert.deepEqual(
          some.toSorted(compareVersions),
          order.filter((version) => some.includes(version)),
        );
      }),
    );
  });

  test("that are previews are known as such", () => {
    assert.deepEqual(order.filter(isPreview), [
      "1alpha",
      "1alpha2",
      "1beta1",
      "1beta2",
      "1beta10",
      "1rc1",
      "1p1beta1",
      "2-preview",
      "2026-11-01-preview",
    ]);
  });
});
