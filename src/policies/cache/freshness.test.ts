import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { Headers } from "../../core/headers.ts";
import { readDirectives, span } from "./cache-control.ts";
import { ageOf, type FreshnessRules, lifeOf } from "./freshness.ts";
import { httpDate } from "./http-date.ts";
import { judge, mayStandIn } from "./verdict.ts";
import { wishesOf } from "./wishes.ts";

const WALL = Date.UTC(2026, 10, 22, 12);
const seconds = fc.nat(40);
const maybe = fc.option(seconds, { nil: undefined });

/** What an answer says, as numbers: from it both the fields and what they mean are made. */
const said = fc.record({
  maxAge: maybe,
  sMaxAge: maybe,
  /** After `date`, or after its coming where it has none. */
  expires: fc.option(fc.integer({ min: -20, max: 40 }), { nil: undefined }),
  /** After its coming: negative for the past. */
  date: fc.option(fc.integer({ min: -20, max: 20 }), { nil: undefined }),
  age: maybe,
  delay: fc.nat(5),
  flags: fc.subarray(["must-revalidate", "proxy-revalidate", "no-cache", "immutable", "public"]),
  whileRevalidate: maybe,
  ifError: maybe,
});
type Said = typeof said extends fc.Arbitrary<infer T> ? T : never;

const asked = fc.record({ noCache: fc.boolean(), maxAge: maybe, minFresh: maybe, maxStale: maybe });

function fieldsOf(answer: Said): Headers {
  const headers = new Headers();
  const date = (at: number) => new Date(WALL + at * 1000).toUTCString();
  const directives = [
    ...answer.flags,
    ...Object.entries({
      "max-age": answer.maxAge,
      "s-maxage": answer.sMaxAge,
      "stale-while-revalidate": answer.whileRevalidate,
      "stale-if-error": answer.ifError,
    }).flatMap(([name, value]) => (value === undefined ? [] : [`${name}=${value}`])),
  ];
  if (directives.length > 0) headers.append("Cache-Control", directives.join(", "));
  if (answer.date !== undefined) headers.append("Date", date(answer.date));
  if (answer.expires !== undefined) headers.append("Expires", date((answer.date ?? 0) + answer.expires));
  if (answer.age !== undefined) headers.append("Age", String(answer.age));
  return headers;
}

/** The rules once more, as plainly as they can be said, in seconds; `rest` of them after the answer came. */
function naive(
  answer: Said,
  rules: { ttl: number | undefined; defaultTtl: number | undefined },
  rest: number,
) {
  const has = (flag: (typeof answer.flags)[number]) => answer.flags.includes(flag);
  const expires = answer.expires === undefined ? undefined : Math.max(0, answer.expires);
  const lifetime = rules.ttl ?? answer.sMaxAge ?? answer.maxAge ?? expires ?? rules.defaultTtl ?? 0;
  const age = Math.max(Math.max(0, -(answer.date ?? 0)), (answer.age ?? 0) + answer.delay) + rest;
  const never = has("must-revalidate") || has("proxy-revalidate");
  const window = (own: number | undefined, standard: number): number => {
    if (never) return 0;
    if (own !== undefined) return own;
    return answer.sMaxAge === undefined ? standard : 0;
  };
  const obstinate = never || answer.sMaxAge !== undefined;
  return { lifetime, age, obstinate, window, noCache: has("no-cache"), immutable: has("immutable") };
}

