import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { parse } from "yaml";
import { askOnce, errorCode, post } from "../../../test/harness/ask.ts";
import { startGateway, type TestGateway } from "../../../test/harness/gateway.ts";
import { HandClock } from "../../../test/harness/hand-clock.ts";
import { BytesBody } from "../../core/body.ts";
import { Call, type Request } from "../../core/call.ts";
import { GatewayError } from "../../core/errors.ts";
import type { Handler, Policy } from "../../core/handler.ts";
import { Headers } from "../../core/headers.ts";
import type { Claim, Claimed, ClaimToken, IdempotencyStore } from "../../core/idempotency.ts";
import { noMetrics } from "../../core/metrics.ts";
import type { Reply } from "../../core/reply.ts";
import type { PolicyTools } from "../../core/tools.ts";
import { idempotencyOptions } from "./idempotency.options.ts";
import { idempotency } from "./idempotency.ts";

// What clients see of it is in test/idempotency.

/** A store of one record that writes down what it is told, and fails when the test says so. */
class Diary implements IdempotencyStore {
  readonly entries: string[] = [];
  claimed: Claimed = { kind: "claimed", token: { digest: Buffer.alloc(32), fence: 1 }, again: false };
  /** Writes that reject before one does not. */
  failures = 0;
  ours = true;
  answer: Uint8Array | null = null;
  status_ = 0;
  claim: (claim: Claim) => Promise<Claimed> = async () => {
    this.entries.push("claim");
    return this.claimed;
  };

  async finish(_: ClaimToken, status: number, answer: Uint8Array | null): Promise<boolean> {
    this.#write(`finish ${status}${answer === null ? " without answer" : ""}`);
    this.status_ = status;
    this.answer = answer;
    return this.ours;
  }

  async lose(): Promise<void> {
    this.#write("lose");
  }

  async release(): Promise<void> {
    this.#write("release");
  }

  async status(): Promise<null> {
    return null;
  }

  #write(entry: string): void {
    if (this.failures > 0) {
      this.failures--;
      this.entries.push("failed");
      throw new Error("the disk is full");
    }
    this.entries.push(entry);
  }
}

function callWith(fields: Readonly<Record<string, string>>, body: string): Call {
  const request: Request = {
    method: "POST",
    target: "/orders",
    path: "/orders",
    query: "",
    host: "example",
    version: "1.1",
    headers: Headers.of(fields),
    body: new BytesBody(Buffer.from(body)),
    upgrade: null,
    peer: { address: "127.0.0.1", port: 1, secure: false, localPort: 2 },
  };
  return new Call("req_1", 0, request, { interim: () => {}, send: () => {} });
}

interface Bench {
  readonly store: Diary;
  readonly clock: HandClock;
  readonly logged: string[];
  readonly policy: Policy;
  /** One keyed call, as the log shows it in the end. */
  send(next: Handler, fields?: Readonly<Record<string, string>>): { call: Call; reply: Promise<Reply> };
}

function bench(options: object = {}): Bench {
  const store = new Diary();
  const clock = new HandClock();
  const logged: string[] = [];
  const log = (_: object, message: string) => {
    logged.push(message);
  };
  const tools = {
    clock,
    ticker: clock,
    metrics: noMetrics,
    log: { info: log, warn: log, error: log },
    idempotency: store,
    place: "orders/idempotency",
    offer: () => {},
  } as unknown as PolicyTools;
  const policy = idempotency.create(idempotencyOptions.parse(options), tools);
  return {
    store,
    clock,
    logged,
    policy,
    send(next, fields = {}) {
      const call = callWith({ "Idempotency-Key": "k", ...fields }, "secret request");
      return { call, reply: Promise.resolve(policy(next)(call)) };
    },
  };
}

const answering =
  (entries: string[], reply: Partial<Reply> = {}): Handler =>
  (call) => {
    entries.push("sent");
    call.reached = true;
    return {
      status: 201,
      headers: new Headers(),
      body: new BytesBody(Buffer.from("secret answer")),
      ...reply,
    };
  };

const codeOf = (reply: Promise<Reply>): Promise<string> =>
  reply.then(
    () => "passed",
    (error: unknown) => GatewayError.from(error).code,
  );

/** Moves time on, tick by tick, until the call is answered. */
async function untilAnswered(clock: HandClock, reply: Promise<Reply>): Promise<number> {
  let over = false;
  const done = () => {
    over = true;
  };
  void reply.then(done, done);
  const began = clock.now();
  for (let i = 0; i < 1000 && !over; i++) {
    clock.advance(100);
    for (let turn = 0; turn < 10; turn++) await Promise.resolve();
    await new Promise((resolve) => setImmediate(resolve));
  }
  return clock.now() - began;
}

