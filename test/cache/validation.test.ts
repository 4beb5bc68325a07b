/** Conditional requests: of clients, and of the gateway (RFC 9111 §4.3, RFC 9110 §13). */
import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import { askOnce } from "../harness/ask.ts";
import { fieldsOf } from "../harness/origin.ts";
import {
  answer,
  cacheControl,
  cacheStatus,
  counting,
  field,
  type Stand,
  startStand,
  text,
  validating,
} from "./stand.ts";

const MODIFIED = "Last-Modified: Sun, 22 Nov 2026 10:00:00 GMT\r\n";
const SHORT = cacheControl("max-age=10");

describe("a condition of a client (RFC 9110 §13.1)", () => {
  let stand: Stand;
  before(async () => {
    stand = await startStand();
    stand.origin.answer = counting(`ETag: "a,b"\r\n${MODIFIED}${cacheControl("max-age=1000")}X-More: 1\r\n`);
    await stand.get("/strong");
    stand.origin.answer = counting(`ETag: W/"w"\r\n${cacheControl("max-age=1000")}`);
    await stand.get("/weak");
    stand.origin.answer = counting(`${MODIFIED}${cacheControl("max-age=1000")}`);
    await stand.get("/dated");
    stand.origin.answer = () => answer("no", `ETag: "e"\r\n${cacheControl("max-age=1000")}`, 404);
    await stand.get("/missing");
    stand.origin.reset();
  });

  const cases: readonly (readonly [path: string, fields: string, status: number])[] = [
    ["/strong", 'If-None-Match: "a,b"\r\n', 304],
    ["/strong", 'If-None-Match: W/"a,b"\r\n', 304],
    ["/strong", 'If-None-Match: "x", "a,b"\r\n', 304],
    ["/strong", 'If-None-Match: "x"\r\nIf-None-Match: "a,b"\r\n', 304],
    ["/strong", "If-None-Match: *\r\n", 304],
    ["/strong", 'If-None-Match: "a"\r\n', 200],
    ["/strong", 'If-None-Match: "A,B"\r\n', 200],
    ["/strong", "If-None-Match: a,b\r\n", 200],
    ["/strong", `If-None-Match: "x"\r\nIf-Modified-Since: Sun, 22 Nov 2026 11:00:00 GMT\r\n`, 200],
    ["/weak", 'If-None-Match: "w"\r\n', 304],
    ["/weak", 'If-None-Match: W/"w"\r\n', 304],
    ["/dated", "If-Modified-Since: Sun, 22 Nov 2026 10:00:00 GMT\r\n", 304],
    ["/dated", "If-Modified-Since: Sunday, 22-Nov-26 10:00:00 GMT\r\n", 304],
    ["/dated", "If-Modified-Since: Sun Nov 22 10:00:00 2026\r\n", 304],
    ["/dated", "If-Modified-Since: Sun, 22 Nov 2026 09:59:59 GMT\r\n", 200],
    ["/dated", "If-Modified-Since: yesterday\r\n", 200],
    ["/dated", 'If-None-Match: "x"\r\n', 200],
    ["/missing", 'If-None-Match: "e"\r\n', 404],
  ];
  for (const [path, fields, status] of cases) {
    test(`on ${path} is ${status} from what is kept: ${fields.trim().replace("\r\n", " and ")}`, async () => {
      const response = await stand.get(path, fields);
      assert.equal(response.status, status);
      assert.match(cacheStatus(response), /hit/);
      assert.deepEqual(stand.asked(), []);
    });
  }

  test("is answered with what a 304 has to say, and nothing of the content (§15.4.5)", async () => {
    const response = await stand.get("/strong", 'If-None-Match: "a,b"\r\n');
    assert.equal(response.body.length, 0);
    assert.equal(field(response, "etag"), '"a,b"');
    assert.equal(field(response, "cache-control"), "max-age=1000");
    for (const name of ["age", "date", "last-modified"])
      assert.notEqual(field(response, name), undefined, name);
    for (const name of ["x-more", "content-length"]) assert.equal(field(response, name), undefined, name);
  });

  test("on what is not kept is the upstream's to answer", async () => {
    stand.origin.answer = validating('"v"', cacheControl("max-age=10"));
    const response = await stand.get("/other", 'If-None-Match: "v"\r\n');
    assert.equal(response.status, 304);
    assert.match(cacheStatus(response), /^turnpike; fwd=uri-miss; fwd-status=304$/);
    assert.equal(text(await stand.get("/other")), "answer 1", "a 304 is nothing to keep");
  });
});

