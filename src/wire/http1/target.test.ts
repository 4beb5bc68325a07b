import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { GatewayError } from "../../core/errors.ts";
import { parseRequestHead } from "./head.ts";
import { normaliseHost, resolveTarget, type Target } from "./target.ts";

const LIMITS = { uri: 8192, headers: 16_384, header: 8192, headerCount: 100 };

/** What a request line and its Host lines are resolved to, or the code they are refused with. */
function resolve(line: string, hosts: readonly string[], last = { field: "", host: "" }): Target | string {
  const fields = hosts.map((host) => `Host: ${host}\r\n`).join("");
  const head = parseRequestHead(`${line}\r\n${fields}\r\n`, LIMITS);
  assert.ok(head !== null);
  return codeOf(() => resolveTarget(head, last));
}

function codeOf<T>(work: () => T): T | string {
  try {
    return work();
  } catch (error) {
    assert.ok(error instanceof GatewayError, String(error));
    return error.code;
  }
}

describe("a request target", () => {
  const accepted: readonly (readonly [line: string, target: string, host: string])[] = [
    ["GET / HTTP/1.1", "/", "a"],
    ["GET /p?q=1 HTTP/1.1", "/p?q=1", "a"],
    ["GET //evil/p HTTP/1.1", "//evil/p", "a"],
    ["OPTIONS * HTTP/1.1", "*", "a"],
    // RFC 9112 §3.2.2: the absolute form decides, Host does not.
    ["GET http://b HTTP/1.1", "/", "b"],
    ["GET HTTP://B:080/p HTTP/1.1", "/p", "b:80"],
    ["GET https://b?q HTTP/1.1", "/?q", "b"],
    ["GET http://b./x?http://c HTTP/1.1", "/x?http://c", "b"],
    ["CONNECT b:443 HTTP/1.1", "/", "b:443"],
  ];
  for (const [line, target, host] of accepted) {
    test(`is resolved: ${line}`, () => assert.deepEqual(resolve(line, ["a"]), { target, host }));
  }

  const refused: readonly (readonly [line: string, code: string])[] = [
    ["GET * HTTP/1.1", "MALFORMED_REQUEST"],
    ["GET admin HTTP/1.1", "MALFORMED_REQUEST"],
    ["GET a:80 HTTP/1.1", "MALFORMED_REQUEST"],
    ["OPTIONS ** HTTP/1.1", "MALFORMED_REQUEST"],
    ["GET ftp://b/ HTTP/1.1", "MALFORMED_REQUEST"],
    ["GET http:/b HTTP/1.1", "MALFORMED_REQUEST"],
    ["GET http:// HTTP/1.1", "INVALID_HOST"],
    ["GET http:///p HTTP/1.1", "INVALID_HOST"],
    ["GET http://u@b/ HTTP/1.1", "INVALID_HOST"],
    ["GET http://b:99999/ HTTP/1.1", "INVALID_HOST"],
    ["GET http://b\\c/ HTTP/1.1", "INVALID_HOST"],
    ["CONNECT / HTTP/1.1", "INVALID_HOST"],
  ];
  for (const [line, code] of refused) {
    test(`is refused: ${line}`, () => assert.equal(resolve(line, ["a"]), code));
  }
});

describe("Host", () => {
  test("is required of HTTP/1.1 and not of HTTP/1.0", () => {
    assert.equal(resolve("GET / HTTP/1.1", []), "INVALID_HOST");
    assert.deepEqual(resolve("GET / HTTP/1.0", []), { target: "/", host: "" });
  });

  test("is refused twice, equal or not, in either version", () => {
    for (const version of ["HTTP/1.1", "HTTP/1.0"]) {
      assert.equal(resolve(`GET / ${version}`, ["a", "a"]), "INVALID_HOST");
      assert.equal(resolve(`GET / ${version}`, ["a", "b"]), "INVALID_HOST");
    }
  });

  test("is refused when it is malformed, even where an absolute target decides", () => {
    assert.equal(resolve("GET http://b/ HTTP/1.1", ["a b"]), "INVALID_HOST");
    assert.equal(resolve("GET http://b/ HTTP/1.1", []), "INVALID_HOST");
  });

  test("is taken from the memory only where it is the same, and never when it is empty", () => {
    const last = { field: "", host: "" };
    assert.deepEqual(resolve("GET / HTTP/1.1", ["A."], last), { target: "/", host: "a" });
    assert.deepEqual(resolve("GET / HTTP/1.1", ["A."], last), { target: "/", host: "a" });
    assert.deepEqual(resolve("GET / HTTP/1.1", ["b"], last), { target: "/", host: "b" });
    assert.equal(resolve("GET / HTTP/1.1", [""], last), "INVALID_HOST");
    assert.equal(resolve("GET / HTTP/1.1", [""]), "INVALID_HOST");
  });

  test("is not remembered when it was refused", () => {
    const last = { field: "", host: "" };
    assert.equal(resolve("GET / HTTP/1.1", ["a,b"], last), "INVALID_HOST");
    assert.equal(resolve("GET / HTTP/1.1", ["a,b"], last), "INVALID_HOST");
  });
});

describe("the normal form of a host (H-09)", () => {
  const hosts: readonly (readonly [given: string, normal: string])[] = [
    ["example.com", "example.com"],
    ["EXAMPLE.Com.", "example.com"],
    ["a:80", "a:80"],
    ["a.:080", "a:80"],
    ["a:0", "a:0"],
    ["x_y-z.1", "x_y-z.1"],
    ["127.0.0.1:65535", "127.0.0.1:65535"],
    ["[::1]", "[::1]"],
    ["[FE80::A]:8", "[fe80::a]:8"],
    ["[::ffff:1.2.3.4]", "[::ffff:1.2.3.4]"],
    ["a".repeat(255), "a".repeat(255)],
  ];
  for (const [given, normal] of hosts) {
    test(`of ${given.slice(0, 20)} is ${normal.slice(0, 20)}`, () => {
      assert.equal(normaliseHost(given), normal);
      assert.equal(normaliseHost(normal), normal, "and stays so");
    });
  }

  test("does not exist for what is no host", () => {
    const bad = [
      "",
      ".",
      "a..b",
      ".a",
      "a..",
      "a,b",
      "u@a",
      "a/b",
      "a?b",
      "a:",
      "a:98777",
      "a:1:2",
      "a:-1",
      "a b",
    ];
    bad.push("a%2eb", "ä", "a\x80", "[::1", "::1", "[1.2.3.4]", "[::1%eth0]", "[::g]", "[]", "a\\b", "a#b");
    bad.push("a".repeat(256), "a".repeat(300), "a:000080");
    for (const host of bad)
      assert.equal(
        codeOf(() => normaliseHost(host)),
        "INVALID_HOST",
        host,
      );
  });
});
