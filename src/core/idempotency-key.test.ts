import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { GatewayError } from "./errors.ts";
import { idempotencyKey } from "./idempotency-key.ts";

const visible = fc
  .array(fc.integer({ min: 0x21, max: 0x7e }), { minLength: 1, maxLength: 255 })
  .map((codes) => String.fromCharCode(...codes));

const refused = (values: readonly string[]): boolean => {
  try {
    idempotencyKey(values);
    return false;
  } catch (error) {
    return error instanceof GatewayError && error.code === "IDEMPOTENCY_KEY_INVALID";
  }
};

describe("an Idempotency-Key", () => {
  test("is the same bare and as a string", () => {
    fc.assert(
      fc.property(visible, (key) => {
        const quoted = `"${key.replaceAll(/["\\]/g, String.raw`\$&`)}"`;
        assert.equal(idempotencyKey([quoted]), key);
        if (!key.includes('"')) assert.equal(idempotencyKey([key]), key);
        else assert.ok(refused([key]));
      }),
    );
  });

  test("is none where there is no field, and refused where there are two", () => {
    assert.equal(idempotencyKey([]), null);
    assert.ok(refused(["a", "a"]));
  });

  test("has 1 to 255 visible characters, whatever else is in the field", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 300 }), (value) => {
        if (refused([value])) return;
        const key = idempotencyKey([value]) ?? "";
        assert.match(key, /^[!-~]{1,255}$/);
      }),
    );
    for (const value of ["", '""', "a".repeat(256), `"${"a".repeat(256)}"`, "a b", '"a b"', "\x7f", "é"])
      assert.ok(refused([value]), value);
  });
});
