/** What a real browser makes of it all: fetches from pages of other origins, through the policies of a real config. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { after, before, beforeEach, describe, test } from "node:test";
import type { Page } from "playwright-core";
import { Stand } from "../conformance/stand.ts";
import { freePort } from "../harness/child-gateway.ts";
import { Chromium, type FetchOptions, fetchIn, withoutChromium } from "../harness/chromium.ts";
import { eventually } from "../harness/eventually.ts";
import { type Answer, fieldsOf, ok } from "../harness/origin.ts";

const KEY = "a key of the tests";

/** Tells the page what arrived of its request. */
const mirror: Answer = (request, socket) => {
  const { method, target, body } = request;
  if (target === "/open/events") {
    socket.write("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n");
    return "d\r\ndata: first\n\n\r\n";
  }
  if (target === "/login") return ok("in", "Set-Cookie: session=s1; Path=/; SameSite=Lax\r\n");
  if (target === "/open/teapot") return "HTTP/1.1 418 No\r\nContent-Length: 6\r\n\r\nteapot";
  const seen = {
    method,
    body: body.toString(),
    trace: fieldsOf(request, "x-trace").join(),
    cookie: fieldsOf(request, "cookie").join(),
    origin: fieldsOf(request, "origin").join(),
  };
  return ok(JSON.stringify(seen), 'ETag: "v1"\r\nX-Total: 7\r\nX-Hidden: 1\r\n');
};

