/** Which answers are kept, and what a replay looks like (IDEM-6, IDEM-10, IDEM-12, IDEM-18, IDEM-19, IDEM-21, IDEM-22). */
import assert from "node:assert/strict";
import { after, before, beforeEach, describe, test } from "node:test";
import { brotliCompressSync, deflateSync, gzipSync, zstdCompressSync } from "node:zlib";
import { askOnce, errorCode, get, post } from "../harness/ask.ts";
import { eventually } from "../harness/eventually.ts";
import { Http2Client } from "../harness/http2-client.ts";
import { ok } from "../harness/origin.ts";
import { RawClient, type RawResponse } from "../harness/raw.ts";
import { configKey } from "../limits/rate.ts";
import { counting, isReplay, keyed, newKey, only, type Stand, startStand } from "./stand.ts";

const answer = (status: number, fields = "", body = "said"): Buffer =>
  Buffer.concat([
    Buffer.from(`HTTP/1.1 ${status} X\r\nContent-Length: ${Buffer.byteLength(body)}\r\n${fields}\r\n`),
    Buffer.from(body),
  ]);

describe("an answer", () => {
  let stand: Stand;
  before(async () => {
    stand = await startStand({
      routes: {
        "/orders": {},
        "/all-errors": { storeServerErrors: [500, 502, 503] },
        "/small": { maxBody: "10b" },
      },
    });
  });
  after(() => stand.stop());
  beforeEach(() => stand.origin.reset());
  const send = (request: string) => askOnce(stand.port, request);
  const executions = () => stand.origin.requests.length;

  /** The same request twice. */
  async function twice(path: string, bytes: Buffer): Promise<[RawResponse, RawResponse]> {
    stand.origin.answer = () => bytes;
    const key = newKey();
    return [await send(keyed(path, key)), await send(keyed(path, key))];
  }

  for (const status of [
    200, 201, 202, 301, 303, 400, 402, 403, 404, 405, 410, 412, 413, 415, 422, 500, 501,
  ]) {
    test(`of ${status} is kept`, async () => {
      const [first, second] = await twice("/orders", answer(status));
      assert.deepEqual([first.status, second.status], [status, status]);
      assert.deepEqual(second.body, first.body);
      assert.ok(isReplay(second));
      assert.equal(executions(), 1);
    });
  }

  for (const status of [204, 304]) {
    test(`of ${status}, which has no body, is kept`, async () => {
      const [first, second] = await twice(
        "/orders",
        Buffer.from(`HTTP/1.1 ${status} X\r\nETag: "1"\r\n\r\n`),
      );
      assert.deepEqual([first.status, second.status], [status, status]);
      assert.deepEqual([only(second, "etag"), isReplay(second)], ['"1"', true]);
      assert.equal(executions(), 1);
    });
  }

  for (const status of [401, 408, 409, 425, 429, 503, 505, 507]) {
    test(`of ${status} is passed on and frees the key, for another request, too`, async () => {
      const [first, second] = await twice("/orders", answer(status));
      assert.deepEqual([first.status, second.status], [status, status]);
      assert.equal(isReplay(second), false);
      assert.equal(executions(), 2);
    });
  }

  test("that frees the key lets a request with another body have it", async () => {
    stand.origin.answer = () => answer(409);
    const key = newKey();
    await send(keyed("/orders", key, "one"));
    stand.origin.answer = () => answer(200);
    assert.equal((await send(keyed("/orders", key, "two"))).status, 200);
    assert.ok(isReplay(await send(keyed("/orders", key, "two"))));
  });

  for (const status of [502, 504, 520, 522, 524, 598, 599]) {
    test(`of ${status} by the service is passed on, and nobody knows what was done`, async () => {
      const [first, second] = await twice("/orders", answer(status));
      assert.equal(first.status, status);
      assert.equal(errorCode(first), undefined);
      assert.equal(second.status, 409);
      assert.equal(errorCode(second), "IDEMPOTENCY_OUTCOME_UNKNOWN");
      assert.equal(executions(), 1);
    });
  }

  test("of a status in storeServerErrors is kept, and no other from 500 on", async () => {
    for (const status of [500, 502, 503])
      assert.ok(isReplay((await twice("/all-errors", answer(status)))[1]));
    assert.equal(isReplay((await twice("/all-errors", answer(501)))[1]), false);
  });

  test("is replayed with its own fields and fresh ones of ours, once each", async () => {
    const fields = [
      "Content-Type: application/vnd.order+json; charset=utf-8",
      "Location: /orders/7",
      'ETag: "v1"',
      'Link: </orders/7/items>; rel="items"',
      'Link: </next>; rel="next"',
      "Content-Language: de",
      "Cache-Control: no-cache",
      "Retry-After: 5",
      "X-Custom: caf\xe9",
      "Vary: Accept",
    ];
    const dropped = [
      "Set-Cookie: session=1",
      "Set-Cookie: other=2; Path=/",
      "Date: Mon, 01 Jan 2024 00:00:00 GMT",
      "Keep-Alive: timeout=5",
      "X-RateLimit-Remaining: 3",
      'RateLimit: "a";r=1',
      "Age: 9",
      "X-Request-Id: theirs",
      "Server: theirs",
    ];
    const text = [...fields, ...dropped, "Connection: keep-alive", ""].join("\r\n");
    stand.origin.answer = () =>
      Buffer.from(`HTTP/1.1 201 Created\r\nContent-Length: 2\r\n${text}\r\nok`, "latin1");
    const key = newKey();
    const first = await send(keyed("/orders", key));
    const second = await send(keyed("/orders", key));
    for (const name of ["content-type", "location", "etag", "link", "content-language", "cache-control"])
      assert.deepEqual(second.headers.get(name), first.headers.get(name), name);
    assert.deepEqual(second.headers.get("link")?.length, 2);
    assert.deepEqual(only(second, "x-custom"), "caf\xe9");
    assert.equal(only(second, "retry-after"), "5");
    assert.equal(first.headers.get("set-cookie")?.length, 2);
    for (const name of ["set-cookie", "keep-alive", "x-ratelimit-remaining", "ratelimit", "age", "server"])
      assert.equal(second.headers.get(name), undefined, name);
    assert.notEqual(only(second, "x-request-id"), only(first, "x-request-id"));
    assert.notEqual(only(second, "date"), only(first, "date"));
    assert.equal(only(second, "original-request"), only(first, "x-request-id"));
    assert.equal(only(second, "content-length"), "2");
    assert.deepEqual([isReplay(first), isReplay(second)], [false, true]);
    assert.equal(first.headers.has("original-request"), false);
  });

  test("in chunks is replayed with a length and the same bytes", async () => {
    const bytes = Buffer.from(
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n3\r\nabc\r\n4\r\n\x00\xff\r\n\r\n0\r\nX-Sum: 1\r\n\r\n",
      "latin1",
    );
    const [first, second] = await twice("/orders", bytes);
    assert.deepEqual(second.body, Buffer.from("abc\x00\xff\r\n", "latin1"));
    assert.deepEqual(first.body, second.body);
    assert.ok(isReplay(second));
  });

  test("of many bytes, and of many pieces, is replayed as it was", async () => {
    const body = Buffer.alloc(900_000, "0123456789abcdef\n");
    stand.origin.answer = (_, socket) => {
      const bytes = ok(body);
      for (let at = 0; at < bytes.length; at += 77_777) socket.write(bytes.subarray(at, at + 77_777));
      return null;
    };
    const key = newKey();
    const first = await send(keyed("/orders", key));
    const second = await send(keyed("/orders", key));
    assert.ok(first.body.equals(body) && second.body.equals(body) && isReplay(second));
    assert.equal(executions(), 1);
  });

  const unkept: readonly (readonly [what: string, bytes: Buffer, body: string])[] = [
    ["larger than maxBody", ok("eleven byte"), "eleven byte"],
    [
      "larger than maxBody, in chunks",
      Buffer.from(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nabcdef\r\n6\r\nghijkl\r\n0\r\n\r\n",
      ),
      "abcdefghijkl",
    ],
    [
      "that is a stream of events",
      Buffer.from(
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n6\r\ndata:\n\r\n0\r\n\r\n",
      ),
      "data:\n",
    ],
  ];
  for (const [what, bytes, body] of unkept) {
    test(`${what} is passed on whole, and a repetition is told its status`, async () => {
      const [first, second] = await twice("/small", bytes);
      assert.deepEqual([first.status, first.body.toString()], [200, body]);
      assert.equal(second.status, 409);
      assert.equal(errorCode(second), "IDEMPOTENCY_ANSWER_NOT_KEPT");
      assert.match(second.body.toString(), /answered with 200/);
      assert.equal(executions(), 1);
      const status = await send(get(statusPath(second)));
      assert.deepEqual(pick(JSON.parse(status.body.toString())), { state: "finished", status: 200 });
    });
  }

  test("that ends by closing the connection is passed on, and not kept", async () => {
    stand.origin.answer = (_, socket) => {
      socket.end("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nperhaps all of it");
      return null;
    };
    const key = newKey();
    const first = await send(keyed("/orders", key));
    assert.equal(first.body.toString(), "perhaps all of it");
    assert.equal(errorCode(await send(keyed("/orders", key))), "IDEMPOTENCY_ANSWER_NOT_KEPT");
    assert.equal(executions(), 1);
  });

  test("that is large flows to its client while it comes, whatever was looked at first", async () => {
    const size = 3_000_000;
    let push: (bytes: Buffer) => void = () => {};
    stand.origin.answer = (_, socket) => {
      push = (bytes) => socket.write(bytes);
      return "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    };
    const client = await RawClient.to(stand.port);
    client.send(keyed("/small", newKey()));
    await eventually("the service has the request", () => executions() === 1);
    push(Buffer.from("b\r\nfirst bytes\r\n"));
    await client.until(() => client.text.includes("first bytes"));
    const rest = Buffer.alloc(size, "x");
    push(Buffer.concat([Buffer.from(`${size.toString(16)}\r\n`), rest, Buffer.from("\r\n0\r\n\r\n")]));
    assert.equal((await client.response(10_000)).body.length, size + 11);
    client.destroy();
  });

  test("says what is known of it under its id, and nothing under another", async () => {
    const [, second] = await twice("/orders", answer(502));
    const path = statusPath(second);
    const response = await send(get(path));
    assert.equal(response.status, 200);
    assert.equal(only(response, "cache-control"), "no-store");
    const known = JSON.parse(response.body.toString());
    assert.deepEqual(Object.keys(known), ["id", "state", "since", "expires", "original_request", "status"]);
    assert.deepEqual(pick(known), { state: "unknown", status: null });
    assert.equal(known.original_request, only(second, "original-request"));
    assert.equal(Date.parse(known.expires) - Date.parse(known.since), 86_400_000);
    const other = await send(get(`${path}x`));
    assert.deepEqual([other.status, errorCode(other)], [404, "IDEMPOTENCY_RECORD_NOT_FOUND"]);
  });

  describe("that the service encodes although it is asked not to", () => {
    const plain = Buffer.from("the same text, ".repeat(50));
    const codings = {
      gzip: gzipSync(plain),
      deflate: deflateSync(plain),
      br: brotliCompressSync(plain),
      zstd: zstdCompressSync(plain),
    };
    for (const [coding, body] of Object.entries(codings)) {
      test(`with ${coding} is replayed so to who reads it, and decoded to who does not`, async () => {
        stand.origin.answer = () => ok(body, `Content-Encoding: ${coding}\r\nETag: "v1"\r\n`);
        const key = newKey();
        const ask = (accept: string) => send(keyed("/orders", key, "{}", accept));
        await ask(`Accept-Encoding: ${coding}\r\n`);
        assert.equal(accepted(), "identity");
        for (const accept of [`Accept-Encoding: ${coding};q=0.5\r\n`, "", "Accept-Encoding: *\r\n"]) {
          const encoded = await ask(accept);
          assert.deepEqual([encoded.body, only(encoded, "content-encoding")], [body, coding]);
          assert.equal(only(encoded, "etag"), '"v1"');
        }
        for (const accept of ["identity", `${coding};q=0`, `*;q=0, identity`]) {
          const decoded = await ask(`Accept-Encoding: ${accept}\r\n`);
          assert.deepEqual([decoded.body, only(decoded, "content-encoding")], [plain, undefined]);
          assert.equal(only(decoded, "etag"), 'W/"v1"');
          assert.equal(only(decoded, "vary"), "Accept-Encoding");
        }
        assert.equal(executions(), 1);
      });
    }
    const accepted = (): string | undefined =>
      stand.origin.requests[0]?.fields.find(([name]) => name.toLowerCase() === "accept-encoding")?.[1];
  });
});

/** Of the link in a refusal. */
function statusPath(response: RawResponse): string {
  const path = /^<(\/\.well-known\/idempotency\/idem_[\w-]{36})>; rel="status"$/.exec(
    only(response, "link") ?? "",
  )?.[1];
  assert.ok(path, only(response, "link"));
  return path;
}

const pick = ({ state, status }: { state: string; status: number | null }) => ({ state, status });

describe("the state of a request", () => {
  test("can be asked for at every host that a route has, whatever the routes take, and at no other", async () => {
    const to = { upstream: "origin" };
    const policies = [{ idempotency: {} }];
    for (const [hosts, others] of [
      [["api.example", "a.wild.example"], ["other.example"]],
      [["api.example", "a.wild.example", "other.example"], []],
    ] as const) {
      const stand = await startStand({
        routes: {},
        config: {
          routes: [
            { path: "/*", hosts: ["api.example"], to, policies },
            { path: "/*", hosts: ["*.wild.example"], priority: 5, to, policies },
            ...(hosts.length === 3 ? [{ path: "/*", priority: 9, to, policies }] : []),
          ],
        },
      });
      try {
        stand.origin.answer = () => answer(502);
        const at = (request: string, host: string) =>
          askOnce(stand.port, request.replace("Host: example", `Host: ${host}`));
        for (const host of hosts) {
          const request = keyed("/orders", newKey());
          await at(request, host);
          const path = statusPath(await at(request, host));
          const response = await at(get(path), host);
          assert.equal(response.status, 200, host);
          assert.equal(JSON.parse(response.body.toString()).state, "unknown");
          for (const other of others) assert.equal((await at(get(path), other)).status, 421);
        }
      } finally {
        await stand.stop();
      }
    }
  });
});

describe("a key", () => {
  let stand: Stand;
  before(async () => {
    stand = await startStand({ routes: { "/orders": { keep: "1h" } }, time: "by hand" });
  });
  after(() => stand.stop());

  test("is new when its time is over, counted from its first use and not from its last", async () => {
    stand.origin.answer = counting();
    const send = (body: string) => askOnce(stand.port, keyed("/orders", "once", body));
    await send("a");
    stand.gateway.clock.jump(59 * 60_000);
    assert.ok(isReplay(await send("a")));
    stand.gateway.clock.jump(60_000 - 1);
    assert.ok(isReplay(await send("a")));
    stand.gateway.clock.jump(1);
    assert.equal((await send("b")).status, 200);
    assert.ok(isReplay(await send("b")));
    assert.equal((await send("a")).status, 422);
    assert.equal(stand.origin.requests.length, 2);
  });
});

describe("a repetition", () => {
  const ORIGIN = "https://shop.example";
  const key = (environment = "live") => ({ ...configKey("acme", "secret-a"), environment });
  let stand: Stand;
  before(async () => {
    stand = await startStand({
      routes: { "/orders": {} },
      before: [{ "api-key": {} }, { "rate-limit": { limit: 10, window: "1h" } }],
      config: { keys: [key()], policies: [{ cors: { origins: [ORIGIN, "https://other.example"] } }] },
    });
    stand.origin.answer = counting();
  });
  after(() => stand.stop());
  const send = (fields: string, idempotencyKey: string) =>
    askOnce(stand.port, keyed("/orders", idempotencyKey, "{}", `X-API-Key: secret-a\r\n${fields}`));

  test("counts against limits, and shows the fresh state of these and of CORS", async () => {
    const key = newKey();
    const first = await send(`Origin: ${ORIGIN}\r\n`, key);
    const second = await send("Origin: https://other.example\r\n", key);
    assert.equal(
      Number(only(first, "x-ratelimit-remaining")) - Number(only(second, "x-ratelimit-remaining")),
      1,
    );
    assert.equal(only(second, "access-control-allow-origin"), "https://other.example");
    const exposed = (only(second, "access-control-expose-headers") ?? "").split(", ");
    assert.ok(exposed.includes("Idempotent-Replayed") && exposed.includes("Original-Request"));
    assert.ok(isReplay(second));
  });

  test("may be made by pages of other origins", async () => {
    const preflight = await askOnce(
      stand.port,
      `OPTIONS /orders HTTP/1.1\r\nHost: e\r\nOrigin: ${ORIGIN}\r\nAccess-Control-Request-Method: POST\r\nAccess-Control-Request-Headers: idempotency-key\r\n\r\n`,
    );
    assert.match(only(preflight, "access-control-allow-headers") ?? "", /idempotency-key/i);
  });

  test("is seen in the log and in the metrics", async () => {
    const key = newKey();
    const first = await send("", key);
    const second = await send("", key);
    const line = (response: RawResponse) =>
      stand.gateway.logged(({ id }) => id === only(response, "x-request-id"));
    assert.equal((await line(first))["idempotency"], "stored");
    assert.equal((await line(second))["idempotency"], "replayed");
    assert.equal((await line(second))["upstream"], undefined);
    const metrics = await askOnce(stand.gateway.adminPort, get("/metrics"));
    assert.match(
      metrics.body.toString(),
      /turnpike_idempotency_total\{policy="[^"]+\/idempotency",outcome="replayed"\} [1-9]/,
    );
  });

  test("by HTTP/2 gets the answer that was given by HTTP/1.1, and the other way round", async () => {
    const client = new Http2Client(`http://127.0.0.1:${stand.port}`);
    try {
      const over2 = (idempotencyKey: string) =>
        client.ask(
          "/orders",
          { ":method": "POST", "x-api-key": "secret-a", "idempotency-key": idempotencyKey },
          "{}",
        );
      const [one, two] = [newKey(), newKey()];
      const first = await send("", one);
      const second = await over2(one);
      assert.deepEqual([second.body, second.headers["idempotent-replayed"]], [first.body.toString(), "true"]);
      const third = await over2(two);
      assert.deepEqual((await send("", two)).body.toString(), third.body);
    } finally {
      client.close();
    }
  });

  test("without a key is a request like any other", async () => {
    const request = post("/orders", "{}", "X-API-Key: secret-a\r\n");
    const [first, second] = [await askOnce(stand.port, request), await askOnce(stand.port, request)];
    assert.notDeepEqual(first.body, second.body);
  });
});
