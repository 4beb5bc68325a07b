/** H-08, H-09, HTTP-17, HTTP-19: which server and which resource a request names. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { fieldsOf, ok } from "../harness/origin.ts";
import { type Attack, assertEnvelope, each, get, refuses, Stand } from "./stand.ts";

function target(text: string, method = "GET"): Attack {
  return {
    name: `${method} ${JSON.stringify(text)}`,
    bytes: `${method} ${text} HTTP/1.1\r\nHost: example.com\r\nX: evil\r\n\r\n`,
  };
}

describe("a request target", () => {
  let stand: Stand;
  before(async () => {
    stand = await Stand.open(
      {},
      { answer: ({ target }) => ok(target.startsWith("/victim") ? `GET ${target} 0` : target) },
    );
  });
  after(() => stand.close());

  test("that is neither a path nor an http URL is refused with 400", () => {
    const texts = [
      "*",
      "admin",
      "admin/",
      "evil.example:80",
      "example.com",
      "?",
      "?a=b",
      "./a",
      "../a",
      ".",
      "..",
      "\\",
      "\\admin",
      "%2fadmin",
      ":80/",
      "http:",
      "http:/",
      "http:/a",
      "http://",
      "http:///a",
      "http://?a",
      "http:\\\\example.com\\a",
      "http:example.com",
      "ftp://example.com/",
      "file:///etc/passwd",
      "gopher://example.com/",
      "ws://example.com/",
      "javascript:alert(1)",
      "data:,",
      "mailto:a@b",
      "httpx://example.com/",
      "http://user@example.com/",
      "http://user:pass@example.com/",
      "http://example.com:99999/",
      "http://example.com:x/",
      "http://example.com:/",
      "http://exa mple.com/",
      "http://[::1/",
      "http://[zz]/",
      "http://a,b/",
      "http://%65xample.com/",
      "http://example.com\\@evil.example/",
    ];
    return refuses(
      stand,
      texts.map((text) => target(text)),
      { status: 400 },
    );
  });

  test("with a fragment, also an empty one, is refused with 400 wherever it stands", () => {
    const texts = [
      "/#",
      "/a#b",
      "/a#",
      "/a?b#c",
      "/#/admin",
      "#",
      "#a",
      "http://example.com/#a",
      "http://example.com#a",
      "/pub#/../admin",
      "*#",
    ];
    return refuses(
      stand,
      texts.map((text) => target(text)),
      { status: 400, code: "MALFORMED_REQUEST" },
    );
  });

  test("with a byte from 0x80 on is refused with 400 in path, query and host", () => {
    const attacks: Attack[] = [];
    for (let byte = 0x80; byte <= 0xff; byte++) {
      const char = String.fromCharCode(byte);
      attacks.push(
        target(`/a${char}b`),
        target(`/a?b=${char}`),
        target(`http://ex${char}mple.com/`),
        target(`${char}/a`),
      );
    }
    return refuses(stand, attacks, { status: 400, code: "MALFORMED_REQUEST", slowly: false });
  });

  test("of `*` belongs to OPTIONS alone", () => {
    const methods = ["GET", "POST", "PUT", "PATCH", "DELETE", "QUERY", "TRACE"];
    return refuses(
      stand,
      methods.map((method) => target("*", method)),
      { status: 400 },
    );
  });

  test("in absolute form is forwarded in origin form, to the host it names and not the one in Host", async () => {
    const rows: [sent: string, path: string, host: string][] = [
      ["http://example.com/a", "/a", "example.com"],
      ["http://other.example/a?b=c", "/a?b=c", "other.example"],
      ["HTTP://OTHER.Example:8080/A", "/A", "other.example:8080"],
      ["https://other.example/", "/", "other.example"],
      ["http://other.example", "/", "other.example"],
      ["http://other.example?a", "/?a", "other.example"],
      ["http://other.example./a", "/a", "other.example"],
      ["http://other.example:00080/", "/", "other.example:80"],
      ["http://127.0.0.1:1/a", "/a", "127.0.0.1:1"],
      ["http://[::1]:1/a", "/a", "[::1]:1"],
      ["http://other.example//a/../b", "/b", "other.example"],
      ["http://other.example/http://third.example/", "/http:/third.example/", "other.example"],
    ];
    await each(
      rows.map(([sent, path, host]) => ({ name: sent, sent, path, host })),
      async ({ sent, path, host }) => {
        const response = await stand.ask(`GET ${sent} HTTP/1.1\r\nHost: example.com\r\n\r\n`);
        assert.equal(response.body.toString(), path);
        const seen = stand.origin.requests.findLast((request) => request.target === path);
        assert.ok(seen);
        assert.deepEqual(fieldsOf(seen, "host"), [host]);
        assert.deepEqual(fieldsOf(seen, "x-forwarded-host"), [host]);
      },
      1,
    );
  });

  test("in absolute form does not make up for a missing or malformed Host", async () => {
    for (const host of ["", "Host: a b\r\n", "Host: a\r\nHost: a\r\n", "Host:\r\n"]) {
      const response = await stand.ask(`GET http://example.com/x HTTP/1.1\r\n${host}\r\n`);
      assert.equal(response.status, 400, JSON.stringify(host));
    }
  });

  test("of CONNECT is never followed: 405 or 400, and the connection is closed", async () => {
    const texts = [
      "evil.example:443",
      "example.com:80",
      "127.0.0.1:22",
      "[::1]:1",
      "evil.example",
      "/",
      "/evil",
      "*",
      "http://evil.example/",
      ":80",
      "evil.example:99999",
    ];
    const attacks = texts.flatMap((text) => [
      target(text, "CONNECT"),
      {
        name: `CONNECT ${text} with bytes behind it`,
        bytes: `CONNECT ${text} HTTP/1.1\r\nHost: a\r\n\r\nGET /evil HTTP/1.1\r\nHost: a\r\n\r\n`,
      },
    ]);
    await refuses(stand, attacks, { status: [400, 405, 501] });
  });
});

describe("CONNECT", () => {
  test("is 405 or 501, not 404 or 421, also where no route takes `/` and where routes are bound to hosts", async () => {
    await using stand = await Stand.open({
      routes: [{ name: "a", path: "/a", hosts: ["bound.example"], to: { upstream: "origin" } }],
    });
    for (const text of ["bound.example:443", "evil.example:443"]) {
      const response = await stand.ask(`CONNECT ${text} HTTP/1.1\r\nHost: ${text}\r\n\r\n`);
      assert.ok([405, 501].includes(response.status), `${text}: ${response.status}`);
      if (response.status === 405) assert.ok(response.headers.get("allow")?.[0]);
      assert.deepEqual(response.headers.get("connection"), ["close"]);
    }
  });
});

describe("Host", () => {
  let stand: Stand;
  before(async () => {
    stand = await Stand.open();
  });
  after(() => stand.close());

  const hosts = (value: string): Attack => ({
    name: `Host: ${JSON.stringify(value.slice(0, 60))}`,
    bytes: `GET /evil HTTP/1.1\r\nHost:${value}\r\n\r\n`,
  });

  test("that is missing in HTTP/1.1, or repeated, is refused", () => {
    const attacks = [
      { name: "none", bytes: "GET /evil HTTP/1.1\r\nA: b\r\n\r\n" },
      { name: "none at all", bytes: "GET /evil HTTP/1.1\r\n\r\n" },
      ...[
        "a\r\nHost: a",
        "a\r\nHost: b",
        "a\r\nX: y\r\nhost: a",
        "\r\nHost: a",
        "a\r\nHost:",
        "a\r\nHOST: b\r\nhOST: c",
      ].map(hosts),
    ];
    return refuses(stand, attacks, { status: 400, code: "INVALID_HOST" });
  });

  test("that is no host name or address with an optional port is refused, also as the first of a connection", () => {
    const values = [
      "",
      " ",
      "\t",
      ".",
      "..",
      ".a",
      "a..b",
      "a..",
      ":",
      ":80",
      "a:",
      "a:1:2",
      "a:98777",
      "a:65536",
      "a:999999",
      "a:-1",
      "a:+1",
      "a:0x50",
      "a:8o",
      "a: 80",
      "a :80",
      "a,b",
      "a, b",
      "a;b",
      "a b",
      "a\tb",
      "user@a",
      "user:pass@a",
      "@a",
      "a@",
      "a/",
      "a/b",
      "/",
      "http://a",
      "http://a/",
      "a?b",
      "a#b",
      "a%2eb",
      "%61",
      "a%00",
      "a\\b",
      "\\",
      "[",
      "]",
      "[]",
      "[::1",
      "::1]",
      "::1",
      "[::1]x",
      "[::1]:",
      "[::1]:99999",
      "[::g]",
      "[1.2.3.4]",
      "[::1%25eth0]",
      "[fe80::1%eth0]",
      "[v1.a]",
      "a[::1]",
      '"a"',
      "'a'",
      "<a>",
      "(a)",
      "{a}",
      "a|b",
      "a^b",
      "a`b",
      "a!b",
      "a$b",
      "a&b",
      "a*b",
      "*",
      "a=b",
      "a+b",
      "a~b",
      "a\u0080",
      "\u00fc.example",
      "a\u00a0",
      "a".repeat(256),
      "a".repeat(300),
      `${"a.".repeat(150)}a`,
    ];
    return refuses(
      stand,
      values.map((value) => hosts(` ${value}`)),
      { status: 400, code: "INVALID_HOST", slowly: false },
    );
  });

  test("of an empty value is refused on a used connection as well", async () => {
    const client = await stand.client();
    client.send(get("/a"));
    await client.response();
    client.send("GET /b HTTP/1.1\r\nHost:\r\n\r\n");
    const [, second] = await client.responses(2);
    assert.equal(second?.status, 400);
    client.destroy();
  });

  test("reaches the origin once, in lower case, without a trailing dot", async () => {
    const rows: [sent: string, seen: string][] = [
      ["example.com", "example.com"],
      ["EXAMPLE.com", "example.com"],
      ["example.com.", "example.com"],
      ["Example.COM.:8080", "example.com:8080"],
      ["example.com:080", "example.com:80"],
      ["a", "a"],
      ["a_b.c-d.e1", "a_b.c-d.e1"],
      ["xn--bcher-kva.example", "xn--bcher-kva.example"],
      ["127.0.0.1", "127.0.0.1"],
      ["127.0.0.1:65535", "127.0.0.1:65535"],
      ["[::1]", "[::1]"],
      ["[2001:DB8::1]:80", "[2001:db8::1]:80"],
      [" \t a \t ", "a"],
      [`${"a".repeat(63)}.${"b".repeat(63)}`, `${"a".repeat(63)}.${"b".repeat(63)}`],
    ];
    await each(
      rows.map(([sent, seen], at) => ({ name: sent, sent, seen, path: `/host/${at}` })),
      async ({ sent, seen, path }) => {
        const response = await stand.ask(`GET ${path} HTTP/1.1\r\nHost: ${sent}\r\n\r\n`);
        assert.equal(response.status, 200);
        assert.deepEqual(fieldsOf(await stand.arrived(path), "host"), [seen]);
      },
    );
  });

  test("may be missing in HTTP/1.0, and the origin still gets exactly one", async () => {
    const response = await stand.ask("GET /old HTTP/1.0\r\n\r\n");
    assert.equal(response.status, 200);
    assert.deepEqual(fieldsOf(await stand.arrived("/old"), "host"), [`127.0.0.1:${stand.origin.port}`]);
  });

  test("changes from request to request on one connection, and each is judged by its own", async () => {
    const client = await stand.client();
    const names = ["a.example", "b.example", "A.example.", "b.example"];
    client.send(names.map((name, at) => `GET /own/${at} HTTP/1.1\r\nHost: ${name}\r\n\r\n`).join(""));
    await client.responses(names.length);
    const seen = await Promise.all(names.map((_, at) => stand.arrived(`/own/${at}`)));
    assert.deepEqual(
      seen.map((request) => fieldsOf(request, "host")[0]),
      ["a.example", "b.example", "a.example", "b.example"],
    );
    client.destroy();
  });
});

describe("a listener whose routes are bound to hosts", () => {
  let stand: Stand;
  before(async () => {
    stand = await Stand.open({
      routes: [
        { name: "one", path: "/*", hosts: ["one.example"], to: { upstream: "origin" } },
        { name: "sub", path: "/*", hosts: ["*.wide.example"], to: { fixed: { status: 200, body: "wide" } } },
      ],
    });
  });
  after(() => stand.close());

  test("answers unknown hosts with 421 or 404, never with its first route", async () => {
    const names = [
      "evil.example",
      "one.example.evil.example",
      "xone.example",
      "one.example2",
      "127.0.0.1",
      "localhost",
      "wide.example",
      "a.b.wide.example",
      "[::1]",
      "one.example..",
    ];
    await each(
      names.map((name) => ({ name })),
      async ({ name }) => {
        const response = await stand.ask(`GET /evil HTTP/1.1\r\nHost: ${name}\r\n\r\n`);
        assert.ok([421, 404, 400].includes(response.status), `${response.status}`);
        assertEnvelope(response);
      },
    );
    assert.equal((await stand.ask("GET /evil HTTP/1.0\r\n\r\n")).status, 421);
    await stand.audit();
    assert.equal(stand.origin.requests.length, 0);
  });

  test("answers known hosts whatever their case, trailing dot and port", async () => {
    for (const name of ["one.example", "ONE.example", "one.example.", "one.example:8080", "One.Example.:1"]) {
      assert.equal((await stand.ask(`GET /a HTTP/1.1\r\nHost: ${name}\r\n\r\n`)).status, 200, name);
    }
    assert.equal(
      (await stand.ask("GET /a HTTP/1.1\r\nHost: a.wide.example\r\n\r\n")).body.toString(),
      "wide",
    );
    // The target decides, not Host.
    assert.equal(
      (await stand.ask("GET http://one.example/a HTTP/1.1\r\nHost: evil.example\r\n\r\n")).status,
      200,
    );
    assert.equal(
      (await stand.ask("GET http://evil.example/a HTTP/1.1\r\nHost: one.example\r\n\r\n")).status,
      421,
    );
  });
});