describe("a page in Chromium", { skip: withoutChromium() }, () => {
  let browser: Chromium;
  let stand: Stand;
  /** Of an allowed origin, and not. */
  let shop: Page;
  let evil: Page;

  before(async () => {
    browser = await Chromium.start();
    shop = await browser.page("localhost");
    evil = await browser.page("127.0.0.1");
    const to = { upstream: "origin" };
    const own = [
      browser.origin("localhost"),
      `http://*.shop.localhost:${new URL(browser.origin("localhost")).port}`,
    ];
    stand = await Stand.open(
      {
        keys: [
          { id: "tests", hash: `sha256:${createHash("sha256").update(KEY).digest("hex")}`, consumer: "acme" },
        ],
        policies: [{ cors: { origins: own, expose: ["X-Total"] } }],
        routes: [
          { name: "open", path: "/open/*", to },
          { name: "get-only", path: "/get-only", methods: ["GET"], to },
          { name: "keyed", path: "/keyed", to, policies: [{ "api-key": {} }] },
          {
            name: "limited",
            path: "/limited",
            to,
            policies: [{ "rate-limit": { algorithm: "fixed-window", limit: 1, window: "1h", by: "ip" } }],
          },
          { name: "denied", path: "/denied", to, policies: [{ "ip-allow": { deny: ["127.0.0.0/8"] } }] },
          { name: "small", path: "/small", to, policies: [{ "body-limit": { max: "5b" } }] },
          { name: "dead", path: "/dead", to: { upstream: "dead" } },
          {
            name: "cookies",
            path: "/cookies",
            to,
            policies: [{ cors: { origins: own, credentials: true } }],
          },
          { name: "login", path: "/login", to, policies: [{ cors: { origins: own, credentials: true } }] },
          { name: "null", path: "/null", to, policies: [{ cors: { origins: own, nullOrigin: true } }] },
          { name: "any", path: "/any", to, policies: [{ cors: { origins: ["*"] } }] },
          {
            name: "trace-only",
            path: "/trace-only",
            to,
            policies: [{ cors: { origins: own, headers: ["X-Trace"] } }],
          },
        ],
      },
      { answer: mirror, others: { dead: { targets: [`http://127.0.0.1:${await freePort()}`] } } },
    );
  });
  beforeEach(() => stand.origin.reset());
  after(async () => {
    await stand?.close();
    await browser?.stop();
  });

  const api = (path: string, host = "127.0.0.1"): string => `http://${host}:${stand.gateway.port}${path}`;
  let fetches = 0;
  /** Another one each time: browsers remember by address what a preflight has allowed. */
  const echo = (): string => api(`/open/${fetches++}`);

  const requests: readonly (readonly [what: string, options: FetchOptions])[] = [
    ["GET", {}],
    [
      "a form",
      { method: "POST", headers: { "Content-Type": "application/x-www-form-urlencoded" }, body: "a=1" },
    ],
    ["JSON", { method: "POST", headers: { "Content-Type": "application/json" }, body: "{}" }],
    ["PUT", { method: "PUT", body: "x" }],
    ["PATCH", { method: "PATCH", body: "x" }],
    ["DELETE", { method: "DELETE" }],
    ["QUERY", { method: "QUERY", body: "x" }],
    ["a header of its own", { headers: { "X-Trace": "t1" } }],
    ["Authorization", { headers: { Authorization: "Bearer abc" } }],
    ["an API key", { headers: { "X-API-Key": "abc" } }],
    [
      "many headers",
      {
        method: "PUT",
        headers: {
          "Content-Type": "application/json",
          "Idempotency-Key": "1",
          "API-Version": "1",
          "If-Match": '"v"',
          "X-Trace": "t2",
        },
        body: "{}",
      },
    ],
  ];
  for (const [what, options] of requests) {
    test(`of an allowed origin may send ${what} and read the answer`, async () => {
      const fetched = await fetchIn(shop, echo(), options);
      assert.equal(fetched.status, 200);
      const seen = JSON.parse(fetched.body);
      assert.equal(seen.method, options.method ?? "GET");
      assert.equal(seen.body, options.body ?? "");
      assert.equal(seen.trace, options.headers?.["X-Trace"] ?? "");
    });

    test(`of another origin may not read the answer to ${what}`, async () => {
      assert.equal((await fetchIn(evil, echo(), options)).status, 0);
      // What needs a preflight never reaches the service; the rest is served, as without a browser (CORS-12).
      const simple = what === "GET" || what === "a form";
      assert.equal(stand.origin.requests.length, simple ? 1 : 0);
    });
  }

  test("of an origin under an allowed domain may read answers", async () => {
    const pages = [await browser.page("a.shop.localhost"), await browser.page("b-2.shop.localhost")];
    for (const page of pages) assert.equal((await fetchIn(page, echo(), { method: "PUT" })).status, 200);
  });

  test("of that domain itself, or of one that only looks like it, may not", async () => {
    for (const host of ["shop.localhost", "evilshop.localhost", "x.a.shop.localhost"]) {
      assert.equal((await fetchIn(await browser.page(host), echo())).status, 0, host);
    }
  });

  test("reads the headers that are exposed, and no others", async () => {
    const { headers } = await fetchIn(shop, echo());
    assert.match(headers["x-request-id"] ?? "", /^req_/);
    assert.equal(headers["etag"], '"v1"');
    assert.equal(headers["x-total"], "7");
    assert.equal(headers["x-hidden"], undefined);
  });

  describe("reads the status and the body of a refusal:", () => {
    const refusals: readonly (readonly [
      status: number,
      code: string,
      path: string,
      options?: FetchOptions,
    ])[] = [
      [401, "AUTHENTICATION_REQUIRED", "/keyed"],
      [401, "INVALID_API_KEY", "/keyed", { headers: { "X-API-Key": "wrong" } }],
      [401, "INVALID_API_KEY", "/keyed", { method: "PUT", headers: { Authorization: "Bearer wrong" } }],
      [403, "ADDRESS_NOT_ALLOWED", "/denied", { method: "DELETE" }],
      [404, "ROUTE_NOT_FOUND", "/nowhere"],
      [404, "ROUTE_NOT_FOUND", "/nowhere", { method: "DELETE", headers: { "X-Trace": "t" } }],
      [405, "METHOD_NOT_ALLOWED", "/get-only", { method: "POST", body: "x" }],
      [413, "PAYLOAD_TOO_LARGE", "/small", { method: "PUT", body: "123456" }],
      [502, "UPSTREAM_UNREACHABLE", "/dead", { headers: { "X-Trace": "t" } }],
    ];
    for (const [status, code, path, options] of refusals) {
      test(`${status} ${code} for ${JSON.stringify(options ?? {})}`, async () => {
        const fetched = await fetchIn(shop, api(path), options);
        assert.equal(fetched.status, status);
        const { error } = JSON.parse(fetched.body);
        assert.equal(error.code, code);
        assert.equal(fetched.headers["x-request-id"], error.request_id);
        assert.equal(fetched.headers["x-error-code"], code);
        if (status === 401) assert.match(fetched.headers["www-authenticate"] ?? "", /^Bearer /);
      });
    }

    test("429 RATE_LIMITED, with the limit's headers, and when to try again", async () => {
      const first = await fetchIn(shop, api("/limited"), { headers: { "X-Trace": "1" } });
      assert.equal(first.status, 200);
      assert.equal(first.headers["x-ratelimit-limit"], "1");
      assert.equal(first.headers["x-ratelimit-remaining"], "0");
      const second = await fetchIn(shop, api("/limited"), { headers: { "X-Trace": "2" } });
      assert.equal(second.status, 429);
      assert.equal(JSON.parse(second.body).error.code, "RATE_LIMITED");
      assert.ok(Number(second.headers["retry-after"]) > 0);
      for (const name of [
        "x-ratelimit-limit",
        "x-ratelimit-remaining",
        "x-ratelimit-reset",
        "ratelimit",
        "ratelimit-policy",
      ]) {
        assert.ok(second.headers[name] !== undefined, name);
      }
    });

    test("418 of the service itself", async () => {
      const fetched = await fetchIn(shop, api("/open/teapot"), { method: "PUT" });
      assert.deepEqual([fetched.status, fetched.body], [418, "teapot"]);
    });
  });

  test("with a key gets in: its preflight needed none", async () => {
    assert.equal(
      (await fetchIn(shop, api("/keyed"), { method: "PUT", headers: { "X-API-Key": KEY } })).status,
      200,
    );
  });

  test("may not send a method that the path does not offer", async () => {
    assert.equal((await fetchIn(shop, api("/get-only"), { method: "DELETE" })).status, 0);
  });

  test("may send the headers that the config lists, and no others", async () => {
    assert.equal((await fetchIn(shop, api("/trace-only"), { headers: { "X-Trace": "1" } })).status, 200);
    assert.equal((await fetchIn(shop, api("/trace-only"), { headers: { "X-Other": "1" } })).status, 0);
    assert.equal(
      (await fetchIn(shop, api("/trace-only"), { headers: { Authorization: "Bearer x" } })).status,
      0,
    );
  });

  test("takes its cookies along where the config allows it, and only there", async () => {
    const include: FetchOptions = { credentials: "include" };
    assert.equal((await fetchIn(shop, api("/login", "localhost"), include)).status, 200);
    const fetched = await fetchIn(shop, api("/cookies", "localhost"), { ...include, method: "PUT" });
    assert.equal(fetched.status, 200);
    assert.equal(JSON.parse(fetched.body).cookie, "session=s1");
    assert.equal((await fetchIn(shop, api("/open/x", "localhost"), include)).status, 0);
    assert.equal((await fetchIn(shop, api("/any", "localhost"), include)).status, 0);
  });

  test("of any origin may read what is for all", async () => {
    for (const page of [shop, evil, await browser.sandboxed("localhost")])
      assert.equal(
        (await fetchIn(page, api("/any"), { method: "PUT", headers: { Authorization: "Bearer x" } })).status,
        200,
      );
  });

  test("without an origin of its own may read only what is for such pages", async () => {
    const frame = await browser.sandboxed("localhost");
    assert.equal((await fetchIn(frame, echo())).status, 0);
    assert.equal((await fetchIn(frame, api("/null"), { method: "PUT" })).status, 200);
    assert.equal(fieldsOf(stand.origin.requests.at(-1) as never, "origin").join(), "null");
  });

  test("reads a stream of events as they come, if its origin is allowed", async () => {
    const first = (page: Page): Promise<string> =>
      page.evaluate(
        (url) =>
          new Promise<string>((resolve) => {
            const events = new EventSource(url);
            const end = (text: string): void => {
              events.close();
              resolve(text);
            };
            events.onmessage = ({ data }) => end(data);
            events.onerror = () => end("failed");
          }),
        api("/open/events"),
      );
    assert.equal(await first(shop), "first");
    assert.equal(await first(evil), "failed");
  });

  test("asks once for leave and remembers it", async () => {
    for (let i = 0; i < 3; i++)
      assert.equal((await fetchIn(shop, api("/open/remembered"), { method: "PUT" })).status, 200);
    const methods = async (): Promise<unknown[]> =>
      (await stand.gateway.log())
        .filter(({ path }) => path === "/open/remembered")
        .map(({ method }) => method);
    await eventually("the log has all of it", async () => (await methods()).length >= 4);
    assert.deepEqual(await methods(), ["OPTIONS", "PUT", "PUT", "PUT"]);
  });
});
