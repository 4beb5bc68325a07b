/** How long answers are fresh, and what clients may ask of them (RFC 9111 §4.2, §5.2.1, §5.4; RFC 8246). */
import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import { cacheControl, cacheStatus, counting, field, type Stand, startStand, text } from "./stand.ts";

/** The date of so many seconds from now, by the clock of the gateway. */
const dateIn = (stand: Stand, seconds: number): string =>
  new Date(stand.clock.wall() + seconds * 1000).toUTCString();

/** Seconds for which a new answer is given again. */
async function lifetime(stand: Stand, fields: string): Promise<number> {
  const path = stand.fresh();
  stand.origin.answer = counting(fields);
  const first = text(await stand.get(path));
  for (let second = 0; second < 200; second++) {
    if (text(await stand.get(path)) !== first) return second;
    stand.clock.jump(1000);
  }
  return 200;
}

describe("an answer is fresh (§4.2.1)", () => {
  let stand: Stand;
  before(async () => {
    stand = await startStand({ defaultTtl: "7s" });
  });

  const cases: readonly (readonly [says: string, seconds: number, fields: (stand: Stand) => string])[] = [
    ["for max-age", 10, () => cacheControl("max-age=10")],
    ["for s-maxage rather than max-age", 12, () => cacheControl("max-age=10, s-maxage=12")],
    [
      "for max-age rather than Expires",
      5,
      (at) => `${cacheControl("max-age=5")}Expires: ${dateIn(at, 50)}\r\n`,
    ],
    ["until Expires", 9, (at) => `Date: ${dateIn(at, 0)}\r\nExpires: ${dateIn(at, 9)}\r\n`],
    [
      "by the clock of the origin, if that is behind: Date and Expires are of one clock, the age is of both",
      6,
      (at) => `Date: ${dateIn(at, -3)}\r\nExpires: ${dateIn(at, 6)}\r\n`,
    ],
    ["for less where other caches had it (§4.2.3)", 6, () => `${cacheControl("max-age=10")}Age: 4\r\n`],
    [
      "for less where it was made a while ago",
      7,
      (at) => `${cacheControl("max-age=10")}Date: ${dateIn(at, -3)}\r\n`,
    ],
    [
      "for less by the larger of the two",
      5,
      (at) => `${cacheControl("max-age=10")}Age: 5\r\nDate: ${dateIn(at, -3)}\r\n`,
    ],
    [
      "as if it were new where its Date is yet to come",
      10,
      (at) => `${cacheControl("max-age=10")}Date: ${dateIn(at, 99)}\r\n`,
    ],
    ["whatever an Age says that is no number", 10, () => `${cacheControl("max-age=10")}Age: old\r\n`],
    ["for the default where it says nothing", 7, () => ""],
    ["for what it says rather than the default", 3, () => cacheControl("max-age=3")],
    ["for the smaller of two max-age", 3, () => cacheControl("max-age=30, max-age=3")],
  ];
  for (const [says, seconds, fields] of cases) {
    test(`${says}: ${seconds} s`, async () => assert.equal(await lifetime(stand, fields(stand)), seconds));
  }

  test("for ttl, whatever it says, if the config has one", async () => {
    const own = await startStand({ ttl: "4s" });
    assert.equal(await lifetime(own, cacheControl("max-age=60")), 4);
    assert.equal(await lifetime(own, cacheControl("max-age=0")), 4);
    assert.equal(await lifetime(own, ""), 4);
    assert.equal(await lifetime(own, cacheControl("no-store")), 0);
    assert.equal(await lifetime(own, cacheControl("private")), 0);
    assert.equal(await lifetime(own, `ETag: "a"\r\n${cacheControl("no-cache, max-age=60")}`), 0);
  });
});

