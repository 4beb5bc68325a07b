/** No answer of one caller ever goes to another (HTTP-33): random requests, answers, failures and times. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, test } from "node:test";
import fc from "fast-check";
import { fieldsOf, type RecordedRequest } from "../harness/origin.ts";
import { answer, cacheControl, cacheStatus, type Stand, startStand, text } from "./stand.ts";

const FULL = process.env["TURNPIKE_FULL"] === "1";

const key = (consumer: string) => ({
  id: consumer,
  hash: `sha256:${createHash("sha256").update(`secret of ${consumer}`).digest("hex")}`,
  consumer,
});

/** Who calls: what he sends, and what the upstream makes of it. */
const CALLERS = [
  { sends: "", is: "" },
  { sends: "X-API-Key: secret of one\r\n", is: "one" },
  { sends: "X-API-Key: secret of two\r\n", is: "two" },
  { sends: "Cookie: a=1\r\n", is: "a=1" },
  { sends: "Cookie: a=2\r\n", is: "a=2" },
  { sends: "Cookie: a=1\r\nX-API-Key: secret of one\r\n", is: "one+a=1" },
] as const;

const whoIs = (request: RecordedRequest): string =>
  [...fieldsOf(request, "x-consumer-id"), ...fieldsOf(request, "cookie")].join("+");

const step = fc.record({
  callers: fc.array(fc.constantFrom(...CALLERS), { minLength: 1, maxLength: 4 }),
  path: fc.constantFrom("/a", "/b", "/a?q=1"),
  method: fc.constantFrom("GET", "GET", "GET", "GET", "HEAD", "PUT"),
  says: fc.constantFrom(
    "max-age=5",
    "max-age=5, public",
    "s-maxage=5",
    "max-age=5, must-revalidate",
    "max-age=5, private",
    "no-store",
    "no-cache, public",
    "public, max-age=1, stale-while-revalidate=9, stale-if-error=9",
  ),
  vary: fc.constantFrom("", "", "Vary: Cookie\r\n", "Vary: X-Consumer-Id, Accept\r\n", "Vary: Accept\r\n"),
  wishes: fc.constantFrom("", "", "", cacheControl("no-cache"), cacheControl("max-stale")),
  fails: fc.constantFrom(false, false, false, false, true),
  seconds: fc.nat(2),
});

/** Bodies say whom they were made for, and whether their fields let everybody have them. */
function obey(stand: Stand, { says, vary, fails }: { says: string; vary: string; fails: boolean }): void {
  const open = /public|s-maxage/.test(says) && !/cookie|consumer/i.test(vary);
  stand.origin.answer = (request) => {
    const body = JSON.stringify({ for: whoIs(request), open });
    return fails
      ? answer(body, "", 503)
      : answer(body, `${cacheControl(says)}${vary}ETag: "${whoIs(request)}"\r\n`);
  };
}

describe("an answer to one caller", () => {
  for (const share of [false, true]) {
    const rule = share ? ", unless it says that it is for everybody and the config shares such" : "";
    test(`is never given to another${rule}`, async () => {
      const stand = await startStand(
        { share, defaultTtl: "3s", staleIfError: "5s" },
        { keys: [key("one"), key("two")] },
        [{ "api-key": { optional: true } }],
      );
      const tally = { reused: 0, shared: 0 };
      const ask = async (caller: (typeof CALLERS)[number], method: string, path: string, wishes: string) => {
        const response = await stand.send(method, path, `${caller.sends}${wishes}`);
        if (method !== "GET") return;
        const got = JSON.parse(text(response)) as { for: string; open: boolean };
        const status = cacheStatus(response);
        if (/hit|304|stale-if-error|collapsed/.test(status)) tally.reused++;
        if (got.for === caller.is) return;
        tally.shared++;
        assert.ok(share && got.open, `${caller.is} got what was for ${got.for}: ${status}`);
      };
      const steps = fc.array(step, { minLength: 20, maxLength: 60 });
      await fc.assert(
        fc.asyncProperty(steps, async (all) => {
          for (const { callers, method, path, wishes, seconds, ...behaviour } of all) {
            obey(stand, behaviour);
            stand.clock.jump(seconds * 1000);
            await Promise.all(callers.map((caller) => ask(caller, method, path, wishes)));
          }
        }),
        { numRuns: FULL ? 200 : 15 },
      );
      assert.ok(tally.reused > 15, `answers were used again: ${tally.reused} times`);
      assert.equal(tally.shared > 0, share, `shared ${tally.shared} times`);
    });
  }
});