describe("idempotency", () => {
  test("claims the key before it sends the request, and keeps the answer before it gives it", async () => {
    const { store, send } = bench();
    const { call, reply } = send(answering(store.entries));
    store.entries.push((await reply) && "answered");
    assert.deepEqual(store.entries, ["claim", "sent", "finish 201", "answered"]);
    assert.deepEqual([call.keyed, call.idempotency], [true, "stored"]);
  });

  test("keeps nothing that can be read without the key, or be passed off as another answer", async () => {
    const { store, send, logged } = bench();
    await send(answering(store.entries)).reply;
    const sealed = Buffer.from(store.answer ?? []);
    assert.doesNotMatch(sealed.toString("latin1"), /secret/);
    const finished = { kind: "finished" as const, requestId: "req_0", status: 201, answer: sealed };
    store.claimed = finished;
    const replay = await send(answering(store.entries)).reply;
    assert.equal(replay.body?.bytes?.toString(), "secret answer");
    for (const fake of [
      { ...finished, status: 200 },
      { ...finished, answer: sealed.with(40, (sealed[40] ?? 0) ^ 1) },
      { ...finished, answer: sealed.subarray(0, 20) },
      { ...finished, answer: sealed.with(0, 9) },
    ]) {
      store.claimed = fake;
      const { reply, call } = send(answering(store.entries));
      assert.equal(await codeOf(reply), "IDEMPOTENCY_ANSWER_NOT_KEPT");
      assert.equal(call.idempotency, "not-kept");
    }
    store.claimed = finished;
    const other = send(answering(store.entries), { "Idempotency-Key": "another" });
    assert.equal(await codeOf(other.reply), "IDEMPOTENCY_ANSWER_NOT_KEPT");
    assert.equal(logged.length, 5);
  });

  const outcomes: readonly (readonly [what: string, Handler, expected: string])[] = [
    [
      "was refused before the service",
      () => {
        throw new GatewayError("VALIDATION_ERROR");
      },
      "release",
    ],
    [
      "failed after the service may have had it",
      (call) => {
        call.reached = true;
        throw new GatewayError("UPSTREAM_TIMEOUT");
      },
      "lose",
    ],
    [
      "met a mistake of ours after the service had it",
      (call) => {
        call.reached = true;
        throw new TypeError("a bug");
      },
      "lose",
    ],
    [
      "was answered by the gateway",
      () => {
        const error = new GatewayError("OVERLOADED");
        return { status: error.status, headers: new Headers(), body: null, error };
      },
      "release",
    ],
    [
      "was answered by a fallback",
      () => ({ status: 200, headers: Headers.of({ "X-Fallback": "true" }), body: null }),
      "release",
    ],
    [
      "was answered by a fallback after the service may have had it",
      (call) => {
        call.reached = true;
        call.lost = true;
        call.answer.set("X-Fallback", "true");
        return { status: 200, headers: new Headers(), body: null };
      },
      "lose",
    ],
    [
      "was answered by another service in the place of its own, which it never reached",
      (call) => {
        call.reached = true;
        call.answer.set("X-Fallback", "true");
        return { status: 200, headers: new Headers(), body: null };
      },
      "finish 200",
    ],
  ];
  for (const [what, handler, expected] of outcomes) {
    test(`writes "${expected}" of a request that ${what}`, async () => {
      const { store, send } = bench();
      await codeOf(send(handler).reply);
      assert.deepEqual(store.entries, ["claim", expected]);
    });
  }

  test("says unknown, not released, of a second attempt that did nothing", async () => {
    const { store, send } = bench({ onUnknown: "resend" });
    store.claimed = { kind: "claimed", token: { digest: Buffer.alloc(32), fence: 2 }, again: true };
    const { call, reply } = send(() => {
      throw new GatewayError("UPSTREAM_UNREACHABLE");
    });
    assert.equal(await codeOf(reply), "UPSTREAM_UNREACHABLE");
    assert.deepEqual([store.entries, call.idempotency], [["claim", "lose"], "unknown"]);
  });

  test("sends nothing on while the store cannot be reached, unless it may", async () => {
    for (const [onStoreError, code, sent, outcome] of [
      ["refuse", "IDEMPOTENCY_UNAVAILABLE", [], "unavailable"],
      ["pass", "passed", ["sent"], "unprotected"],
    ] as const) {
      const { store, send } = bench({ onStoreError });
      store.claim = () => Promise.reject(new Error("gone"));
      const { call, reply } = send(answering(store.entries));
      assert.deepEqual([await codeOf(reply), store.entries, call.idempotency], [code, sent, outcome]);
    }
  });

  for (const [again, what, written] of [
    [false, "gives back what it says late", "release"],
    [true, "leaves unknown what was, if it says so late", "lose"],
  ] as const) {
    test(`does not wait for a store that says nothing, and ${what}`, async () => {
      const { store, send, clock } = bench();
      const late = Promise.withResolvers<Claimed>();
      store.claim = () => late.promise;
      const { reply } = send(answering(store.entries));
      const code = codeOf(reply);
      const waited = await untilAnswered(clock, reply);
      assert.equal(await code, "IDEMPOTENCY_UNAVAILABLE");
      assert.ok(waited >= 5_000 && waited <= 5_200, `${waited}`);
      late.resolve({ kind: "claimed", token: { digest: Buffer.alloc(32), fence: 1 }, again });
      await untilAnswered(
        clock,
        late.promise.then(() => reply),
      );
      assert.deepEqual(store.entries, [written]);
    });
  }

  test("tries again to keep an answer, while the client waits", async () => {
    const { store, send, clock, logged } = bench();
    store.failures = 3;
    const { call, reply } = send(answering(store.entries));
    await untilAnswered(clock, reply);
    assert.equal((await reply).status, 201);
    assert.deepEqual(store.entries, ["claim", "sent", "failed", "failed", "failed", "finish 201"]);
    assert.deepEqual([call.idempotency, logged], ["stored", []]);
  });

  test("gives the client its answer after three seconds at most, kept or not, and says so in the log", async () => {
    const { store, send, clock, logged } = bench();
    store.failures = Number.POSITIVE_INFINITY;
    const { call, reply } = send(answering(store.entries));
    const waited = await untilAnswered(clock, reply);
    assert.equal((await reply).status, 201);
    assert.ok(waited <= 3_300, `${waited}`);
    assert.deepEqual([call.idempotency, logged.length], ["unrecorded", 1]);
    assert.equal(store.entries.filter((entry) => entry === "sent").length, 1);
  });

  test("gives the client its answer also where the record has become somebody else's", async () => {
    const { store, send, logged } = bench();
    store.ours = false;
    assert.equal((await send(answering(store.entries)).reply).status, 201);
    assert.equal(logged.length, 1);
  });

  test("keeps the call going when its client leaves, until the answer is kept", async () => {
    const { store, send } = bench();
    const answered = Promise.withResolvers<Reply>();
    let aborted = false;
    const { call, reply } = send((inner) => {
      inner.onAbort({
        abort: () => {
          aborted = true;
        },
      });
      return answered.promise;
    });
    call.onEnd(() => store.entries.push("over"));
    await new Promise((resolve) => setImmediate(resolve));
    call.abort();
    call.end();
    assert.equal(aborted, false);
    answered.resolve({ status: 200, headers: new Headers(), body: null });
    await reply;
    assert.deepEqual(store.entries, ["claim", "finish 200", "over"]);
  });

  test("looks at nothing where there is no key, and makes no promise", () => {
    const { store, policy } = bench();
    const reply = policy(answering(store.entries))(callWith({}, ""));
    assert.ok(!(reply instanceof Promise));
    assert.deepEqual(store.entries, ["sent"]);
  });
});

