/** The cache among other policies, fallbacks, HTTP/2 and reloads. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { askOnce, errorCode, get } from "../harness/ask.ts";
import { answer, cacheControl, cacheStatus, counting, field, startStand, text } from "./stand.ts";

const LONG = cacheControl("max-age=1000");

describe("a hit", () => {
  test("has passed what is listed before the cache: limits count it", async () => {
    const stand = await startStand({}, {}, [{ "rate-limit": { limit: 2, window: "1m", by: "all" } }]);
    stand.origin.answer = counting(LONG);
    await stand.get("/a");
    const hit = await stand.get("/a");
    assert.match(cacheStatus(hit), /hit/);
    assert.equal(field(hit, "x-ratelimit-remaining"), "0");
    const refused = await stand.get("/a");
    assert.equal(refused.status, 429);
    assert.equal(field(refused, "cache-status"), undefined);
  });

  test("has the CORS fields of the page that asks, not of the one that asked first", async () => {
    const cors = { cors: { origins: ["https://a.example", "https://b.example"] } };
    const stand = await startStand({}, {}, [cors]);
    stand.origin.answer = counting(`${LONG}Access-Control-Allow-Origin: *\r\n`);
    for (const origin of ["https://a.example", "https://b.example"]) {
      const response = await stand.get("/a", `Origin: ${origin}\r\n`);
      assert.equal(text(response), "answer 1");
      assert.equal(field(response, "access-control-allow-origin"), origin);
    }
    const foreign = await stand.get("/a", "Origin: https://c.example\r\n");
    assert.equal(field(foreign, "access-control-allow-origin"), undefined);
  });

  test("is none for a version that has retired", async () => {
    const stand = await startStand(
      {},
      { versions: { default: "2", list: { "1": { sunset: "2026-11-22T12:01:00Z" }, "2": {} } } },
    );
    stand.origin.answer = counting(LONG);
    assert.equal((await stand.get("/v1/a")).status, 200);
    stand.clock.advance(61_000);
    assert.equal((await stand.get("/v1/a")).status, 410);
  });

  test("is none for a credential that nobody could read", async () => {
    const stand = await startStand({ share: true }, { keys: [] }, [{ "api-key": { optional: true } }]);
    stand.origin.answer = counting(cacheControl("public, max-age=60"));
    await stand.get("/a");
    const unread = await stand.get("/a", "Authorization: Bearer aaa.bbb.ccc\r\n");
    assert.equal(unread.status, 401);
    assert.equal(errorCode(unread), "INVALID_API_KEY");
  });
});

describe("what stands in for a failed upstream", () => {
  const route = (cache: object) => ({
    routes: [
      {
        path: "/*",
        to: {
          upstream: "origin",
          fallback: { fixed: { status: 200, body: "instead", headers: { "Cache-Control": "max-age=60" } } },
        },
        policies: [{ cache }],
      },
    ],
  });

  test("is not kept, and a stale answer goes before it", async () => {
    const stand = await startStand({}, route({ staleIfError: "60s" }));
    stand.origin.answer = (_request, socket) => {
      socket.destroy();
      return null;
    };
    const instead = await stand.get("/a");
    assert.equal(text(instead), "instead");
    assert.equal(field(instead, "x-fallback"), "true");
    stand.origin.answer = () => answer("back", cacheControl("max-age=10"));
    assert.equal(text(await stand.get("/a")), "back");
    stand.clock.advance(15_000);
    stand.origin.answer = (_request, socket) => {
      socket.destroy();
      return null;
    };
    const stale = await stand.get("/a");
    assert.equal(text(stale), "back");
    assert.match(cacheStatus(stale), /stale-if-error/);
    stand.clock.advance(60_000);
    assert.equal(text(await stand.get("/a")), "instead");
  });
});

describe("what the gateway counts", () => {
  test("is each request by what became of it, and the memory", async () => {
    const stand = await startStand({ staleWhileRevalidate: "5s" });
    stand.origin.answer = counting(cacheControl("max-age=10"));
    for (let i = 0; i < 3; i++) await stand.get("/a");
    await stand.send("POST", "/b");
    const metrics = text(await askOnce(stand.gateway.adminPort, get("/metrics")));
    for (const [result, count] of [
      ["miss", 1],
      ["hit", 2],
      ["bypass", 1],
    ] as const) {
      assert.match(
        metrics,
        new RegExp(`^turnpike_cache_requests_total\\{policy="[^"]*",result="${result}"\\} ${count}$`, "m"),
      );
    }
    assert.match(metrics, /^turnpike_cache_bytes [1-9]\d*$/m);
    assert.match(metrics, /^turnpike_cache_targets 1$/m);
    for (const result of ["miss", "hit", "bypass"])
      await stand.gateway.logged(({ cache }) => cache === result);
  });
});
