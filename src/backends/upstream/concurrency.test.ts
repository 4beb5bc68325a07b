import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { eventually } from "../../../test/harness/eventually.ts";
import { HandClock } from "../../../test/harness/hand-clock.ts";
import { type Body, BytesBody } from "../../core/body.ts";
import { Call, type Request } from "../../core/call.ts";
import { GatewayError } from "../../core/errors.ts";
import type { Handler } from "../../core/handler.ts";
import { Headers } from "../../core/headers.ts";
import { noMetrics } from "../../core/metrics.ts";
import type { Reply } from "../../core/reply.ts";
import { allocateSharedMemory, openSharedMemory, type SharedMemory } from "../../core/shared-memory.ts";
import { makeConcurrencyGate } from "./concurrency.ts";
import { SharedSlots } from "./shared-slots.ts";

const exchange = { interim: () => {}, send: () => {} };

function makeCall(): Call {
  return new Call("id", 0, { method: "GET", headers: new Headers() } as Request, exchange);
}

interface Answer {
  resolve(reply: Reply): void;
  reject(error: unknown): void;
}

/** A gate of one lane, and a service behind it that answers when the test says so. */
function stand(options: { limit: number; queue?: number; wait?: number }, memory?: SharedMemory) {
  const clock = new HandClock();
  const shared = memory ?? openSharedMemory(allocateSharedMemory(1024 * 1024));
  const { limit, queue = 0, wait = 1000 } = options;
  const gate = makeConcurrencyGate(
    "carrier",
    { limit, queue, wait },
    { shared, clock, ticker: clock, metrics: noMetrics },
  );
  const answers: Answer[] = [];
  const calls: Call[] = [];
  const service: Handler = (call) => {
    calls.push(call);
    return new Promise<Reply>((resolve, reject) => answers.push({ resolve, reject }));
  };
  const behind = gate.around(service);
  const ask = (call = makeCall()): Promise<Reply | GatewayError> =>
    new Promise<Reply>((resolve) => resolve(behind(call))).catch((error: GatewayError) => error);
  return { clock, gate, answers, calls, ask, behind };
}

const done: Reply = { status: 200, headers: new Headers(), body: null };

/** An answer that is still on its way. */
function flowing() {
  const body = {
    size: undefined,
    bytes: undefined,
    limit: Number.POSITIVE_INFINITY,
    reader: null as Parameters<Body["read"]>[0] | null,
    read(reader: Parameters<Body["read"]>[0]) {
      body.reader = reader;
    },
    pause() {},
    resume() {},
    cancel() {},
  };
  return { reply: { status: 200, headers: new Headers(), body } satisfies Reply, body };
}

const settled = () => new Promise((resolve) => setImmediate(resolve));

describe("concurrency", () => {
  test("lets as many calls through as the limit says, and refuses the next with Retry-After", async () => {
    const { calls, ask } = stand({ limit: 2 });
    void ask();
    void ask();
    const refused = await ask();
    assert.ok(refused instanceof GatewayError);
    assert.equal(refused.code, "OVERLOADED");
    assert.equal(refused.headers["Retry-After"], "1");
    assert.equal(calls.length, 2);
  });

  test("lets those that wait through in the order in which they came", async () => {
    const { answers, calls, ask } = stand({ limit: 1, queue: 3 });
    const all = [makeCall(), makeCall(), makeCall(), makeCall()];
    const replies = all.map((call) => ask(call));
    for (let i = 0; i < all.length; i++) {
      await settled();
      assert.deepEqual(calls, all.slice(0, i + 1));
      answers[i]?.resolve(done);
    }
    await Promise.all(replies);
  });

  test("lets nobody overtake one that waits", async () => {
    const { answers, calls, ask, clock } = stand({ limit: 1, queue: 2 });
    const [first, second, third] = [makeCall(), makeCall(), makeCall()];
    void ask(first);
    void ask(second);
    await settled();
    answers[0]?.resolve(done);
    // In the turn in which the slot is given on.
    void ask(third);
    await settled();
    clock.advance(100);
    assert.deepEqual(calls, [first, second]);
  });

  test("refuses what comes to a full queue, and what has waited too long", async () => {
    const { calls, ask, clock } = stand({ limit: 1, queue: 1, wait: 500 });
    void ask();
    const waits = ask();
    const beyond = await ask();
    assert.equal((beyond as GatewayError).code, "OVERLOADED");
    clock.advance(400);
    let over = false;
    void waits.then(() => {
      over = true;
    });
    await settled();
    assert.equal(over, false);
    clock.advance(100);
    assert.equal(((await waits) as GatewayError).code, "OVERLOADED");
    assert.equal(calls.length, 1, "the service never saw them");
  });

  for (const [what, end] of [
    ["ends", (body: ReturnType<typeof flowing>["body"]) => body.reader?.end(null)],
    ["fails", (body) => body.reader?.error(new GatewayError("UPSTREAM_DISCONNECTED"))],
  ] as [string, (body: ReturnType<typeof flowing>["body"]) => void][])
    test(`gives the slot back when the body of the answer ${what}, and not before`, async () => {
      const { answers, calls, ask } = stand({ limit: 1, queue: 1 });
      const { reply, body } = flowing();
      const first = ask();
      void ask();
      answers[0]?.resolve(reply);
      const answer = (await first) as Reply;
      answer.body?.read({ data: () => {}, end: () => {}, error: () => {} });
      await settled();
      assert.equal(calls.length, 1);
      end(body);
      await settled();
      assert.equal(calls.length, 2);
    });

  test("gives the slot back when the body of the answer is not wanted", async () => {
    const { answers, calls, ask } = stand({ limit: 1, queue: 1 });
    const first = ask();
    void ask();
    answers[0]?.resolve(flowing().reply);
    ((await first) as Reply).body?.cancel();
    await settled();
    assert.equal(calls.length, 2);
  });

  test("gives the slot back once where the service fails, whatever ends after that", async () => {
    const { answers, calls, ask } = stand({ limit: 1, queue: 2 });
    const call = makeCall();
    const failed = ask(call);
    void ask();
    void ask();
    answers[0]?.reject(new GatewayError("UPSTREAM_UNREACHABLE"));
    await failed;
    call.end();
    await settled();
    assert.equal(calls.length, 2);
  });

  test("holds the slot of a tunnel to its end", async () => {
    const { answers, calls, ask } = stand({ limit: 1, queue: 1 });
    const call = makeCall();
    const first = ask(call);
    void ask();
    answers[0]?.resolve({ ...done, status: 101, tunnel: () => ({ sweep: () => {}, drain: () => {} }) });
    await first;
    await settled();
    assert.equal(calls.length, 1);
    call.end();
    await settled();
    assert.equal(calls.length, 2);
  });

  test("forgets a client that goes away while it waits", async () => {
    const { answers, calls, ask } = stand({ limit: 1, queue: 1 });
    void ask();
    const gone = makeCall();
    const left = ask(gone);
    gone.abort();
    assert.equal(((await left) as GatewayError).code, "CLIENT_CLOSED");
    const next = makeCall();
    void ask(next);
    answers[0]?.resolve(done);
    await settled();
    assert.deepEqual(calls.slice(1), [next], "its place in the queue is free again");
  });

  test("answers at once, without a promise, where the service does and a slot is free", () => {
    const { gate } = stand({ limit: 1 });
    const body = new BytesBody(Buffer.from("x"));
    const reply: Reply = { status: 200, headers: new Headers(), body };
    const behind = gate.around(() => reply);
    for (let i = 0; i < 3; i++) assert.equal(behind(makeCall()), reply);
  });
});