describe("the options of idempotency", () => {
  const bad: readonly (readonly [options: object, path: string])[] = [
    [{ methods: ["GET"] }, "methods.0"],
    [{ methods: ["POST", "HEAD"] }, "methods.1"],
    [{ methods: ["OPTIONS"] }, "methods.0"],
    [{ methods: ["QUERY"] }, "methods.0"],
    [{ methods: [] }, "methods"],
    [{ keep: "59s" }, "keep"],
    [{ keep: "31d" }, "keep"],
    [{ keep: 60 }, "keep"],
    [{ maxBody: "17mb" }, "maxBody"],
    [{ storeServerErrors: [404] }, "storeServerErrors.0"],
    [{ required: true, onStoreError: "pass" }, "onStoreError"],
    [{ docs: "somewhere" }, "docs"],
    [{ docs: "https://docs.example/>; rel=next" }, "docs"],
    [{ ttl: "1h" }, ""],
  ];
  for (const [options, path] of bad) {
    test(`may not be ${JSON.stringify(options)}`, () => {
      const result = idempotencyOptions.safeParse(options);
      assert.equal(result.error?.issues[0]?.path.join("."), path);
    });
  }

  test("may be left out, all of them", () => {
    const { keep, methods, required } = idempotencyOptions.parse({});
    assert.deepEqual([keep, methods, required], [86_400_000, ["POST", "PATCH"], false]);
  });
});

describe("the example of idempotency", () => {
  let gateway: TestGateway;
  before(async () => {
    gateway = await startGateway(
      parse(readFileSync(join(import.meta.dirname, "idempotency.example.yaml"), "utf8")),
      { time: "by hand" },
    );
  });
  after(() => gateway.stop());

  test("wants a key for payments, and gives one ticket for one key", async () => {
    const key = "X-API-Key: demo-secret\r\n";
    const payment = await askOnce(gateway.port, post("/payments", "{}", key));
    assert.equal(errorCode(payment), "IDEMPOTENCY_KEY_REQUIRED");
    const ticket = () => askOnce(gateway.port, post("/tickets", "{}", `${key}Idempotency-Key: 4f1c\r\n`));
    const [first, second] = [await ticket(), await ticket()];
    assert.deepEqual([first.status, second.body], [201, first.body]);
    assert.equal(second.headers.get("idempotent-replayed")?.[0], "true");
  });
});