describe("a stale answer (§4.3)", () => {
  let stand: Stand;
  before(async () => {
    stand = await startStand();
  });

  test("is asked for with its validators, and good again after a 304", async () => {
    const path = stand.fresh();
    stand.origin.answer = validating('"v1"', `${MODIFIED}${SHORT}`);
    await stand.get(path);
    stand.clock.advance(11_000);
    const again = await stand.get(path);
    const asked = stand.origin.requests.at(-1);
    assert.ok(asked);
    assert.deepEqual(fieldsOf(asked, "if-none-match"), ['"v1"']);
    assert.deepEqual(fieldsOf(asked, "if-modified-since"), ["Sun, 22 Nov 2026 10:00:00 GMT"]);
    assert.equal(text(again), "answer 1");
    assert.equal(again.status, 200);
    assert.equal(field(again, "age"), "0");
    assert.equal(cacheStatus(again), "turnpike; fwd=stale; fwd-status=304; ttl=10; stored");
    assert.match(cacheStatus(await stand.get(path)), /hit; ttl=10/);
    const line = await stand.gateway.logged((one) => one["cache"] === "revalidated");
    assert.equal(line["status"], 200);
  });

  test("takes the fields of the 304, except those that describe the content (§3.2)", async () => {
    const path = stand.fresh();
    const tag = 'ETag: "v"\r\n';
    stand.origin.answer = () =>
      answer("old", `${tag}${SHORT}X-A: 1\r\nX-A: 2\r\nX-B: b\r\nContent-Type: text/a\r\nAge: 3\r\n`);
    await stand.get(path);
    stand.clock.advance(11_000);
    stand.origin.answer = () =>
      `HTTP/1.1 304 Not Modified\r\n${tag}${cacheControl("max-age=99")}X-A: 3\r\nX-A: 4\r\nContent-Type: text/b\r\n\r\n`;
    await stand.get(path);
    const again = await stand.get(path);
    assert.match(cacheStatus(again), /hit; ttl=99/);
    assert.equal(field(again, "x-a"), "3, 4");
    assert.equal(field(again, "x-b"), "b");
    assert.equal(field(again, "content-type"), "text/a");
    assert.equal(field(again, "age"), "0");
    assert.equal(text(again), "old");
  });

  test("is replaced by a new one", async () => {
    const path = stand.fresh();
    stand.origin.answer = counting((request) => `ETag: "${request.fields.length}"\r\n${SHORT}`);
    await stand.get(path);
    stand.clock.advance(11_000);
    assert.equal(text(await stand.get(path)), "answer 2");
    assert.equal(text(await stand.get(path)), "answer 2");
  });

  test("is gone when there is another answer that is none to keep", async () => {
    const path = stand.fresh();
    stand.origin.answer = validating('"v"', `${SHORT}`);
    await stand.get(path);
    stand.clock.advance(11_000);
    stand.origin.answer = () => answer("private", cacheControl("no-store"));
    assert.equal(text(await stand.get(path)), "private");
    stand.origin.answer = counting(SHORT);
    const next = await stand.get(path, cacheControl("max-stale"));
    assert.match(cacheStatus(next), /uri-miss/);
  });

  test("is not given for a 304 that is about another one (§4.3.4): the upstream is asked again", async () => {
    const path = stand.fresh();
    stand.origin.answer = counting(`ETag: "v1"\r\n${SHORT}`);
    await stand.get(path);
    stand.clock.advance(11_000);
    stand.origin.reset();
    stand.origin.answer = (request) =>
      fieldsOf(request, "if-none-match").length > 0
        ? 'HTTP/1.1 304 Not Modified\r\nETag: "v2"\r\n\r\n'
        : answer("two", `ETag: "v2"\r\n${SHORT}`);
    assert.equal(text(await stand.get(path)), "two");
    assert.equal(stand.origin.requests.length, 2);
  });

  test("that the client has already is a 304 for it, whatever the upstream was asked", async () => {
    const path = stand.fresh();
    stand.origin.answer = validating('"v"', SHORT);
    await stand.get(path);
    stand.clock.advance(11_000);
    const again = await stand.get(path, 'If-None-Match: "v"\r\n');
    assert.equal(again.status, 304);
    stand.clock.advance(11_000);
    const other = await stand.get(path, 'If-None-Match: "x"\r\n');
    assert.equal(other.status, 200);
    assert.equal(text(other), "answer 1");
  });

  test("that may not be kept any longer after its 304 is given this once", async () => {
    const path = stand.fresh();
    stand.origin.answer = validating('"v"', SHORT);
    await stand.get(path);
    stand.clock.advance(11_000);
    stand.origin.answer = () => 'HTTP/1.1 304 Not Modified\r\nETag: "v"\r\nCache-Control: no-store\r\n\r\n';
    assert.equal(text(await stand.get(path)), "answer 1");
    stand.origin.answer = counting(SHORT);
    assert.match(cacheStatus(await stand.get(path)), /uri-miss/);
  });

  for (const says of ["no-cache", 'no-cache="x-a"', "max-age=0", "no-cache, max-age=100"]) {
    test(`is one that says ${says}: asked for every time, and its body comes once`, async () => {
      const path = stand.fresh();
      stand.origin.answer = validating('"v"', cacheControl(says));
      stand.origin.reset();
      for (let i = 0; i < 3; i++) assert.equal(text(await stand.get(path)), "answer 1");
      assert.equal(stand.origin.requests.length, 3);
      assert.deepEqual(
        stand.origin.requests.map((request) => fieldsOf(request, "if-none-match").length),
        [0, 1, 1],
      );
    });
  }

  test("is checked by HEAD, too, which replaces nothing", async () => {
    const path = stand.fresh();
    stand.origin.answer = validating('"v"', SHORT);
    await stand.get(path);
    stand.clock.advance(11_000);
    assert.match(cacheStatus(await stand.send("HEAD", path)), /fwd=stale; fwd-status=304/);
    assert.match(cacheStatus(await stand.get(path)), /hit/);
  });
});

