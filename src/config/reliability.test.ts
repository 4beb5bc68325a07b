import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { dryWorld } from "../threads/dry.ts";
import { explain } from "./explain.ts";
import { loadPlan } from "./plan.ts";
import { ConfigError } from "./problem.ts";

const EXAMPLE = join(import.meta.dirname, "../../examples/reliability/turnpike.yaml");
const GOLDEN = join(import.meta.dirname, "testdata/reliability.golden.txt");

type Upstream = Readonly<Record<string, unknown>>;

const ONE = ["http://127.0.0.1:9001"];
const TWO = [...ONE, "http://127.0.0.1:9002"];

/** A config with one upstream, and one route to it that offers GET unless said otherwise. */
function config(upstream: Upstream, route: Readonly<Record<string, unknown>> = {}, more = {}): object {
  return {
    upstreams: { bank: { targets: TWO, ...upstream }, ...more },
    routes: [{ name: "pay", path: "/pay", methods: ["GET"], to: { upstream: "bank" }, ...route }],
  };
}

/** `path: message` of all that is found, errors first. */
async function said(written: object): Promise<string[]> {
  const found = await loadPlan("turnpike.json", dryWorld, { text: JSON.stringify(written) }).then(
    ({ warnings, close }) => {
      close();
      return warnings;
    },
    (error: unknown) => {
      assert.ok(error instanceof ConfigError, String(error));
      return error.problems;
    },
  );
  return found.map(({ path, message }) => `${path}: ${message}`);
}

const POST = { methods: ["POST"] };
const keyed = (options: object = {}) => ({ ...POST, policies: [{ idempotency: options }] });

describe("a reliability plan", () => {
  test("shows every part in the order in which a call meets it, as in testdata/reliability.golden.txt", async () => {
    const { plan } = await loadPlan(EXAMPLE, dryWorld, { environment: {} });
    const text = explain({ ...plan, routes: plan.routes.slice(0, 2) });
    if (process.env["UPDATE_GOLDEN"] === "1") writeFileSync(GOLDEN, text);
    assert.equal(text, readFileSync(GOLDEN, "utf8"));
  });

  test("says of a route without keys that its POSTs are sent once", async () => {
    const text = JSON.stringify(config({ retry: {} }, { methods: ["GET", "POST"] }));
    const { plan } = await loadPlan("turnpike.json", dryWorld, { text });
    const shown = explain(plan);
    assert.match(shown, /up to 2: GET, HEAD;/);
    assert.match(shown, /never again once a byte has left: POST$/m);
  });

  test("does not count on a key where `when` leaves the policy another method", async () => {
    const policies = [{ idempotency: {}, when: { methods: ["PATCH"] } }];
    const text = JSON.stringify(
      config({ retry: {}, idempotent: true }, { methods: ["POST", "PATCH"], policies }),
    );
    const { plan } = await loadPlan("turnpike.json", dryWorld, { text });
    assert.match(explain(plan), /up to 2: PATCH with an Idempotency-Key/);
  });
});