describe("concurrency on several lanes", () => {
  function lanes(options: { limit: number; queue?: number; wait?: number }) {
    const buffer = allocateSharedMemory(1024 * 1024);
    return { buffer, stands: [0, 1].map((lane) => stand(options, openSharedMemory(buffer, lane, 2))) };
  }

  test("is one limit and one queue for all", async () => {
    const { stands } = lanes({ limit: 2, queue: 1 });
    const [a, b] = stands as [ReturnType<typeof stand>, ReturnType<typeof stand>];
    void a.ask();
    void b.ask();
    void a.ask();
    assert.equal(((await b.ask()) as GatewayError).code, "OVERLOADED");
    assert.deepEqual([a.calls.length, b.calls.length], [1, 1]);
  });

  test("gives a slot to who has waited longest, wherever he waits", async () => {
    const { stands } = lanes({ limit: 1, queue: 4, wait: 60_000 });
    const [a, b] = stands as [ReturnType<typeof stand>, ReturnType<typeof stand>];
    void a.ask();
    void b.ask();
    for (const { clock } of [a, b]) clock.jump(10);
    void a.ask();
    a.answers[0]?.resolve(done);
    await eventually("the other lane is rung", () => b.calls.length === 1);
    assert.equal(a.calls.length, 1);
    b.answers[0]?.resolve(done);
    await eventually("the slot comes back", () => a.calls.length === 2);
  });

  test("takes a slot at the next tick where the lane whose turn it is does not move", async () => {
    const limits = { limit: 1, queue: 4, wait: 60_000 };
    const buffer = allocateSharedMemory(1024 * 1024);
    const { ask, answers, calls, clock } = stand(limits, openSharedMemory(buffer, 0, 2));
    const stuck = new SharedSlots("concurrency/carrier", limits, openSharedMemory(buffer, 1, 2));
    void ask();
    assert.equal(stuck.arrive(clock.now()), "queued");
    clock.jump(10);
    void ask();
    answers[0]?.resolve(done);
    await settled();
    assert.equal(calls.length, 1, "it is the other lane's turn");
    clock.advance(100);
    await settled();
    assert.equal(calls.length, 2);
  });

  test("forgets what a lane held when another takes its place, and what that one says later", async () => {
    const { stands, buffer } = lanes({ limit: 1, queue: 1 });
    const [dead] = stands as [ReturnType<typeof stand>];
    const last = dead.ask();
    void dead.ask();
    const heir = stand({ limit: 1, queue: 1 }, openSharedMemory(buffer, 0, 2));
    void heir.ask();
    assert.equal(heir.calls.length, 1);
    dead.answers[0]?.resolve(done);
    await last;
    void heir.ask();
    assert.equal(heir.calls.length, 1, "the slot is still the heir's");
  });

  test("keeps its counts over a reload", async () => {
    const buffer = allocateSharedMemory(1024 * 1024);
    const memory = openSharedMemory(buffer);
    const before = stand({ limit: 1 }, memory);
    void before.ask();
    const after = stand({ limit: 2 }, memory);
    void after.ask();
    assert.equal(((await after.ask()) as GatewayError).code, "OVERLOADED");
  });
});