describe("variants (§4.1)", () => {
  let stand: Stand;
  before(async () => {
    stand = await startStand();
    stand.origin.answer = counting(`${cacheControl("max-age=1000")}Vary: Accept-Language\r\nvary: X-B\r\n`);
  });

  test("are kept for each value of the fields that Vary names, and for their absence", async () => {
    const path = stand.fresh();
    const asked = [
      "Accept-Language: de\r\n",
      "Accept-Language: en\r\n",
      "",
      "Accept-Language: de\r\nX-B: 1\r\n",
    ];
    const first: string[] = [];
    for (const fields of asked) first.push(text(await stand.get(path, fields)));
    assert.equal(new Set(first).size, asked.length);
    for (const [i, fields] of asked.entries()) {
      const again = await stand.get(path, fields);
      assert.equal(text(again), first[i]);
      assert.match(cacheStatus(again), /hit/);
    }
    assert.match(cacheStatus(await stand.get(path, "X-B: other\r\n")), /fwd=vary-miss/);
  });

  test("are the same where the fields differ in white space or lines only", async () => {
    const path = stand.fresh();
    const one = text(await stand.get(path, "Accept-Language: de, en\r\n"));
    assert.equal(text(await stand.get(path, "Accept-Language: de\r\nAccept-Language:  en \r\n")), one);
    assert.equal(text(await stand.get(path, "accept-language: de,en\r\nX-C: 1\r\n")), one);
  });

  test("of one target are sixteen at most", async () => {
    const path = stand.fresh();
    for (let i = 0; i < 20; i++) await stand.get(path, `X-B: ${i}\r\n`);
    assert.match(cacheStatus(await stand.get(path, "X-B: 4\r\n")), /hit/);
    assert.match(cacheStatus(await stand.get(path, "X-B: 3\r\n")), /vary-miss/);
  });

  test("are assumed for what is encoded, although the upstream does not say so", async () => {
    const path = stand.fresh();
    stand.origin.answer = counting(`${cacheControl("max-age=1000")}Content-Encoding: gzip\r\n`);
    await stand.get(path, "Accept-Encoding: gzip\r\n");
    assert.match(cacheStatus(await stand.get(path)), /vary-miss/);
    assert.match(cacheStatus(await stand.get(path, "Accept-Encoding: gzip\r\n")), /hit/);
  });
});

describe("the key (§2)", () => {
  test("is scheme, host, path and query, less what the config says makes no difference", async () => {
    const stand = await startStand({ ignoreQuery: ["utm_source", "a b"], varyBy: ["X-Tenant"] });
    stand.origin.answer = counting(cacheControl("max-age=1000"));
    const first = text(await stand.get("/a?x=1&y=2"));
    const same = async (path: string, fields = "") => text(await stand.get(path, fields)) === first;
    assert.equal(await same("/a?x=1&y=2&utm_source=z"), true);
    assert.equal(await same("/a?utm_source&x=1&y=2&a+b=1&a%20b=2"), true);
    assert.equal(await same("/a?x=1&y=2&utm_sourc=z"), false);
    assert.equal(await same("/a?y=2&x=1"), false);
    assert.equal(await same("/a?x=1&y=3"), false);
    const bare = text(await stand.get("/a"));
    assert.notEqual(bare, first);
    assert.equal(text(await stand.get("/a?utm_source=z")), bare);
    assert.equal(await same("/A?x=1&y=2"), false);
    assert.equal(await same("/a?x=1&y=2", "X-Tenant: t\r\n"), false);
    assert.deepEqual(
      stand.asked().slice(1, 2),
      ["GET /a?x=1&y=2&utm_sourc=z"],
      "and the upstream sees all of it",
    );
  });

  test("has the host, and the version that the call gets", async () => {
    const stand = await startStand({}, { versions: { list: { "1": {}, "2": {} } } });
    stand.origin.answer = counting(cacheControl("max-age=1000"));
    const seen = [await stand.get("/v1/a"), await stand.get("/v2/a"), await stand.get("/v1/a")].map(text);
    assert.deepEqual(seen, ["answer 1", "answer 2", "answer 1"]);
    const other = "GET /v1/a HTTP/1.1\r\nHost: other\r\n\r\n";
    assert.equal(text(await askOnce(stand.gateway.port, other)), "answer 3");
  });
});