describe("freshness", () => {
  test("is what a model of RFC 9111 §4.2 and RFC 5861 says, for every answer, wish and moment", () => {
    const rules = fc.record({ ttl: maybe, defaultTtl: maybe, swr: seconds, sie: seconds });
    fc.assert(
      fc.property(said, asked, rules, fc.nat(80), (answer, wish, { ttl, defaultTtl, swr, sie }, rest) => {
        const model = naive(answer, { ttl, defaultTtl }, rest);
        const ms = (value: number | undefined) => (value === undefined ? undefined : value * 1000);
        const config: FreshnessRules = {
          ...{ ttl: ms(ttl), defaultTtl: ms(defaultTtl), statuses: [200] },
          ...{ staleWhileRevalidate: swr * 1000, staleIfError: sie * 1000 },
        };
        const headers = fieldsOf(answer);
        const times = { sent: 1_000_000 - answer.delay * 1000, came: 1_000_000, wall: WALL };
        const life = lifeOf(200, headers, readDirectives(headers), times, config);
        const now = 1_000_000 + rest * 1000;
        assert.equal(ageOf(life, now), model.age * 1000);
        assert.equal(life.lifetime, model.lifetime * 1000);
        const request = new Headers();
        const wishes = Object.entries({
          "max-age": wish.maxAge,
          "min-fresh": wish.minFresh,
          "max-stale": wish.maxStale,
        })
          .flatMap(([name, value]) => (value === undefined ? [] : [`${name}=${value}`]))
          .concat(wish.noCache ? ["no-cache"] : []);
        if (wishes.length > 0) request.append("Cache-Control", wishes.join(","));
        const verdict = judge(life, true, wishesOf(request, true), now);
        const left = model.lifetime - model.age;
        const given = verdict === "fresh" || verdict === "stale" || verdict === "refresh";
        if (model.noCache || wish.noCache) assert.equal(given, false);
        else if (left > 0) {
          const young = wish.maxAge === undefined || model.immutable || model.age <= wish.maxAge;
          assert.equal(given, young && (wish.minFresh === undefined || left >= wish.minFresh));
        } else {
          const taken = wish.maxStale !== undefined && !model.obstinate && -left <= wish.maxStale;
          const pressed = wish.maxAge !== undefined || wish.minFresh !== undefined;
          assert.equal(given, taken || (!pressed && -left < model.window(answer.whileRevalidate, swr)));
        }
        const window = model.window(answer.ifError, sie);
        assert.equal(mayStandIn(life, true, now), !model.noCache && window > 0 && -left < window);
      }),
      { numRuns: process.env["TURNPIKE_FULL"] === "1" ? 500_000 : 20_000 },
    );
  });

  test("is nobody's after a change of the resource", () => {
    const headers = Headers.of({
      "Cache-Control": "max-age=60, stale-if-error=60, stale-while-revalidate=60",
    });
    const times = { sent: 0, came: 0, wall: WALL };
    const life = lifeOf(200, headers, readDirectives(headers), times, {
      ...{ statuses: [200], staleWhileRevalidate: 0, staleIfError: 0 },
    });
    for (const now of [0, 30_000, 70_000]) {
      assert.equal(judge(life, false, wishesOf(new Headers(), true), now), "expired");
      assert.equal(mayStandIn(life, false, now), false);
    }
  });
});

describe("Cache-Control", () => {
  const read = (...fields: string[]) => {
    const headers = new Headers();
    for (const field of fields) headers.append("Cache-Control", field);
    return readDirectives(headers);
  };

  const cases: readonly (readonly [field: string, directives: Record<string, readonly string[]>])[] = [
    ["", {}],
    [",, ,", {}],
    ["No-Store", { "no-store": [""] }],
    ["max-age=1,max-age=2", { "max-age": ["1", "2"] }],
    ["max-age = 1", { "max-age": ["1"] }],
    ['max-age="1"', { "max-age": ["1"] }],
    ['private="a, b", public', { private: ["a, b"], public: [""] }],
    ['x="a\\", no-store", public', { x: ['a\\", no-store'], public: [""] }],
    ['x="a, no-store', { x: ['"a'], "no-store": [""] }],
    ['x="a, y="b, no-store', { x: ['"a, y="b'], "no-store": [""] }],
    ['"no-store"', {}],
    ["no-store;max-age=1", { "no-store": [""] }],
  ];
  for (const [field, directives] of cases) {
    test(`is read: ${field === "" ? "nothing" : field}`, () => {
      assert.deepEqual(Object.fromEntries(read(field)), directives);
    });
  }

  test("has numbers of which the smallest counts, and 0 for what is none", () => {
    for (const [field, expected] of [
      ["max-age=5", 5_000],
      ["max-age=5, max-age=3", 3_000],
      ["max-age", 0],
      ["max-age=", 0],
      ["max-age=-1", 0],
      ["max-age=1.5", 0],
      ["max-age=1e3", 0],
      ["max-age=+1", 0],
      ["max-age=5, max-age=x", 0],
      ["max-age=99999999999999999999", 2 ** 31 * 1000],
      ["s-maxage=1", null],
    ] as const) {
      assert.equal(span(read(field), "max-age"), expected, field);
    }
  });

  test("is read in time that grows with its length alone", () => {
    const hostile = 'x="'.repeat(100_000);
    read(hostile, `${'"\\'.repeat(100_000)}`, ",".repeat(100_000));
  });
});

describe("an HTTP-date", () => {
  const at = Date.UTC(1994, 10, 6, 8, 49, 37);
  for (const [text, expected] of [
    ["Sun, 06 Nov 1994 08:49:37 GMT", at],
    ["Sunday, 06-Nov-94 08:49:37 GMT", at],
    ["Sun Nov  6 08:49:37 1994", at],
    ["Sun, 06 Nov 1994 08:49:37 UTC", null],
    ["Sun, 6 Nov 1994 08:49:37 GMT", null],
    ["sun, 06 nov 1994 08:49:37 gmt", null],
    ["Thu, 31 Feb 1994 08:49:37 GMT", null],
    ["Sun, 06 Nov 1994 24:00:00 GMT", null],
    ["Sun, 06 Nov 1994 08:60:00 GMT", null],
    ["1994-11-06T08:49:37Z", null],
    ["784111777", null],
    ["0", null],
    ["-1", null],
    ["", null],
  ] as const) {
    test(`is ${expected === null ? "not" : "also"} ${text === "" ? "nothing" : text}`, () => {
      assert.equal(httpDate(text), expected);
    });
  }
});
