/** Which keys are keys, which requests are the same, and whose they are (IDEM-1 to IDEM-5, IDEM-7). */
import assert from "node:assert/strict";
import { after, before, beforeEach, describe, test } from "node:test";
import { ask, askOnce, errorCode, get, post } from "../harness/ask.ts";
import { RawClient } from "../harness/raw.ts";
import { configKey } from "../limits/rate.ts";
import { counting, isReplay, keyed, newKey, only, type Stand, startStand } from "./stand.ts";

const DOCS = "https://docs.example/retries";

describe("an Idempotency-Key", () => {
  let stand: Stand;
  before(async () => {
    stand = await startStand({
      routes: {
        "/orders": {},
        "/others": {},
        "/required": { required: true, docs: DOCS },
        "/all": { methods: ["POST", "PATCH", "PUT", "DELETE"] },
        "/stripe": { compat: "stripe" },
        "/items/{id}": {},
      },
    });
  });
  after(() => stand.stop());
  beforeEach(() => {
    stand.origin.answer = counting();
    stand.origin.reset();
  });
  const send = (request: string) => askOnce(stand.port, request);
  const executions = () => stand.origin.requests.length;

  test("is the same key bare and in quotes", async () => {
    const key = newKey();
    const first = await send(keyed("/orders", key));
    const second = await send(keyed("/orders", `"${key}"`));
    assert.equal(second.body.toString(), first.body.toString());
    assert.ok(isReplay(second));
    assert.equal(executions(), 1);
  });

  test("in quotes may hold quotes and backslashes behind a backslash", async () => {
    assert.equal((await send(keyed("/orders", String.raw`"a\"b\\c"`))).status, 200);
    assert.ok(isReplay(await send(keyed("/orders", String.raw`"a\"b\\c"`))));
    assert.equal((await send(keyed("/orders", String.raw`"a\bc"`))).status, 400);
  });

  test("is passed on to the service as it came", async () => {
    await send(keyed("/orders", '"passed-on"'));
    const [request] = stand.origin.requests;
    assert.deepEqual(
      request?.fields.filter(([name]) => name.toLowerCase() === "idempotency-key"),
      [["Idempotency-Key", '"passed-on"']],
    );
  });

  test("is passed on, too, where the client's Connection names it", async () => {
    const key = newKey();
    await send(post("/orders", "{}", `Idempotency-Key: ${key}\r\nConnection: Idempotency-Key\r\n`));
    const fields = stand.origin.requests[0]?.fields ?? [];
    assert.equal(fields.find(([name]) => name === "Idempotency-Key")?.[1], key);
  });

  const bad: readonly (readonly [what: string, lines: string])[] = [
    ["without its second quote", 'Idempotency-Key: "abc\r\n'],
    ["without its first quote", 'Idempotency-Key: abc"\r\n'],
    ["of one quote", 'Idempotency-Key: "\r\n'],
    ["with a quote inside", 'Idempotency-Key: a"b\r\n'],
    ["with parameters", 'Idempotency-Key: "abc";p=1\r\n'],
    ["that is a list", 'Idempotency-Key: "abc", "def"\r\n'],
    ["that is empty", "Idempotency-Key:\r\n"],
    ["that is an empty string", 'Idempotency-Key: ""\r\n'],
    ["of 256 characters", `Idempotency-Key: ${"k".repeat(256)}\r\n`],
    ["of 256 characters in quotes", `Idempotency-Key: "${"k".repeat(256)}"\r\n`],
    ["with a space", "Idempotency-Key: a b\r\n"],
    ["with a space in quotes", 'Idempotency-Key: "a b"\r\n'],
    ["with a tab", "Idempotency-Key: a\tb\r\n"],
    ["beyond ASCII", "Idempotency-Key: caf\xe9\r\n"],
    ["beyond ASCII in quotes", 'Idempotency-Key: "caf\xe9"\r\n'],
    ["in UTF-8", "Idempotency-Key: \xc3\xa9\r\n"],
    ["on two lines", "Idempotency-Key: a\r\nIdempotency-Key: b\r\n"],
    ["on two equal lines", "Idempotency-Key: a\r\nidempotency-key: a\r\n"],
  ];
  for (const [what, lines] of bad) {
    test(`${what} is refused with 400 before anything is sent on`, async () => {
      const response = await send(post("/required", "{}", lines));
      assert.equal(response.status, 400);
      assert.equal(errorCode(response), "IDEMPOTENCY_KEY_INVALID");
      assert.equal(only(response, "link"), `<${DOCS}>; rel="describedby"`);
      assert.equal(executions(), 0);
    });
  }

  for (const key of ["k", "k".repeat(255), `"${"k".repeat(255)}"`, "!#$%&'()*+,-./:;<=>?@[]^_`{|}~"]) {
    test(`may be ${key.length > 40 ? `${key.length} characters long` : key}`, async () => {
      assert.equal((await send(keyed("/orders", key))).status, 200);
    });
  }

  test("is asked for with 400 and a link to the documentation where a route requires one", async () => {
    const response = await send(post("/required", "{}"));
    assert.equal(response.status, 400);
    assert.equal(errorCode(response), "IDEMPOTENCY_KEY_REQUIRED");
    assert.equal(only(response, "link"), `<${DOCS}>; rel="describedby"`);
    assert.equal(executions(), 0);
    assert.equal((await send(keyed("/required", newKey()))).status, 200);
  });

  test("is not asked for elsewhere, and requests without one are sent each time", async () => {
    await send(post("/orders", "{}"));
    await send(post("/orders", "{}"));
    assert.equal(executions(), 2);
  });

  for (const method of ["GET", "HEAD", "OPTIONS", "QUERY", "PUT", "DELETE"]) {
    test(`means nothing on ${method}, not even a wrong one, and is passed on`, async () => {
      const client = await RawClient.to(stand.port);
      for (let i = 0; i < 2; i++) {
        client.send(`${method} /required HTTP/1.1\r\nHost: e\r\nIdempotency-Key: "a b\r\n\r\n`);
        await client.until(() => client.text.split("200 OK").length > i + 1);
      }
      client.destroy();
      assert.equal(executions(), 2);
    });
  }

  test("counts on PUT and DELETE where the route says so", async () => {
    for (const method of ["PUT", "DELETE"]) {
      const key = newKey();
      await send(keyed("/all", key, "{}", "", method));
      assert.ok(isReplay(await send(keyed("/all", key, "{}", "", method))), method);
    }
    assert.equal(executions(), 2);
  });

  test("is another one at another route and for another method", async () => {
    const key = newKey();
    for (const request of [
      keyed("/orders", key),
      keyed("/others", key),
      keyed("/orders", key, "{}", "", "PATCH"),
    ])
      assert.equal(isReplay(await send(request)), false);
    assert.equal(executions(), 3);
  });

  const JSON_TYPE = "Content-Type: application/json\r\n";
  const others: readonly (readonly [what: string, first: string, second: string])[] = [
    ["body", keyed("/orders", "@", '{"a":1}'), keyed("/orders", "@", '{"a":2}')],
    ["white space in the body", keyed("/orders", "@", '{"a":1}'), keyed("/orders", "@", '{"a": 1}')],
    ["body that is longer", keyed("/orders", "@", "a"), keyed("/orders", "@", "ab")],
    ["body that is gone", keyed("/orders", "@", "a"), keyed("/orders", "@", "")],
    ["query", keyed("/orders?a=1", "@"), keyed("/orders?a=2", "@")],
    ["query that is gone", keyed("/orders?a=1", "@"), keyed("/orders", "@")],
    ["order of one parameter's values", keyed("/orders?a=1&a=2", "@"), keyed("/orders?a=2&a=1", "@")],
    ["path of the same route", keyed("/items/1", "@"), keyed("/items/2", "@")],
    [
      "content type",
      keyed("/orders", "@", "a", JSON_TYPE),
      keyed("/orders", "@", "a", "Content-Type: text/plain\r\n"),
    ],
    [
      "charset",
      keyed("/orders", "@", "a", "Content-Type: text/plain; charset=utf-8\r\n"),
      keyed("/orders", "@", "a", "Content-Type: text/plain; charset=latin1\r\n"),
    ],
  ];
  for (const [what, first, second] of others) {
    test(`with another ${what} is 422, and the first answer stays as it is`, async () => {
      const key = newKey();
      const answer = await send(first.replace("@", key));
      const refused = await send(second.replace("@", key));
      assert.equal(refused.status, 422);
      assert.equal(errorCode(refused), "IDEMPOTENCY_KEY_REUSED");
      assert.equal(JSON.parse(refused.body.toString()).error.type, "idempotency_error");
      const replay = await send(first.replace("@", key));
      assert.deepEqual([replay.body, isReplay(replay)], [answer.body, true]);
      assert.equal(executions(), 1);
    });
  }

  const multipart = (boundary: string, content: string): string =>
    keyed(
      "/orders",
      "@",
      `--${boundary}\r\nContent-Disposition: form-data; name="f"\r\n\r\n${content}\r\n--${boundary}--\r\n`,
      `Content-Type: multipart/form-data; boundary=${boundary}\r\n`,
    );
  const same: readonly (readonly [what: string, first: string, second: string])[] = [
    ["order of parameters", keyed("/orders?a=1&b=2", "@"), keyed("/orders?b=2&a=1", "@")],
    [
      "spelling of the content type",
      keyed("/orders", "@", "a", 'Content-Type: Text/Plain; Charset="UTF-8"; x=1\r\n'),
      keyed("/orders", "@", "a", "content-type: text/plain;x=1;charset=utf-8\r\n"),
    ],
    [
      "headers",
      keyed("/orders", "@", "a", "Accept: text/plain\r\nX-Trace: 1\r\n"),
      keyed("/orders", "@", "a", "Accept: application/json\r\nX-Trace: 2\r\n"),
    ],
    ["boundary of a multipart body", multipart("one", "x"), multipart("another-boundary", "x")],
    [
      "framing",
      keyed("/orders", "@", "abc"),
      "POST /orders HTTP/1.1\r\nHost: e\r\nTransfer-Encoding: chunked\r\nIdempotency-Key: @\r\n\r\n1\r\na\r\n2\r\nbc\r\n0\r\n\r\n",
    ],
  ];
  for (const [what, first, second] of same) {
    test(`with another ${what} is the same request`, async () => {
      const key = newKey();
      await send(first.replace("@", key));
      assert.ok(isReplay(await send(second.replace("@", key))));
      assert.equal(executions(), 1);
    });
  }

  test("with another part of a multipart body is another request", async () => {
    const key = newKey();
    await send(multipart("one", "x").replace("@", key));
    assert.equal((await send(multipart("two", "y").replace("@", key))).status, 422);
  });

  test("that was used for another request is 400 for Stripe's clients", async () => {
    const key = newKey();
    await send(keyed("/stripe", key, "a"));
    const refused = await send(keyed("/stripe", key, "b"));
    assert.equal(refused.status, 400);
    assert.equal(errorCode(refused), "IDEMPOTENCY_KEY_REUSED");
    assert.equal(JSON.parse(refused.body.toString()).error.type, "idempotency_error");
  });

  test("whose request is too large for the route was never used", async () => {
    const key = newKey();
    const client = await RawClient.to(stand.port);
    client.send(
      `POST /orders HTTP/1.1\r\nHost: e\r\nIdempotency-Key: ${key}\r\nContent-Length: 2000000\r\n\r\n`,
    );
    assert.equal((await client.response()).status, 413);
    client.destroy();
    assert.equal((await send(keyed("/orders", key, "small"))).status, 200);
    assert.equal(executions(), 1);
  });

  test("goes with a body of 16 MiB at most where the route has no limit", async () => {
    const open = await startStand({
      routes: {},
      config: {
        routes: [
          {
            path: "/streams",
            to: { upstream: "origin" },
            limits: { body: "unlimited" },
            policies: [{ idempotency: {} }],
          },
        ],
      },
    });
    try {
      const client = await RawClient.to(open.port);
      const head = (size: number) =>
        `POST /streams HTTP/1.1\r\nHost: e\r\nIdempotency-Key: k\r\nContent-Length: ${size}\r\n\r\n`;
      client.send(head(16 * 1024 * 1024 + 1));
      assert.equal((await client.response()).status, 413);
      client.destroy();
      assert.equal((await askOnce(open.port, `${head(2)}{}`)).status, 200);
    } finally {
      await open.stop();
    }
  });

  test("on a kept connection is answered again there", async () => {
    const key = newKey();
    const client = await RawClient.to(stand.port);
    const first = await ask(client, keyed("/orders", key));
    const second = await ask(client, keyed("/orders", key));
    assert.deepEqual(second.body, first.body);
    assert.equal((await ask(client, get("/orders"))).status, 200);
    client.destroy();
  });
});

