/** HTTP-1 … HTTP-4, HTTP-24: what methods mean, and which there are. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { type Answer, fieldsOf, ok } from "../harness/origin.ts";
import { parseResponses } from "../harness/raw.ts";
import { assertEnvelope, each, get, refuses, Stand } from "./stand.ts";

const answer: Answer = ({ method, target }) =>
  method === "HEAD"
    ? `HTTP/1.1 200 OK\r\nContent-Length: 4\r\nETag: "1"\r\n\r\n`
    : ok(`${method} ${target} 0`, 'ETag: "1"\r\n');

function request(method: string, path: string, fields = ""): string {
  return `${method} ${path} HTTP/1.1\r\nHost: a\r\n${fields}\r\n`;
}

describe("a method", () => {
  let stand: Stand;
  before(async () => {
    stand = await Stand.open(
      {
        routes: [
          { name: "victims", path: "/victim/*", to: { upstream: "origin" } },
          { name: "read", path: "/read", methods: ["GET"], to: { upstream: "origin" } },
          { name: "write", path: "/write", methods: ["POST", "PUT"], to: { upstream: "origin" } },
          { name: "any", path: "/any", to: { upstream: "origin" } },
          { name: "query", path: "/query", methods: ["GET", "QUERY"], to: { upstream: "origin" } },
          {
            name: "fixed",
            path: "/fixed",
            methods: ["GET"],
            to: { fixed: { status: 200, body: "fixed body" } },
          },
          { name: "options", path: "/options", methods: ["GET", "OPTIONS"], to: { upstream: "origin" } },
        ],
      },
      { answer },
    );
  });
  after(() => stand.close());

  test("that is unknown, also by its case, gets 501", () => {
    const methods = [
      "get",
      "Get",
      "gET",
      "post",
      "head",
      "HEADX",
      "GE",
      "GETT",
      "G",
      "FOO",
      "BREW",
      "PROPFIND",
      "MKCOL",
      "LOCK",
      "SEARCH",
      "PURGE",
      "LINK",
      "REPORT",
      "M-SEARCH",
      "SOURCE",
      "PRI",
      "options",
      "connect",
      "trace",
      "!",
      "~",
      "a".repeat(32),
      "A".repeat(33),
      "A".repeat(9000),
      "_GET",
      "GET_",
      "G-ET",
      "1",
      "%47ET",
      "G'ET",
      "G|ET",
      "HTTP",
    ];
    return refuses(
      stand,
      methods.map((method) => ({ name: method.slice(0, 40), bytes: request(method, "/evil") })),
      { status: 501, code: "METHOD_NOT_IMPLEMENTED", slowly: false },
    );
  });

  test("that a route does not offer gets 405 with `Allow`, which lists HEAD beside GET", async () => {
    const rows: [method: string, path: string, allow: string[]][] = [
      ["POST", "/read", ["GET", "HEAD", "OPTIONS"]],
      ["DELETE", "/read", ["GET", "HEAD", "OPTIONS"]],
      ["QUERY", "/read", ["GET", "HEAD", "OPTIONS"]],
      ["GET", "/write", ["OPTIONS", "POST", "PUT"]],
      ["POST", "/query", ["GET", "HEAD", "OPTIONS", "QUERY"]],
      ["TRACE", "/read", ["GET", "HEAD", "OPTIONS"]],
    ];
    const before = stand.origin.requests.length;
    for (const [method, path, allow] of rows) {
      const response = await stand.ask(request(method, path));
      assert.equal(response.status, 405, `${method} ${path}`);
      assertEnvelope(response, "METHOD_NOT_ALLOWED");
      assert.deepEqual(response.headers.get("allow")?.[0]?.split(", ").sort(), allow);
    }
    assert.equal(stand.origin.requests.length, before);
  });

  test("of HEAD gets the status and fields of GET, and no body, from an upstream, a fixed answer or an error", async () => {
    for (const path of ["/read", "/any", "/fixed", "/nowhere", "/write", "/read?x"]) {
      const whole = await stand.ask(get(path));
      const client = await stand.client();
      client.send(request("HEAD", path) + request("OPTIONS", "/read", "Connection: close\r\n"));
      await client.untilClosed();
      const [head, rest] = splitHead(client.received);
      assert.match(head, new RegExp(`^HTTP/1.1 ${whole.status} `), path);
      assert.match(rest, /^HTTP\/1.1 204 /, `${path}: something follows the head`);
      const type = whole.headers.get("content-type")?.[0];
      if (type !== undefined) assert.ok(head.toLowerCase().includes(`content-type: ${type}`), path);
      const length = /content-length: (\d+)/i.exec(head)?.[1];
      if (path === "/fixed") assert.equal(length, "10");
      if (path === "/read") assert.equal(length, "4");
      assert.ok(length === undefined || whole.status !== 204);
      client.destroy();
    }
  });

  test("of HEAD never carries a body that the upstream wrongly sent", async () => {
    stand.origin.answer = () => ok("wrongly sent");
    const client = await stand.client();
    client.send(request("HEAD", "/any"));
    await client.until(() => client.text.includes("\r\n\r\n"));
    client.send(request("OPTIONS", "/read", "Connection: close\r\n"));
    await client.untilClosed();
    assert.doesNotMatch(client.text, /wrongly/);
    stand.origin.answer = answer;
    client.destroy();
  });

  test("of OPTIONS on a route that does not take it gets 204 with `Allow`, and is not forwarded", async () => {
    const before = stand.origin.requests.length;
    for (const [path, allow] of [
      ["/read", "GET, HEAD, OPTIONS"],
      ["/write", "OPTIONS, POST, PUT"],
      ["/fixed", "GET, HEAD, OPTIONS"],
    ] as const) {
      const response = await stand.ask(request("OPTIONS", path));
      assert.equal(response.status, 204);
      assert.equal(response.headers.get("allow")?.[0]?.split(", ").sort().join(", "), allow);
      assert.equal(response.headers.get("content-length"), undefined);
    }
    assert.equal((await stand.ask(request("OPTIONS", "/nowhere"))).status, 404);
    assert.equal(stand.origin.requests.length, before);
    assert.equal((await stand.ask(request("OPTIONS", "/options"))).body.toString(), "OPTIONS /options 0");
  });

  test("of `OPTIONS *` is about the server: 204 with `Allow`, not forwarded", async () => {
    const before = stand.origin.requests.length;
    const response = await stand.ask(request("OPTIONS", "*"));
    assert.equal(response.status, 204);
    assert.match(response.headers.get("allow")?.[0] ?? "", /GET, HEAD, POST/);
    assert.equal(stand.origin.requests.length, before);
  });

  test("of TRACE never echoes: 405, whatever the route takes, and not forwarded", async () => {
    const before = stand.origin.requests.length;
    for (const path of ["/any", "/read", "/options"]) {
      for (const fields of [
        "Cookie: secret\r\n",
        "Max-Forwards: 0\r\nCookie: secret\r\n",
        "Max-Forwards: 5\r\n",
      ]) {
        const response = await stand.ask(request("TRACE", path, fields));
        assert.equal(response.status, 405, path);
        assert.ok(!response.body.includes("secret"));
        assert.ok(!(response.headers.get("allow")?.[0] ?? "").includes("TRACE"));
      }
    }
    assert.equal(stand.origin.requests.length, before);
  });

  test("of QUERY is forwarded with its body", async () => {
    const response = await stand.ask(
      `${request("QUERY", "/query", "Content-Type: a/b\r\nContent-Length: 3\r\n")}abc`,
    );
    assert.equal(response.body.toString(), "QUERY /query 0");
    assert.equal((await stand.arrived("/query")).body.toString(), "abc");
  });

  test("of OPTIONS with `Max-Forwards: 0` is answered here; a greater number goes on one less", async () => {
    const before = stand.origin.requests.length;
    const zero = await stand.ask(request("OPTIONS", "/options", "Max-Forwards: 0\r\n"));
    assert.ok([200, 204].includes(zero.status));
    assert.equal(stand.origin.requests.length, before);
    await each(
      [
        ["1", "0"],
        ["10", "9"],
        ["007", "6"],
      ].map(([sent, seen]) => ({ name: `${sent}`, sent, seen })),
      async ({ sent, seen }) => {
        await stand.ask(request("OPTIONS", "/options", `Max-Forwards: ${sent}\r\n`));
        const last = stand.origin.requests.at(-1);
        assert.ok(last);
        assert.deepEqual(fieldsOf(last, "max-forwards"), [seen]);
      },
      1,
    );
    // Other methods are none of its business (RFC 9110 §7.6.2).
    assert.equal((await stand.ask(request("GET", "/any", "Max-Forwards: 0\r\n"))).status, 200);
  });
});

/** The first head, and all that follows it. */
function splitHead(bytes: Buffer): [head: string, rest: string] {
  const text = bytes.toString("latin1");
  const end = text.indexOf("\r\n\r\n") + 4;
  assert.ok(parseResponses(bytes).length > 0);
  return [text.slice(0, end), text.slice(end)];
}
