import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, test } from "node:test";
import fc from "fast-check";
import { keyPrincipal, Restrictions, secretDigest } from "./keys.ts";

describe("the digest of a secret", () => {
  test("is the SHA-256 of the bytes that came in the header, ASCII or not", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        const received = Buffer.from(bytes).toString("latin1");
        assert.equal(secretDigest(received), createHash("sha256").update(bytes).digest("binary"));
      }),
    );
  });

  test("of UTF-8 text is what sha256sum prints for it", () => {
    const received = Buffer.from("geheim ü", "utf8").toString("latin1");
    assert.equal(
      Buffer.from(secretDigest(received), "latin1").toString("hex"),
      createHash("sha256").update("geheim ü", "utf8").digest("hex"),
    );
  });
});

describe("the restrictions of a key", () => {
  const none = { ipRanges: [], methods: [], routes: [] };

  test("are none where the lists are empty", () => {
    assert.equal(Restrictions.of(none), null);
  });

  test("allow the networks, IPv4-mapped addresses included, and no other", () => {
    const restrictions = Restrictions.of({ ...none, ipRanges: ["10.0.0.0/8", "2001:db8::/32"] });
    const allowed = ["10.1.2.3", "::ffff:10.1.2.3", "2001:db8::1", "11.0.0.1", "2001:db9::1", ""];
    assert.deepEqual(
      allowed.map((address) => restrictions?.allowAddress(address)),
      [true, true, true, false, false, false],
    );
    assert.ok(restrictions?.allowMethod("DELETE") && restrictions.allowRoute("any"));
  });

  test("that allow GET allow HEAD, and nothing else", () => {
    const restrictions = Restrictions.of({ ...none, methods: ["GET"] });
    assert.deepEqual(
      ["GET", "HEAD", "POST"].map((method) => restrictions?.allowMethod(method)),
      [true, true, false],
    );
  });

  test("allow the named routes only", () => {
    const restrictions = Restrictions.of({ ...none, routes: ["orders"] });
    assert.deepEqual([restrictions?.allowRoute("orders"), restrictions?.allowRoute("")], [true, false]);
  });
});

describe("what an upstream is told of a key's owner", () => {
  test("is a line for each thing that is known", () => {
    assert.equal(
      keyPrincipal("key_1", "acme", "orders:read orders:write", "gold").fields,
      "X-Consumer-Id: acme\r\nX-Consumer-Key-Id: key_1\r\nX-Consumer-Scopes: orders:read orders:write\r\nX-Consumer-Plan: gold\r\n",
    );
    assert.equal(keyPrincipal("k", "a", "", "").fields, "X-Consumer-Id: a\r\nX-Consumer-Key-Id: k\r\n");
  });

  test("cannot end its line, and no two owners become the same", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), fc.string({ unit: "binary" }), (a, b) => {
        fc.pre(a.toWellFormed() !== b.toWellFormed() && a !== "" && b !== "");
        const [one, two] = [keyPrincipal("k", a, "", "").fields, keyPrincipal("k", b, "", "").fields];
        assert.match(one, /^X-Consumer-Id: [!-~](?:[ -~]*[!-~])?\r\nX-Consumer-Key-Id: k\r\n$/);
        assert.notEqual(one, two);
      }),
    );
  });
});
