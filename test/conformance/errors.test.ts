/** ERR-1, 2, 3, 9, 11, 12, 19: whatever goes wrong, the answer has one shape and says nothing it should not. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { catalogue } from "../../src/core/errors.ts";
import { PREFACE, parseFrames, Type } from "../harness/http2-frames.ts";
import { parseResponses } from "../harness/raw.ts";
import { assertEnvelope, bare, each, echo, get, Stand } from "./stand.ts";

interface Failure {
  readonly name: string;
  readonly bytes: string;
  readonly status: number;
  readonly code: string;
}

const row = (name: string, bytes: string, status: number, code: string): Failure => ({
  name,
  bytes,
  status,
  code,
});

/** Every way in which the gateway refuses by itself; `fields` are put behind Host. */
function failures(fields = "", method = "GET"): Failure[] {
  const head = (line: string, more = "") => `${line}\r\nHost: a\r\n${fields}${more}\r\n`;
  const m = method;
  return [
    row("bad request line", head(`${m}  / HTTP/1.1`), 400, "MALFORMED_REQUEST"),
    row("bad version", head(`${m} / HTTP/2.0`), 505, "HTTP_VERSION_NOT_SUPPORTED"),
    row("bad field name", head(`${m} / HTTP/1.1`, "a b: c\r\n"), 400, "MALFORMED_REQUEST"),
    row("bad field value", head(`${m} / HTTP/1.1`, "a: \0\r\n"), 400, "MALFORMED_REQUEST"),
    row("obs-fold", head(`${m} / HTTP/1.1`, "a: b\r\n c\r\n"), 400, "MALFORMED_REQUEST"),
    row(
      "two lengths",
      head(`${m} / HTTP/1.1`, "Content-Length: 1\r\nContent-Length: 1\r\n"),
      400,
      "MALFORMED_REQUEST",
    ),
    row(
      "length and chunks",
      head(`${m} / HTTP/1.1`, "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n"),
      400,
      "MALFORMED_REQUEST",
    ),
    row(
      "other coding",
      head(`${m} / HTTP/1.1`, "Transfer-Encoding: gzip, chunked\r\n"),
      501,
      "TRANSFER_CODING_UNSUPPORTED",
    ),
    row(
      "bad chunk",
      `${head(`${m} / HTTP/1.1`, "Transfer-Encoding: chunked\r\n")}x\r\n`,
      400,
      "MALFORMED_REQUEST",
    ),
    row("fragment", head(`${m} /#a HTTP/1.1`), 400, "MALFORMED_REQUEST"),
    row("no Host", `${m} / HTTP/1.1\r\n${fields}\r\n`, 400, "INVALID_HOST"),
    row("two Hosts", head(`${m} / HTTP/1.1`, "Host: b\r\n"), 400, "INVALID_HOST"),
    row("long target", head(`${m} /${"a".repeat(9000)} HTTP/1.1`), 414, "URI_TOO_LONG"),
    row("long field", head(`${m} / HTTP/1.1`, `a: ${"b".repeat(9000)}\r\n`), 431, "HEADERS_TOO_LARGE"),
    row("many fields", head(`${m} / HTTP/1.1`, "a:b\r\n".repeat(200)), 431, "HEADERS_TOO_LARGE"),
    row("Expect", head(`${m} / HTTP/1.1`, "Expect: x\r\n"), 417, "EXPECTATION_FAILED"),
    row("ambiguous path", head(`${m} /%2f HTTP/1.1`), 400, "INVALID_PATH"),
    row("no route", head(`${m} /nowhere HTTP/1.1`), 404, "ROUTE_NOT_FOUND"),
    row("other method", head(`${m} /post-only HTTP/1.1`), 405, "METHOD_NOT_ALLOWED"),
    row(
      "large body",
      `${head(`${m} /small HTTP/1.1`, "Content-Length: 11\r\n")}hello world`,
      413,
      "PAYLOAD_TOO_LARGE",
    ),
    row("no upstream", head(`${m} /nobody HTTP/1.1`), 502, "UPSTREAM_UNREACHABLE"),
    row("garbage from upstream", head(`${m} /garbage HTTP/1.1`), 502, "UPSTREAM_INVALID_RESPONSE"),
    row("upstream hangs up", head(`${m} /hang-up HTTP/1.1`), 502, "UPSTREAM_DISCONNECTED"),
  ];
}

/** With GET or a websocket handshake only. */
const others: Failure[] = [
  row("unknown method", "FOO / HTTP/1.1\r\nHost: a\r\n\r\n", 501, "METHOD_NOT_IMPLEMENTED"),
  row(
    "old websocket",
    get("/", "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 8\r\n"),
    426,
    "UPGRADE_REQUIRED",
  ),
  row(
    "bad websocket",
    get("/", "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"),
    400,
    "INVALID_UPGRADE",
  ),
  row("CONNECT", "CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n", 405, "METHOD_NOT_ALLOWED"),
];

