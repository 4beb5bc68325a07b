/** One service that speaks the newest version, and clients of the older ones (VER-7). */
import assert from "node:assert/strict";
import { after, before, beforeEach, describe, test } from "node:test";
import { gzipSync } from "node:zlib";
import { ask, askOnce, errorCode, get } from "../harness/ask.ts";
import { startGateway, type TestGateway } from "../harness/gateway.ts";
import { fieldsOf, ok, type RecordedRequest, RecordingOrigin } from "../harness/origin.ts";
import { RawClient, type RawResponse } from "../harness/raw.ts";
import type { First, Second, Third } from "./customers.config.ts";
import { message, only } from "./stand.ts";

const JSON_TYPE = "Content-Type: application/json\r\n";
const ETAG = 'ETag: "abc"\r\n';

const FIRST: First = { name: "Ada King Lovelace", since: 1_700_000_000 };
const SECOND: Second = { first_name: "Ada", last_name: "King Lovelace", since: 1_700_000_000 };
const THIRD: Third = { first_name: "Ada", last_name: "King Lovelace", since: "2023-11-14T22:13:20.000Z" };

describe("a service that only speaks the newest version", () => {
  let origin: RecordingOrigin;
  let gateway: TestGateway;
  before(async () => {
    origin = await RecordingOrigin.start();
    gateway = await startGateway(
      { upstreams: { customers: { targets: [origin.url] } } },
      { time: "by hand", base: new URL("customers.config.ts", import.meta.url).href },
    );
  });
  after(async () => {
    await gateway.stop();
    await origin.stop();
  });
  beforeEach(() => {
    origin.reset();
    origin.answer = () => ok("{}", JSON_TYPE);
  });

  const answers = (value: unknown, fields = ""): void => {
    origin.answer = () => ok(JSON.stringify(value), JSON_TYPE + fields);
  };
  const send = (method: string, path: string, body: string, fields = ""): Promise<RawResponse> => {
    const length = Buffer.byteLength(body);
    const head = `${method} ${path} HTTP/1.1\r\nHost: a\r\nContent-Length: ${length}\r\n${JSON_TYPE}${fields}\r\n`;
    return askOnce(gateway.port, Buffer.concat([Buffer.from(head), Buffer.from(body)]));
  };
  const json = ({ body }: RawResponse | RecordedRequest): unknown => JSON.parse(body.toString());

  test("serves each version in its own shape", async () => {
    answers(THIRD);
    for (const [version, shape] of [
      ["1", FIRST],
      ["2", SECOND],
      ["3", THIRD],
    ] as const) {
      const response = await askOnce(gateway.port, get(`/v${version}/customers/7`));
      assert.equal(response.status, 200);
      assert.deepEqual(json(response), shape);
      assert.deepEqual(response.headers.get("content-length"), [String(response.body.length)]);
      assert.deepEqual(response.headers.get("api-version"), [version]);
    }
  });

  test("hears the newest version from clients of every version", async () => {
    for (const [version, shape] of [
      ["1", FIRST],
      ["2", SECOND],
      ["3", THIRD],
    ] as const) {
      origin.reset();
      await send("PUT", `/v${version}/customers/7`, JSON.stringify(shape), "Digest: sha-256=abc\r\n");
      const seen = only(origin.requests);
      assert.deepEqual(json(seen), THIRD);
      assert.equal(seen.target, "/customers/7");
      assert.deepEqual(fieldsOf(seen, "api-version"), ["3"]);
      assert.deepEqual(fieldsOf(seen, "content-length"), [String(seen.body.length)]);
      assert.equal(
        fieldsOf(seen, "digest").length,
        version === "3" ? 1 : 0,
        "a digest is of the bytes that came",
      );
    }
  });

  test("gives an old client back what an old client wrote", async () => {
    let stored = Buffer.alloc(0);
    origin.answer = ({ method, body }) => {
      if (method === "PUT") stored = Buffer.from(body);
      return ok(stored, JSON_TYPE);
    };
    for (const [version, shape] of [
      ["1", { ...FIRST, note: "ключ 🗝", nested: { list: [1, null, "a"] } }],
      ["2", { ...SECOND, id: 9_007_199_254_740_991 }],
    ] as const) {
      const written = await send("PUT", `/v${version}/customers/7`, JSON.stringify(shape));
      assert.deepEqual(json(written), shape);
      assert.deepEqual(json(await askOnce(gateway.port, get(`/v${version}/customers/7`))), shape);
    }
  });

  test("is guarded by what validates the newest version, for clients of every version", async () => {
    const accepted = await send("PUT", "/v1/checked/7", JSON.stringify(FIRST));
    assert.equal(accepted.status, 200);
    const refused = await send("PUT", "/v2/checked/7", '{"since":1}');
    assert.equal(refused.status, 422);
    assert.equal(message(refused).details.length, 1);
    assert.equal(origin.requests.length, 1);
  });

  test("keeps numbers that are too long for a double, both ways", async () => {
    origin.answer = ({ body }) => ok(body, JSON_TYPE);
    const text = '{"name":"A B","since":0,"id":12345678901234567890,"rate":0.12345678901234567890}';
    const response = await send("PUT", "/v1/customers/7", text);
    assert.match(only(origin.requests).body.toString(), /"id":12345678901234567890,/);
    assert.match(response.body.toString(), /"id":12345678901234567890,"rate":0\.12345678901234567890/);
  });

  test("converts lists, parameters and headers, newest change first", async () => {
    answers({ data: [THIRD, THIRD] });
    const response = await askOnce(gateway.port, get("/v1/customers?q=a+b&limit=2"));
    assert.deepEqual(json(response), [FIRST, FIRST]);
    assert.deepEqual(response.headers.get("x-total"), ["2"]);
    const seen = only(origin.requests);
    assert.equal(seen.target, "/customers?limit=2&search=a+b");
    assert.deepEqual(fieldsOf(seen, "x-list"), ["wrapped"]);
  });

  test("leaves a query alone that no change touches", async () => {
    answers({ data: [] });
    await askOnce(gateway.port, get("/v1/customers?a=%2f&&b"));
    assert.equal(only(origin.requests).target, "/customers?a=%2f&&b");
  });

  test("has its errors converted by `error`, and never by `response`", async () => {
    origin.answer = () => {
      const body = '{"error":{"message":"no such customer"}}';
      return `HTTP/1.1 404 Not Found\r\nContent-Type: application/problem+json; charset=utf-8\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
    };
    const old = await askOnce(gateway.port, get("/v1/customers/7"));
    assert.equal(old.status, 404);
    assert.deepEqual(json(old), { error: "no such customer", status: 404 });
    const current = await askOnce(gateway.port, get("/v3/customers/7"));
    assert.deepEqual(json(current), { error: { message: "no such customer" } });
  });

  test("keeps its own errors and the gateway's apart: ours stay in our shape", async () => {
    origin.answer = (_, socket) => {
      socket.destroy();
      return null;
    };
    const response = await askOnce(gateway.port, get("/v1/customers/7"));
    assert.equal(response.status, 502);
    assert.equal(typeof message(response).message, "string");
  });

  test("has fixed answers converted, each time anew", async () => {
    for (let i = 0; i < 2; i++) {
      const response = await askOnce(gateway.port, get("/v1/fixed/1"));
      assert.deepEqual(json(response), { error: "none", status: 404 });
    }
  });

  describe("is passed through where there is nothing to convert:", () => {
    const others: readonly (readonly [what: string, type: string, body: string])[] = [
      ["text", "text/plain", "name"],
      ["JSON lines", "application/x-ndjson", '{"a":1}\n{"a":2}\n'],
      ["events", "text/event-stream", "data: {}\n\n"],
      ["no type", "", "{}"],
    ];
    for (const [what, type, body] of others) {
      test(what, async () => {
        origin.answer = () => ok(body, type === "" ? "" : `Content-Type: ${type}\r\n`);
        const response = await askOnce(gateway.port, get("/v1/customers/7"));
        assert.equal(response.body.toString(), body);
      });
    }

    test("a request body that is not JSON", async () => {
      const fields = "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 6\r\n";
      await askOnce(gateway.port, `PUT /v1/customers/7 HTTP/1.1\r\nHost: a\r\n${fields}\r\nname=a`);
      assert.equal(only(origin.requests).body.toString(), "name=a");
    });

    test("a stream, while it flows", async () => {
      const client = await RawClient.to(gateway.port);
      origin.answer = (_, socket) => {
        socket.write(
          "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n",
        );
        return null;
      };
      client.send(get("/v1/customers/7"));
      await client.until(() => client.text.includes("one"));
      client.destroy();
    });

    test("an empty body, whatever its type says", async () => {
      origin.answer = () => ok("", JSON_TYPE);
      const response = await askOnce(gateway.port, get("/v1/customers/7"));
      assert.equal(response.status, 200);
      assert.deepEqual(response.headers.get("content-length"), ["0"]);
    });

    test("204, and requests without a body", async () => {
      origin.answer = () => "HTTP/1.1 204 No Content\r\n\r\n";
      assert.equal((await askOnce(gateway.port, get("/v1/customers/7"))).status, 204);
    });

    test("a route that no change concerns, with the version of the call", async () => {
      answers(THIRD);
      const response = await askOnce(gateway.port, get("/v2/others/7"));
      assert.deepEqual(json(response), THIRD);
    });
  });

  test("is asked for what can be converted: no coding, no part", async () => {
    answers(THIRD);
    await askOnce(
      gateway.port,
      get("/v1/customers/7", 'Accept-Encoding: gzip, br\r\nRange: bytes=0-1\r\nIf-Range: "abc"\r\n'),
    );
    const seen = only(origin.requests);
    assert.deepEqual(fieldsOf(seen, "accept-encoding"), ["identity"]);
    assert.deepEqual([...fieldsOf(seen, "range"), ...fieldsOf(seen, "if-range")], []);
    origin.reset();
    await askOnce(gateway.port, get("/v3/customers/7", "Accept-Encoding: gzip, br\r\nRange: bytes=0-1\r\n"));
    const current = only(origin.requests);
    assert.deepEqual(fieldsOf(current, "accept-encoding"), ["gzip, br"]);
    assert.deepEqual(fieldsOf(current, "range"), ["bytes=0-1"]);
  });

  const unconvertible: readonly (readonly [what: string, answer: () => Buffer])[] = [
    ["encoded", () => ok(gzipSync("{}"), `${JSON_TYPE}Content-Encoding: gzip\r\n`)],
    ["not the JSON that it says", () => ok("{oops", JSON_TYPE)],
    ["not UTF-8", () => ok(Buffer.from([0x22, 0xff, 0x22]), JSON_TYPE)],
    ["larger than versions.maxBody", () => ok(JSON.stringify("x".repeat(70_000)), JSON_TYPE)],
    [
      "larger, and does not say so before",
      () =>
        Buffer.from(
          `HTTP/1.1 200 OK\r\n${JSON_TYPE}Transfer-Encoding: chunked\r\n\r\n11170\r\n${"1".repeat(70_000)}\r\n0\r\n\r\n`,
        ),
    ],
    [
      "a part",
      () =>
        Buffer.from(
          `HTTP/1.1 206 Partial Content\r\n${JSON_TYPE}Content-Range: bytes 0-1/9\r\nContent-Length: 2\r\n\r\n{}`,
        ),
    ],
  ];
  for (const [what, answer] of unconvertible) {
    test(`is an error for old clients, and only for them, when its answer is ${what}`, async () => {
      origin.answer = answer;
      const response = await askOnce(gateway.port, get("/v1/customers/7"));
      assert.equal(response.status, 502);
      assert.equal(errorCode(response), "ANSWER_NOT_CONVERTIBLE");
      assert.deepEqual(response.headers.get("api-version"), ["1"]);
      const current = await askOnce(gateway.port, get("/v3/customers/7"));
      assert.ok(current.status < 300, `${current.status}`);
      const line = await gateway.logged((entry) => entry["error"] === "ANSWER_NOT_CONVERTIBLE");
      assert.equal(typeof line["cause"], "string");
    });
  }

  test("goes on answering on the connection after such an error", async () => {
    const client = await RawClient.to(gateway.port);
    origin.answer = () => ok("{oops", JSON_TYPE);
    assert.equal((await ask(client, get("/v1/customers/7"))).status, 502);
    answers(THIRD);
    assert.deepEqual(json(await ask(client, get("/v1/customers/7"))), FIRST);
    client.destroy();
  });

  test("that fails in the middle of its answer never ends it cleanly, nor half converted", async () => {
    origin.answer = (_, socket) => {
      socket.write(`HTTP/1.1 200 OK\r\n${JSON_TYPE}Content-Length: 100\r\n\r\n{"first_name":`, () =>
        socket.destroy(),
      );
      return null;
    };
    const response = await askOnce(gateway.port, get("/v1/customers/7"));
    assert.equal(response.status, 502);
    assert.doesNotMatch(response.body.toString(), /first_name/);
  });

  test("answers 500, and nothing of its body, when a change throws", async () => {
    answers({ secret: "canary" });
    const response = await askOnce(gateway.port, get("/v2/failing"));
    assert.equal(response.status, 500);
    assert.equal(errorCode(response), "INTERNAL_ERROR");
    assert.doesNotMatch(response.body.toString(), /canary|mistake/);
    const line = await gateway.logged((entry) => entry["error"] === "INTERNAL_ERROR");
    assert.equal(
      line["cause"],
      'the change "fails" of version 3 failed in response: a mistake in the config',
    );
  });

  test("never gets a request that a change refuses", async () => {
    const response = await send("PUT", "/v1/customers/7", '{"name":5}');
    assert.equal(response.status, 422);
    assert.deepEqual(message(response).details, [{ field: "name", issue: "must be text" }]);
    assert.equal(origin.requests.length, 0);
  });

  const refused: readonly (readonly [what: string, body: string, fields: string, code: string])[] = [
    ["is not JSON", "{", "", "INVALID_JSON"],
    ["names a thing twice", '{"name":"a","name":"b"}', "", "INVALID_JSON"],
    ["is encoded", "x", "Content-Encoding: gzip\r\n", "UNSUPPORTED_MEDIA_TYPE"],
    ["is larger than versions.maxBody", JSON.stringify("x".repeat(70_000)), "", "PAYLOAD_TOO_LARGE"],
  ];
  for (const [what, body, fields, code] of refused) {
    test(`never gets a body of an old client that ${what}`, async () => {
      const response = await send("PUT", "/v1/customers/7", body, fields);
      assert.equal(errorCode(response), code);
      assert.equal(origin.requests.length, 0);
    });
  }

  test("never gets a JSON Patch of an old client, which speaks of another shape", async () => {
    const patch = (version: string) =>
      askOnce(
        gateway.port,
        `PATCH /v${version}/customers/7 HTTP/1.1\r\nHost: a\r\nContent-Type: application/json-patch+json\r\nContent-Length: 2\r\n\r\n[]`,
      );
    assert.equal(errorCode(await patch("1")), "UNSUPPORTED_MEDIA_TYPE");
    assert.equal(origin.requests.length, 0);
    assert.equal((await patch("3")).status, 200);
  });

  test("gets a body that came in pieces as one", async () => {
    const client = await RawClient.to(gateway.port);
    const body = JSON.stringify(FIRST);
    client.send(`PUT /v1/customers/7 HTTP/1.1\r\nHost: a\r\n${JSON_TYPE}Transfer-Encoding: chunked\r\n\r\n`);
    for (const piece of [body.slice(0, 9), body.slice(9)])
      client.send(`${piece.length.toString(16)}\r\n${piece}\r\n`);
    client.send("0\r\n\r\n");
    assert.equal((await client.response()).status, 200);
    assert.deepEqual(json(only(origin.requests)), THIRD);
    client.destroy();
  });

  test("is answered for HEAD without the length of another version's body", async () => {
    origin.answer = () =>
      `HTTP/1.1 200 OK\r\n${JSON_TYPE}${ETAG}\r\n`.replace("\r\n\r\n", "\r\nContent-Length: 0\r\n\r\n");
    const { headers } = await askOnce(gateway.port, "HEAD /v1/customers/7 HTTP/1.1\r\nHost: a\r\n\r\n");
    assert.equal(headers.has("content-length"), false);
    assert.deepEqual(headers.get("etag"), ['"abc@1"']);
  });
});

describe("the entity tag of a converted answer", () => {
  let origin: RecordingOrigin;
  let gateway: TestGateway;
  before(async () => {
    origin = await RecordingOrigin.start(({ fields }) => {
      const conditions = new Map(fields.map(([name, value]) => [name.toLowerCase(), value]));
      if (conditions.get("if-none-match")?.split(", ").includes('"abc"'))
        return `HTTP/1.1 304 Not Modified\r\n${ETAG}Content-Length: 99\r\n\r\n`;
      if (!(conditions.get("if-match") ?? '"abc"').split(", ").includes('"abc"'))
        return "HTTP/1.1 412 Precondition Failed\r\nContent-Length: 0\r\n\r\n";
      return ok(JSON.stringify(THIRD), `${JSON_TYPE}${ETAG}Content-Digest: sha-256=:abc=:\r\n`);
    });
    gateway = await startGateway(
      { upstreams: { customers: { targets: [origin.url] } } },
      { time: "by hand", base: new URL("customers.config.ts", import.meta.url).href },
    );
  });
  after(async () => {
    await gateway.stop();
    await origin.stop();
  });

  test("is another for each version, and digests of other bytes are left out", async () => {
    const tags = new Map<string, readonly string[] | undefined>();
    for (const version of ["1", "2", "3"]) {
      const { headers } = await askOnce(gateway.port, get(`/v${version}/customers/7`));
      tags.set(version, headers.get("etag"));
      assert.equal(headers.has("content-digest"), version === "3");
    }
    assert.deepEqual(Object.fromEntries(tags), { 1: ['"abc@1"'], 2: ['"abc@2"'], 3: ['"abc"'] });
  });

  const conditions: readonly (readonly [version: string, field: string, status: number])[] = [
    ["1", 'If-None-Match: "abc@1"', 304],
    ["1", 'If-None-Match: "x@1", "abc@1"', 304],
    ["1", 'If-None-Match: "abc@2"', 200],
    ["1", 'If-None-Match: "abc"', 200],
    ["3", 'If-None-Match: "abc@1"', 200],
    ["3", 'If-None-Match: "abc"', 304],
    ["1", 'If-Match: "abc@1"', 200],
    ["1", 'If-Match: "old@1"', 412],
    ["1", 'If-Match: "abc"', 200],
    ["2", 'If-Match: "abc@1"', 412],
  ];
  for (const [version, field, status] of conditions) {
    test(`makes ${field} in version ${version} ${status}`, async () => {
      const response = await askOnce(gateway.port, get(`/v${version}/customers/7`, `${field}\r\n`));
      assert.equal(response.status, status);
      if (status === 304 && version === "1") {
        assert.deepEqual(response.headers.get("etag"), ['"abc@1"']);
        assert.equal(response.headers.has("content-length"), false);
      }
    });
  }
});
