/** Stale answers: while another is got, and instead of none (RFC 5861). */
import assert from "node:assert/strict";
import type { Socket } from "node:net";
import { before, describe, test } from "node:test";
import { askOnce, get } from "../harness/ask.ts";
import { eventually } from "../harness/eventually.ts";
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

describe("stale-while-revalidate", () => {
  let stand: Stand;
  before(async () => {
    stand = await startStand({ staleWhileRevalidate: "20s" });
  });

  test("gives the stale answer at once, gets another behind it, once, and logs that", async () => {
    const path = stand.fresh();
    stand.origin.answer = counting(cacheControl("max-age=10"));
    await stand.get(path);
    stand.clock.advance(15_000);
    const held: Socket[] = [];
    stand.origin.reset();
    stand.origin.answer = (_request, socket) => {
      held.push(socket);
      return null;
    };
    for (let i = 0; i < 3; i++) {
      const stale = await stand.get(path);
      assert.equal(text(stale), "answer 1");
      assert.equal(field(stale, "age"), "15");
      assert.equal(cacheStatus(stale), "turnpike; hit; ttl=-5");
    }
    await eventually("the upstream is asked", () => held.length === 1);
    assert.equal(stand.origin.requests.length, 1);
    held[0]?.write(answer("new", cacheControl("max-age=10")));
    await eventually("there is a new one", async () => text(await stand.get(path)) === "new");
    assert.equal(stand.origin.requests.length, 1);
  });

  test("asks with validators, and without the conditions and wishes of the client", async () => {
    const path = stand.fresh();
    stand.origin.answer = validating('"v"', cacheControl("max-age=10"));
    await stand.get(path);
    stand.clock.advance(15_000);
    stand.origin.reset();
    const stale = await stand.get(path, 'If-None-Match: "v", "x"\r\nX-Mine: 1\r\n');
    assert.equal(stale.status, 304);
    await eventually("the upstream is asked", () => stand.origin.requests.length === 1);
    const [asked] = stand.origin.requests;
    assert.ok(asked);
    assert.deepEqual(fieldsOf(asked, "if-none-match"), ['"v"']);
    assert.deepEqual(fieldsOf(asked, "x-mine"), ["1"]);
    await eventually("it is fresh again", async () => /hit; ttl=10/.test(cacheStatus(await stand.get(path))));
  });

  test("is asked for with GET by HEAD, too", async () => {
    const path = stand.fresh();
    stand.origin.answer = counting(cacheControl("max-age=10"));
    await stand.get(path);
    stand.clock.advance(15_000);
    assert.match(cacheStatus(await stand.send("HEAD", path)), /hit; ttl=-5/);
    await eventually("there is a new one", async () => text(await stand.get(path)) === "answer 2");
  });

  test("goes on giving the stale one while the upstream fails, until the time is up", async () => {
    const path = stand.fresh();
    stand.origin.answer = counting(cacheControl("max-age=10"));
    await stand.get(path);
    stand.origin.reset();
    stand.origin.answer = () => answer("broken", "", 500);
    stand.clock.advance(15_000);
    for (let i = 1; i <= 2; i++) {
      assert.equal(text(await stand.get(path)), "answer 1");
      await eventually("the upstream is asked", () => stand.origin.requests.length === i);
    }
    stand.clock.advance(15_000);
    assert.equal((await stand.get(path)).status, 500);
  });

  for (const [says, after, stale] of [
    ["max-age=10, stale-while-revalidate=3", 12, true],
    ["max-age=10, stale-while-revalidate=3", 13, false],
    ["max-age=10, stale-while-revalidate=0", 12, false],
    ["max-age=10, stale-while-revalidate=x", 12, false],
    ["max-age=10, must-revalidate", 12, false],
    ["max-age=10, must-revalidate, stale-while-revalidate=30", 12, false],
    ["max-age=10, proxy-revalidate", 12, false],
    ["s-maxage=10", 12, false],
    ["s-maxage=10, stale-while-revalidate=30", 12, true],
    ["max-age=10, no-cache", 1, false],
  ] as const) {
    test(`${stale ? "is" : "is not"} done ${after} s after "${says}"`, async () => {
      const path = stand.fresh();
      stand.origin.answer = counting(`ETag: "a"\r\n${cacheControl(says)}`);
      await stand.get(path);
      stand.clock.jump(after * 1000);
      assert.equal(text(await stand.get(path)) === "answer 1", stale);
    });
  }

  test("is one request of a client, whatever is asked behind it", async () => {
    const counted = await startStand({ staleWhileRevalidate: "20s", staleIfError: "20s" });
    counted.origin.answer = counting(cacheControl("max-age=10"));
    await counted.get("/a");
    counted.clock.advance(15_000);
    counted.origin.answer = () => answer("broken", "", 503);
    await counted.get("/a");
    await eventually("the upstream is asked", () => counted.origin.requests.length === 2);
    counted.origin.answer = counting(cacheControl("max-age=10"));
    await eventually("it is fresh again", async () =>
      /hit; ttl=10/.test(cacheStatus(await counted.get("/a"))),
    );
    const metrics = text(await askOnce(counted.gateway.adminPort, get("/metrics")));
    assert.match(metrics, /result="miss"\} 1$/m);
    assert.doesNotMatch(metrics, /result="revalidated"\} [1-9]/);
  });

  test("is not done for what was changed", async () => {
    const path = stand.fresh();
    stand.origin.answer = counting(cacheControl("max-age=10"));
    await stand.get(path);
    await stand.send("POST", path);
    stand.clock.advance(15_000);
    assert.notEqual(text(await stand.get(path)), "answer 1");
  });
});