describe("Age (§4.2.3, §5.1)", () => {
  test("is what the answer had when it came, and what it has waited since", async () => {
    const stand = await startStand();
    stand.origin.answer = counting(`${cacheControl("max-age=100")}Age: 40\r\n`);
    assert.equal(field(await stand.get("/a"), "age"), "40");
    stand.clock.advance(10_000);
    assert.equal(field(await stand.get("/a"), "age"), "50");
  });

  test("counts the time that the answer was on its way", async () => {
    const stand = await startStand();
    let release = (): void => {};
    const arrived = new Promise<void>((resolve) => {
      stand.origin.answer = (_request, socket) => {
        release = () =>
          socket.write(`HTTP/1.1 200 OK\r\n${cacheControl("max-age=100")}Content-Length: 0\r\n\r\n`);
        resolve();
        return null;
      };
    });
    const first = stand.get("/a");
    await arrived;
    stand.clock.advance(5_000);
    release();
    await first;
    assert.equal(field(await stand.get("/a"), "age"), "5");
  });
});

describe("what a client asks for (§5.2.1)", () => {
  let stand: Stand;
  let deaf: Stand;
  before(async () => {
    [stand, deaf] = [await startStand(), await startStand({ clientControl: "ignore" })];
  });

  /** Of an answer that lives 100 s, after so many of them: whether it is given to a request with these fields. */
  async function given(at: Stand, after: number, request: string, says = "max-age=100"): Promise<boolean> {
    const path = at.fresh();
    at.origin.answer = counting(cacheControl(says));
    await at.get(path);
    at.clock.jump(after * 1000);
    return text(await at.get(path, request)) === "answer 1";
  }

  const cases: readonly (readonly [asks: string, after: number, given: boolean, says?: string])[] = [
    ["Cache-Control: no-cache", 0, false],
    ["Pragma: no-cache", 0, false],
    ["Pragma: no-cache\r\nCache-Control: x", 0, true],
    ["Cache-Control: max-age=0", 10, false],
    ["Cache-Control: max-age=10", 10, true],
    ["Cache-Control: max-age=10", 11, false],
    ["Cache-Control: max-age=ten", 1, false],
    ["Cache-Control: min-fresh=50", 50, true],
    ["Cache-Control: min-fresh=50", 51, false],
    ["Cache-Control: max-stale", 1000, true],
    ["Cache-Control: max-stale=10", 110, true],
    ["Cache-Control: max-stale=10", 111, false],
    ["Cache-Control: max-stale=10", 105, false, "max-age=100, must-revalidate"],
    ["Cache-Control: max-stale=10", 105, false, "max-age=100, proxy-revalidate"],
    ["Cache-Control: max-stale=10", 105, false, "s-maxage=100"],
    ["Cache-Control: max-age=0", 10, true, "max-age=100, immutable"],
    ["Cache-Control: no-cache", 10, false, "max-age=100, immutable"],
    ["Cache-Control: no-store", 10, true],
  ];
  for (const [asks, after, expected, says] of cases) {
    const what = `${asks.replace("\r\n", " with ")}, ${after} s after ${says ?? "max-age=100"}`;
    test(`${what}: ${expected ? "gets" : "does not get"} what is kept`, async () => {
      assert.equal(await given(stand, after, `${asks}\r\n`, says), expected);
    });
  }

  test("is told in Cache-Status, and brings the cache up to date", async () => {
    const path = stand.fresh();
    stand.origin.answer = counting(cacheControl("max-age=100"));
    await stand.get(path);
    const asked = await stand.get(path, "Cache-Control: no-cache\r\n");
    assert.equal(cacheStatus(asked), "turnpike; fwd=request; fwd-status=200; ttl=100; stored");
    assert.equal(text(await stand.get(path)), "answer 2");
  });

  test("changes nothing with clientControl: ignore", async () => {
    for (const asks of ["no-cache", "max-age=0", "min-fresh=500"]) {
      assert.equal(await given(deaf, 10, cacheControl(asks)), true, asks);
    }
    assert.equal(await given(deaf, 10, "Pragma: no-cache\r\n"), true);
    assert.equal(await given(deaf, 200, cacheControl("max-stale")), false);
    assert.equal((await deaf.get(deaf.fresh(), cacheControl("only-if-cached"))).status, 504);
  });
});
