import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { crc32 } from "node:zlib";
import fc from "fast-check";
import { DEFAULT_KEY_PREFIX, hasChecksum, isBroken, keySecret, secretHint } from "./key-format.ts";
import { KEY_ENVIRONMENTS } from "./keys.ts";

const prefixes = fc.stringMatching(/^[A-Za-z0-9]{1,16}$/);
const entropies = fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => Buffer.from(bytes));
const environments = fc.constantFrom(...KEY_ENVIRONMENTS);
const secrets = fc.tuple(prefixes, environments, entropies);

describe("the secret of a key", () => {
  test("has a prefix, an environment, 30 random characters and 6 of checksum", () => {
    fc.assert(
      fc.property(secrets, ([prefix, environment, entropy]) => {
        const secret = keySecret(prefix, environment, entropy);
        assert.match(secret, /^[A-Za-z0-9]{1,16}_(live|test)_[0-9A-Za-z]{36}$/);
        assert.ok(secret.startsWith(`${prefix}_${environment}_`));
        assert.equal(isBroken(secret, prefix), false);
      }),
    );
  });

  test("ends with the CRC-32 of the rest in base62, padded with zeros", () => {
    const secret = keySecret("tp", "live", Buffer.alloc(32, 7));
    const digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    const sum = [...secret.slice(-6)].reduce((number, digit) => number * 62 + digits.indexOf(digit), 0);
    assert.equal(sum, crc32(secret.slice(0, -6)));
  });

  test("is seen to be mistyped when any one character is another one", () => {
    fc.assert(
      fc.property(
        secrets,
        fc.nat(),
        fc.constantFrom(..."0aZ9"),
        ([prefix, environment, entropy], at, other) => {
          const secret = keySecret(prefix, environment, entropy);
          const from = prefix.length + 6;
          const place = from + (at % (secret.length - from));
          fc.pre(secret[place] !== other);
          assert.ok(isBroken(secret.slice(0, place) + other + secret.slice(place + 1), prefix));
        },
      ),
    );
  });

  test("differs with its entropy in every one of the 30 characters", () => {
    const low = keySecret("tp", "live", Buffer.alloc(32, 0));
    const high = keySecret("tp", "live", Buffer.alloc(32, 0xff));
    assert.equal(low.slice(8, 38), "0".repeat(30));
    assert.notEqual(low.slice(-6), high.slice(-6));
  });

  test("of another form is nobody's slip: it may have been issued elsewhere", () => {
    for (const foreign of [
      "",
      "tp_live_",
      "tp_live_short",
      "sk_live_4eC39HqLyjWDarjtT1zdp7dc",
      "any string, really",
    ])
      assert.equal(isBroken(foreign, DEFAULT_KEY_PREFIX), false);
    const ours = keySecret("sk", "live", Buffer.alloc(32, 1));
    const broken = `${ours.slice(0, -1)}${ours.endsWith("0") ? "1" : "0"}`;
    assert.deepEqual([isBroken(broken, "sk"), isBroken(broken, "tp")], [true, false]);
  });

  test("shows its start and four characters of the checksum, which hold none of its entropy", () => {
    fc.assert(
      fc.property(secrets, ([prefix, environment, entropy]) => {
        const secret = keySecret(prefix, environment, entropy);
        const { start, last4 } = secretHint(secret);
        assert.equal(start, `${prefix}_${environment}_`);
        assert.ok(secret.endsWith(last4) && last4.length === 4);
      }),
    );
  });

  test("of the admin token has the same checksum", () => {
    assert.ok(hasChecksum(keySecret("tp", "test", Buffer.alloc(32, 3))));
    assert.equal(hasChecksum("tpa_000000"), false);
  });
});