describe("whose key it is", () => {
  let stand: Stand;
  before(async () => {
    stand = await startStand({
      routes: { "/orders": {} },
      before: [{ "api-key": { optional: true } }],
      config: {
        listen: { trustedProxies: ["127.0.0.1"] },
        keys: [
          configKey("acme", "secret-a"),
          { ...configKey("acme", "secret-a2"), id: "acme-2" },
          { ...configKey("acme", "secret-t"), id: "acme-test", environment: "test" },
          configKey("beta", "secret-b"),
        ],
      },
    });
  });
  after(() => stand.stop());
  beforeEach(() => {
    stand.origin.answer = counting();
    stand.origin.reset();
  });
  const by = (secret: string, key: string, body = "{}") =>
    askOnce(stand.port, keyed("/orders", key, body, `X-API-Key: ${secret}\r\n`));
  const from = (address: string, key: string) =>
    askOnce(stand.port, keyed("/orders", key, "{}", `X-Forwarded-For: ${address}\r\n`));

  test("decides: the same key of another consumer is unrelated, whatever the body", async () => {
    const key = newKey();
    const mine = await by("secret-a", key);
    const theirs = await by("secret-b", key);
    assert.equal(isReplay(theirs), false);
    assert.notDeepEqual(theirs.body, mine.body);
    assert.equal((await by("secret-b", key, "other")).status, 422);
    assert.deepEqual((await by("secret-a", key)).body, mine.body);
    assert.equal(stand.origin.requests.length, 2);
  });

  test("is the consumer: another API key of his gets the replay, one of his test keys does not", async () => {
    const key = newKey();
    const first = await by("secret-a", key);
    assert.deepEqual((await by("secret-a2", key)).body, first.body);
    assert.equal(isReplay(await by("secret-t", key)), false);
  });

  test("is the address where there is no credential, a /64 of IPv6", async () => {
    const key = newKey();
    await from("192.0.2.1", key);
    assert.ok(isReplay(await from("192.0.2.1", key)));
    assert.equal(isReplay(await from("192.0.2.2", key)), false);
    assert.equal(isReplay(await by("secret-a", key)), false);
    await from("2001:db8::1", key);
    assert.ok(isReplay(await from("2001:db8::2", key)));
    assert.equal(isReplay(await from("2001:db8:0:1::1", key)), false);
  });

  test("needs a good credential at every repetition", async () => {
    const key = newKey();
    await by("secret-a", key);
    const refused = await by("wrong", key);
    assert.equal(refused.status, 401);
    assert.doesNotMatch(refused.body.toString(), /execution/);
  });
});
