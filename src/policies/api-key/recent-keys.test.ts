import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type Key, type KeyDirectory, keyPrincipal } from "../../core/keys.ts";
import { RecentKeys } from "./recent-keys.ts";

const keyOf = (id: string): Key => ({
  principal: keyPrincipal(id, "acme", "", ""),
  environment: "live",
  restrictions: null,
  standing: () => "active",
  markUsed: () => {},
});

class Directory implements KeyDirectory {
  generation = 0;
  find(): Key | null {
    return null;
  }
}

describe("the keys that were used lately", () => {
  test("are found by their secret, and by no other", () => {
    const recent = new RecentKeys(new Directory());
    const key = keyOf("one");
    recent.keep("tp_live_secret", key);
    assert.equal(recent.get("tp_live_secret"), key);
    for (const other of ["tp_live_secres", "tp_live_secre", "tp_live_secrett", "", "TP_LIVE_SECRET"]) {
      assert.equal(recent.get(other), null, other);
    }
  });

  test("never answer with another one's key, however many there are", () => {
    const recent = new RecentKeys(new Directory());
    const keys = Array.from({ length: 50_000 }, (_, n) => keyOf(`key-${n}`));
    for (const [n, key] of keys.entries()) recent.keep(`secret-${n}`, key);
    const found = keys.map((_, n) => recent.get(`secret-${n}`));
    assert.ok(found.every((key, n) => key === null || key === keys[n]));
    const kept = found.filter((key) => key !== null).length;
    assert.ok(kept > 2_000 && kept <= 4_096, `${kept} are kept`);
  });

  test("are forgotten when the directory says that what it gave may have changed", () => {
    const directory = new Directory();
    const recent = new RecentKeys(directory);
    recent.keep("secret", keyOf("old"));
    directory.generation++;
    assert.equal(recent.get("secret"), null);
  });
});
