import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { hasChecksum } from "../src/core/key-format.ts";
import { hashOf, secretOf } from "./stack.ts";

describe("secretOf", () => {
  const secrets = Array.from({ length: 1000 }, (_, index) => secretOf(index - 1));

  test("gives every key another secret, and the same again", () => {
    assert.equal(new Set(secrets).size, 1000);
    assert.equal(secretOf(7), secrets[8]);
  });

  test("gives all secrets one length, which the load script relies on", () => {
    assert.deepEqual([...new Set(secrets.map(({ length }) => length))], ["tp_live_".length + 36]);
  });

  test("is refused by nobody for its checksum, so that unknown ones are looked up", () => {
    assert.ok(secrets.every(hasChecksum));
  });
});

describe("hashOf", () => {
  test("is the SHA-256 that a config holds", () => {
    assert.equal(hashOf("abc"), "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  });
});