describe("an error of the gateway", () => {
  let stand: Stand;
  before(async () => {
    stand = await open();
  });
  after(() => stand.close());

  test("has one shape, whatever went wrong: envelope, nosniff, no-store, Date, and the id of the log", async () => {
    await each([...failures(), ...others], async ({ bytes, status, code }) => {
      const response = await stand.ask(bytes);
      assert.equal(response.status, status);
      assertEnvelope(response, code);
      assert.deepEqual(response.headers.get("vary"), ["Accept"]);
      assert.deepEqual(response.headers.get("x-error-code"), [code]);
      const id = response.headers.get("x-request-id")?.[0];
      const line = await stand.gateway.logged((entry) => entry["id"] === id);
      assert.equal(line["status"], status);
      assert.equal(line["error"], code);
    });
    await stand.victim();
  });

  test("has a code that is in the catalogue under that status and no other", () => {
    for (const { code, status, name } of [...failures(), ...others]) {
      assert.equal((catalogue as Record<string, { status: number }>)[code]?.status, status, name);
    }
    for (const code of Object.keys(catalogue)) assert.match(code, /^[A-Z][A-Z0-9_]*$/);
  });

  test("has an id of its own, each time", async () => {
    const ids = new Set<string | undefined>();
    for (let at = 0; at < 50; at++) {
      const response = await stand.ask("GET / HTTP/1.1\r\nHost : a\r\n\r\n");
      ids.add(response.headers.get("x-request-id")?.[0]);
    }
    assert.equal(ids.size, 50);
  });

  test("to HEAD is the head only, also where the parser refused", async () => {
    await each(failures("", "HEAD"), async ({ bytes, status, code }) => {
      const client = await stand.client();
      client.send(bytes);
      await client.until(() => client.text.includes("\r\n\r\n"));
      // The end of the connection, or of the next answer, shows that there is nothing behind the head.
      client.send("GET / HTTP/1.1\r\nHost : a\r\nConnection: close\r\n\r\n");
      await client.untilClosed();
      const [head = "", rest = ""] = client.text.split(/\r\n\r\n(.*)/s);
      assert.match(head, new RegExp(`^HTTP/1.1 ${status} `));
      assert.match(head, new RegExp(`\r\nX-Error-Code: ${code}\r\n`));
      assert.match(head, /\r\nX-Request-Id: \S+/);
      assert.ok(rest === "" || rest.startsWith("HTTP/1.1 400 "), rest.slice(0, 100));
      client.destroy();
    });
  });

  test("is problem details (RFC 9457) for a client that ranks them above JSON, if its head could be read", async () => {
    const accepts = [
      "application/problem+json",
      "Application/Problem+JSON",
      "application/problem+json, application/json;q=0.9",
      "application/json;q=0.5, application/problem+json",
      "application/problem+json, */*",
      "text/html, application/problem+json;q=0.8, */*;q=0.1",
      "text/html\r\nAccept: application/problem+json",
    ];
    for (const accept of accepts) {
      const response = await stand.ask(get("/nowhere", `Accept: ${accept}\r\n`));
      assert.deepEqual(response.headers.get("content-type"), ["application/problem+json"], accept);
      assert.deepEqual(response.headers.get("vary"), ["Accept"]);
      assert.deepEqual(response.headers.get("x-content-type-options"), ["nosniff"]);
      assert.deepEqual(response.headers.get("cache-control"), ["no-store"]);
      const problem = JSON.parse(response.body.toString()) as Record<string, unknown>;
      assert.equal(problem["type"], "about:blank");
      assert.equal(problem["title"], "Not Found");
      assert.equal(problem["status"], 404);
      assert.equal(typeof problem["detail"], "string");
      assert.match(String(problem["instance"]), /^[a-z]+:/);
      assert.equal(problem["code"], "ROUTE_NOT_FOUND");
      assert.equal(problem["request_id"], response.headers.get("x-request-id")?.[0]);
      assert.deepEqual(problem["errors"], []);
    }
    for (const accept of [
      "",
      "*/*",
      "application/json",
      "application/json, application/problem+json",
      "application/problem+json;q=0",
      "application/problem+json;q=0.5, application/json",
      "text/html",
      "garbage;;q=x",
      "application/problem+jsonx",
    ]) {
      const response = await stand.ask(get("/nowhere", `Accept: ${accept}\r\n`));
      assertEnvelope(response, "ROUTE_NOT_FOUND");
    }
  });

  test("has a problem `type` that is absolute where the documentation is configured, and its own title", async () => {
    await using documented = await Stand.open({
      errors: { docs: "https://docs.example/errors" },
      routes: [{ name: "other", path: "/other", to: { upstream: "origin" } }],
    });
    const response = await documented.ask(get("/nowhere", "Accept: application/problem+json\r\n"));
    const problem = JSON.parse(response.body.toString()) as Record<string, unknown>;
    assert.equal(problem["type"], "https://docs.example/errors#ROUTE_NOT_FOUND");
    assert.equal(problem["title"], catalogue.ROUTE_NOT_FOUND.title);
  });

  test("never names an upstream, an address or a file", async () => {
    for (const path of ["/nobody", "/garbage", "/hang-up"]) {
      for (const accept of ["", "Accept: application/problem+json\r\n"]) {
        const response = await stand.ask(get(path, accept));
        assert.equal(response.status, 502);
        const everything = `${response.body}${[...response.headers].join()}`;
        assert.doesNotMatch(everything, /127\.0\.0\.1|localhost|ECONN|node:|\.ts|\/src\/|nobody|:1\b/);
      }
    }
  });

  test("does not repeat what the client sent", async () => {
    const canary = "canary-7f3a";
    const attempts = [
      get(`/${canary}`),
      get(`/%2f${canary}`),
      get("/", `X ${canary}: 1\r\n`),
      get("/", `X: ${canary}\0\r\n`),
      get(`/#${canary}`),
      `GET / HTTP/1.1\r\nHost: ${canary}@a\r\n\r\n`,
      get("/", `Transfer-Encoding: ${canary}\r\n`),
      get("/", `Content-Length: ${canary}\r\n`),
      get("/", `Expect: ${canary}\r\n`),
      bare("/", "Transfer-Encoding: chunked\r\n", `${canary}\r\n`),
    ];
    for (const bytes of attempts) {
      const client = await stand.client();
      client.send(bytes);
      await client.response();
      assert.ok(!client.text.includes(canary), bytes);
      client.destroy();
    }
  });
});