describe("contradictions in a reliability plan", () => {
  const cases: readonly (readonly [what: string, config: object, expected: RegExp])[] = [
    [
      "retries that take longer than the deadline",
      config({ timeout: { connect: "1s", firstByte: "4s", total: "8s" }, retry: { attempts: 3 } }),
      /^upstreams\.bank\.timeout\.total: the deadline is shorter than the retries: 3 attempts of 5s .* take 15\.075s.* set retry\.perTry to 2\.6s at most/,
    ],
    [
      "one attempt, which is no retry",
      config({ retry: { attempts: 1 } }),
      /^upstreams\.bank\.retry\.attempts: one attempt is no retry/,
    ],
    [
      "a budget that allows nothing",
      config({ retry: { budget: 0, minimum: 0 } }),
      /^upstreams\.bank\.retry\.budget: .* nothing is ever tried again/,
    ],
    [
      "a first pause that is longer than the longest",
      config({ retry: { backoff: "2s" } }),
      /^upstreams\.bank\.retry\.backoff: is longer than maxBackoff \(1s\)/,
    ],
    [
      "an attempt that may take longer than an answer",
      config({ retry: { perTry: "20s" } }),
      /^upstreams\.bank\.retry\.perTry: is longer than timeout\.firstByte \(15s\)/,
    ],
    [
      "a Retry-After that reaches to the deadline",
      config({ timeout: { total: "3s" }, retry: { perTry: "1s", maxRetryAfter: "5s" } }),
      /^upstreams\.bank\.retry\.maxRetryAfter: reaches to the deadline/,
    ],
    [
      "POSTs that nothing makes safe to repeat",
      config({ retry: {} }, { methods: ["GET", "POST"] }),
      /^upstreams\.bank\.retry: POST on pay is not tried again once a byte has been sent/,
    ],
    [
      "POSTs and PATCHes of a route that offers everything",
      config({ retry: {} }, { methods: undefined }),
      /^upstreams\.bank\.retry: POST and PATCH on pay are not tried again/,
    ],
    [
      "a window that is shorter than the timeout",
      config({ circuitBreaker: { window: "2s" } }),
      /^upstreams\.bank\.circuitBreaker\.window: an attempt may take 18s to fail, longer than the window of 2s/,
    ],
    [
      "the usual window, where it is all that can open the circuit",
      config({ circuitBreaker: { consecutiveFailures: "off" } }),
      /^upstreams\.bank\.circuitBreaker\.window: an attempt may take 18s to fail, longer than the window of 10s/,
    ],
    [
      "a slow call that is over before it is slow",
      config({ targets: ONE, circuitBreaker: { slowCall: "20s" } }),
      /^upstreams\.bank\.circuitBreaker\.slowCall: nothing is ever slow: what has no answer after 18s/,
    ],
    [
      "one call's attempts that open the circuit for all",
      config({ targets: ONE, retry: { attempts: 5 }, circuitBreaker: {} }),
      /^upstreams\.bank\.circuitBreaker\.consecutiveFailures: the 5 attempts/,
    ],
    [
      "more calls than there can be while a service hangs",
      config({ circuitBreaker: { consecutiveFailures: "off" }, concurrency: { limit: 10 } }),
      /^upstreams\.bank\.circuitBreaker\.minimumCalls: .* concurrency\.limit is 10/,
    ],
    [
      "health checks that overtake each other",
      config({ healthCheck: { path: "/", every: "1s", timeout: "1s" } }),
      /^upstreams\.bank\.healthCheck\.timeout: an answer may take 1s, and the next is due after 1s/,
    ],
    [
      "balancing of one target",
      config({ targets: ONE, balance: "least-connections" }),
      /^upstreams\.bank\.balance: has no effect: this upstream has one target/,
    ],
    [
      "ejection of the only target",
      config({ targets: ONE, ejection: {} }),
      /^upstreams\.bank\.ejection: has no effect/,
    ],
    [
      "a weight of the only target",
      config({ targets: [{ url: ONE[0], weight: 3 }] }),
      /^upstreams\.bank\.targets\[0\]\.weight: has no effect/,
    ],
    [
      "hashBy without consistent-hash",
      config({ hashBy: "client" }),
      /^upstreams\.bank\.hashBy: has no effect without balance: consistent-hash/,
    ],
    [
      "slowStart where nothing comes back",
      config({ slowStart: "10s" }),
      /^upstreams\.bank\.slowStart: has no effect: nothing ever takes a target out/,
    ],
    [
      "ejection of less than one target",
      config({ ejection: { atMost: 0.4 } }),
      /^upstreams\.bank\.ejection\.atMost: 40% of 2 targets is not one: .* write 0\.5 or more/,
    ],
    [
      "a wait that nobody waits",
      config({ concurrency: { limit: 5, wait: "2s" } }),
      /^upstreams\.bank\.concurrency\.wait: has no effect: with queue 0 nobody waits/,
    ],
    [
      "more calls at a time than connections",
      config({ connections: 4, concurrency: { limit: 9 } }),
      /^upstreams\.bank\.concurrency\.limit: is never reached: there are 8 connections/,
    ],
    [
      "a fallback to what has failed",
      config({}, { to: { upstream: "bank", fallback: { upstream: "bank" } } }),
      /^routes\[0\]\.to\.fallback\.upstream: bank is what has failed by then/,
    ],
    [
      "a last good answer to POSTs",
      config({}, { ...POST, to: { upstream: "bank", fallback: { lastGood: true } } }),
      /^routes\[0\]\.to\.fallback\.lastGood: has no effect: only GET and HEAD/,
    ],
    [
      "requests that are sent again to who may carry them out twice",
      config({}, keyed({ onUnknown: "resend" })),
      /^routes\[0\]\.policies\[0\]\.idempotency\.onUnknown: resend would carry out a request twice: the upstream bank/,
    ],
    [
      "a key that is taken from a service that honours it",
      config({ idempotent: true }, { ...keyed(), headers: { request: { remove: ["Idempotency-Key"] } } }),
      /^routes\[0\]\.headers\.request\.remove: bank tells repetitions by the client's Idempotency-Key/,
    ],
    [
      "a key that is written over for a service that honours it",
      config({ idempotent: true }, { ...keyed(), headers: { request: { set: { "idempotency-key": "1" } } } }),
      /^routes\[0\]\.headers\.request\.set: bank tells repetitions by the client's Idempotency-Key/,
    ],
    [
      "keys that are forgotten before there is an answer",
      config({ timeout: { firstByte: "2m" } }, keyed({ keep: "1m" })),
      /^routes\[0\]\.policies\[0\]\.idempotency\.keep: a call may take/,
    ],
    [
      "a wait that no client waits",
      config({}, keyed({ whenRunning: "wait", waitFor: "1m" })),
      /^routes\[0\]\.policies\[0\]\.idempotency\.waitFor: most clients give up before/,
    ],
    [
      "keys for methods that the route does not offer",
      config({}, { policies: [{ idempotency: {} }] }),
      /^routes\[0\]\.policies\[0\]\.idempotency: has no effect: the route offers none of POST, PATCH/,
    ],
    [
      "keyed bodies without a limit",
      config({}, { ...keyed(), limits: { body: "unlimited" } }),
      /^routes\[0\]\.limits\.body: what carries an Idempotency-Key is kept in memory/,
    ],
  ];
  for (const [what, written, expected] of cases)
    test(`are found: ${what}`, async () => {
      const all = await said(written);
      assert.equal(all.length, 1, all.join("\n"));
      assert.match(all[0] ?? "", expected);
    });

  const sound: readonly (readonly [what: string, config: object])[] = [
    [
      "the defaults of every part",
      config({ retry: {}, circuitBreaker: {}, ejection: {}, concurrency: { limit: 9 } }),
    ],
    ["a deadline alone", config({ timeout: { total: "5s" } })],
    [
      "a deadline that all attempts have room in",
      config({ timeout: { total: "10s" }, retry: { perTry: "3s" } }),
    ],
    ["keyed POSTs without retries", config({}, keyed())],
    ["keyed POSTs with retries", config({ retry: {}, idempotent: true }, keyed())],
    [
      "retries of the reads beside keyed POSTs",
      config({ retry: {} }, { ...keyed(), methods: ["GET", "POST"] }),
    ],
    [
      "one target with a circuit breaker and retries",
      config({ targets: ONE, retry: {}, circuitBreaker: {} }),
    ],
    [
      "another upstream to fall back to",
      config({}, { to: { upstream: "bank", fallback: { upstream: "spare" } } }, { spare: { targets: ONE } }),
    ],
  ];
  for (const [what, written] of sound)
    test(`are not seen in ${what}`, async () => assert.deepEqual(await said(written), []));

  for (const example of [
    "examples/reliability/turnpike.yaml",
    "src/policies/idempotency/idempotency.example.yaml",
  ])
    test(`are not seen in ${example}`, async () => {
      const file = join(import.meta.dirname, "../..", example);
      const { warnings, close } = await loadPlan(file, dryWorld, { environment: {} });
      close();
      assert.deepEqual(warnings, []);
    });
});