describe("stale-if-error", () => {
  let stand: Stand;
  before(async () => {
    stand = await startStand({ staleIfError: "60s" });
  });

  /** An answer that is 5 s stale when the upstream does that. */
  async function during(failure: Stand["origin"]["answer"], says = "max-age=10") {
    const path = stand.fresh();
    stand.origin.answer = counting(cacheControl(says));
    await stand.get(path);
    stand.clock.advance(15_000);
    stand.origin.answer = failure;
    return stand.get(path);
  }

  for (const status of [500, 502, 503, 504]) {
    test(`takes the place of a ${status}, and says so`, async () => {
      const response = await during(() => answer("broken", "", status));
      assert.equal(response.status, 200);
      assert.equal(text(response), "answer 1");
      assert.equal(field(response, "age"), "15");
      assert.equal(
        cacheStatus(response),
        `turnpike; fwd=stale; fwd-status=${status}; ttl=-5; detail=stale-if-error`,
      );
    });
  }

  test("takes the place of an upstream that hangs up, and the log says stale", async () => {
    const response = await during((_request, socket) => {
      socket.destroy();
      return null;
    });
    assert.equal(text(response), "answer 1");
    const line = await stand.gateway.logged((one) => one["cache"] === "stale");
    assert.equal(line["status"], 200);
  });

  test("takes the place of an upstream that nobody reaches", async () => {
    const gone = await startStand({ staleIfError: "60s" });
    gone.origin.answer = counting(cacheControl("max-age=10"));
    await gone.get("/a");
    await gone.origin.stop();
    gone.clock.advance(15_000);
    assert.equal(text(await gone.get("/a")), "answer 1");
    gone.clock.advance(60_000);
    assert.equal((await gone.get("/a")).status, 502);
  });

  for (const status of [400, 401, 403, 404, 429, 501]) {
    test(`does not take the place of a ${status}`, async () => {
      assert.equal((await during(() => answer("no", "", status))).status, status);
    });
  }

  for (const [says, stale] of [
    ["max-age=10, stale-if-error=6", true],
    ["max-age=10, stale-if-error=5", false],
    ["max-age=10, must-revalidate", false],
    ["max-age=10, must-revalidate, stale-if-error=60", false],
    ["s-maxage=10", false],
    ["s-maxage=10, stale-if-error=60", true],
    ["max-age=10, no-cache, stale-if-error=60", false],
  ] as const) {
    test(`${stale ? "is" : "is not"} done for "${says}"`, async () => {
      const response = await during(() => answer("broken", "", 503), says);
      assert.equal(response.status, stale ? 200 : 503);
    });
  }

  test("takes the place of an answer that is cut off before its head is over, and of none after", async () => {
    const before = await during((_request, socket) => {
      socket.end("HTTP/1.1 200 OK\r\nContent-Le");
      return null;
    });
    assert.equal(text(before), "answer 1");
  });
});