function open(): Promise<Stand> {
  return Stand.open(
    {
      routes: [
        { name: "victims", path: "/victim/*", to: { upstream: "origin" } },
        { name: "bad", path: "/garbage", to: { upstream: "origin" } },
        { name: "gone", path: "/hang-up", to: { upstream: "origin" } },
        { name: "small", path: "/small", limits: { body: "10b" }, to: { upstream: "origin" } },
        { name: "post", path: "/post-only", methods: ["POST"], to: { upstream: "origin" } },
        { name: "nobody", path: "/nobody", to: { upstream: "nobody" } },
      ],
    },
    {
      others: { nobody: { targets: ["http://127.0.0.1:1"] } },
      answer: (request, socket) => {
        if (request.target === "/garbage") return "nonsense\r\n\r\n";
        if (request.target !== "/hang-up") return echo(request, socket);
        socket.end();
        return null;
      },
    },
  );
}

describe("any bytes at all", () => {
  test("get a well-formed answer or a clean close, never 500, and harm nobody else", async () => {
    await using stand = await Stand.open();
    const random = mulberry(20261122);
    const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T;
    const pieces = [
      "GET ",
      "POST ",
      "HEAD ",
      "/",
      "/a",
      "*",
      "http://",
      " HTTP/1.1",
      " HTTP/1.0",
      "\r\n",
      "\r\n",
      "\r\n\r\n",
      "\n",
      "\r",
      "\0",
      " ",
      "\t",
      ":",
      "Host: a",
      "Host:",
      "Content-Length: ",
      "Content-Length: 5\r\n",
      "Transfer-Encoding: chunked\r\n",
      "0\r\n\r\n",
      "5\r\nhello\r\n",
      "Connection: close\r\n",
      "Connection: upgrade\r\nUpgrade: websocket\r\n",
      "Expect: 100-continue\r\n",
      "a: b\r\n",
      "\x80\xff",
      "%2e%2e",
      "?#",
      "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    ];
    const inputs = Array.from({ length: 1500 }, (_, at) => {
      const parts = Array.from({ length: 1 + Math.floor(random() * 14) }, () =>
        at % 3 === 0
          ? String.fromCharCode(
              ...Array.from({ length: 1 + Math.floor(random() * 30) }, () => Math.floor(random() * 256)),
            )
          : pick(pieces),
      );
      // Some begin well, so that the fault comes late.
      return (at % 3 === 2 ? "POST /x HTTP/1.1\r\nHost: a\r\n" : "") + parts.join("");
    });
    await each(
      inputs.map((bytes, at) => ({ name: `${at} ${JSON.stringify(bytes.slice(0, 200))}`, bytes })),
      async ({ bytes }) => {
        const client = await stand.client();
        client.send(bytes);
        client.end();
        await client.untilClosed();
        const text = client.text;
        client.destroy();
        if (bytes.startsWith(PREFACE.toString())) {
          // HTTP/2 it is, whose first frame never comes (RFC 9113 §3.4).
          const { frames, left } = parseFrames(client.received);
          assert.deepEqual([frames[0]?.type, left], [Type.settings, 0]);
          return;
        }
        const responses = parseResponses(client.received);
        if (text !== "") assert.match(text, /^HTTP\/1\.1 \d{3} /);
        for (const response of responses) {
          assert.ok(
            [200, 400, 404, 405, 413, 414, 417, 426, 431, 501, 505].includes(response.status),
            `${response.status}`,
          );
          if (response.status >= 400) assertEnvelope(response);
        }
      },
    );
    await stand.victim();
    const ids = (await stand.gateway.log()).map((line) => line["id"]);
    assert.equal(new Set(ids).size, ids.length, "a request is logged once");
    assert.ok(!(await stand.gateway.log()).some((line) => line["status"] === 500));
  });
});

/** Random numbers that are the same every time. */
function mulberry(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}
