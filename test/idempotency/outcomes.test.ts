/** What is known of a request whose answer did not come, or nobody waited for (IDEM-8, IDEM-11, IDEM-14, IDEM-15, IDEM-17). */
import assert from "node:assert/strict";
import { constants } from "node:http2";
import type { Socket } from "node:net";
import { after, before, beforeEach, describe, test } from "node:test";
import { askOnce, errorCode, get } from "../harness/ask.ts";
import { freePort } from "../harness/child-gateway.ts";
import { eventually } from "../harness/eventually.ts";
import { startGateway, type TestGateway } from "../harness/gateway.ts";
import { Http2Client } from "../harness/http2-client.ts";
import { ok } from "../harness/origin.ts";
import { RawClient } from "../harness/raw.ts";
import { counting, isReplay, keyed, newKey, only, type Stand, startStand } from "./stand.ts";

describe("a keyed request", () => {
  let stand: Stand;
  /** Answers what the origin holds back. */
  let answerNow: () => void;
  before(async () => {
    stand = await startStand({
      routes: { "/orders": {}, "/waiting": { whenRunning: "wait" } },
    });
  });
  after(() => stand.stop());
  beforeEach(() => {
    stand.origin.reset();
    stand.origin.answer = counting();
  });
  const send = (request: string) => askOnce(stand.port, request);
  const executions = () => stand.origin.requests.length;
  const stateOf = async (key: string, path = "/orders"): Promise<string> => {
    const response = await send(keyed(path, key));
    return isReplay(response) ? "replayed" : (errorCode(response) ?? String(response.status));
  };

  /** The origin has the request, and says nothing until it is told to. */
  function holdBack(answer: Buffer = ok("late")): void {
    stand.origin.answer = (_, socket) => {
      answerNow = () => socket.write(answer);
      return null;
    };
  }

  test("whose client hangs up goes on, and its answer waits for the repetition", async () => {
    holdBack();
    const key = newKey();
    const client = await RawClient.to(stand.port);
    client.send(keyed("/orders", key));
    await eventually("the service has the request", () => executions() === 1);
    client.socket.resetAndDestroy();
    assert.equal(await stateOf(key), "IDEMPOTENCY_KEY_IN_USE");
    answerNow();
    await eventually("the answer is kept", async () => (await stateOf(key)) === "replayed");
    assert.equal((await send(keyed("/orders", key))).body.toString(), "late");
    const line = await stand.gateway.logged(({ aborted }) => aborted === "client");
    assert.deepEqual([line["status"], line["idempotency"]], [499, "stored"]);
    assert.equal(executions(), 1);
  });

  test("whose client hangs up as soon as it has sent it goes on, too", async () => {
    const key = newKey();
    const client = await RawClient.to(stand.port);
    client.send(keyed("/orders", key));
    client.socket.destroySoon();
    await eventually(
      "the answer is kept",
      async () => executions() === 1 && (await stateOf(key)) === "replayed",
    );
    assert.equal(executions(), 1);
  });

  test("whose client resets its HTTP/2 stream goes on, too", async () => {
    holdBack();
    const key = newKey();
    const client = new Http2Client(`http://127.0.0.1:${stand.port}`);
    try {
      const fields = { ":method": "POST", "idempotency-key": key };
      const stream = client.open("/orders", fields, false);
      stream.end("{}");
      await eventually("the service has the request", () => executions() === 1);
      stream.close(constants.NGHTTP2_CANCEL);
      await eventually("the reset has been sent", () => stream.closed && stream.destroyed);
      assert.equal((await client.ask("/orders", fields, "{}")).status, 409);
      answerNow();
      await eventually("the answer is kept", async () => (await stateOf(key)) === "replayed");
      assert.equal((await client.ask("/orders", fields, "{}")).body, "late");
      assert.equal(executions(), 1);
    } finally {
      client.close();
    }
  });

  test("of which half has come when its client hangs up was never used", async () => {
    const key = newKey();
    const client = await RawClient.to(stand.port);
    client.send(keyed("/orders", key, "whole").slice(0, -2));
    client.destroy();
    await stand.gateway.logged(({ status, bytes_in }) => status === 499 && bytes_in === 3);
    assert.equal((await send(keyed("/orders", key, "another"))).status, 200);
    assert.equal(executions(), 1);
  });

  test("is carried out once, at whatever moment its client goes and comes again", async () => {
    const keys = Array.from({ length: 100 }, newKey);
    await Promise.all(
      keys.map(async (key, i) => {
        const request = keyed("/orders", key, key);
        const client = await RawClient.to(stand.port);
        client.send(i % 4 === 0 ? request.slice(0, -(i % 7)) : request);
        for (let turn = 0; turn < i % 25; turn++) await new Promise((resolve) => setImmediate(resolve));
        client.socket.resetAndDestroy();
        const body = await eventuallyAnswered(request);
        assert.equal((await send(request)).body.toString(), body);
      }),
    );
    assert.deepEqual(stand.origin.requests.map(({ body }) => body.toString()).sort(), keys.toSorted());
  });

  async function eventuallyAnswered(request: string): Promise<string> {
    let body = "";
    await eventually("the request is answered", async () => {
      const response = await send(request);
      if (response.status !== 200) assert.equal(errorCode(response), "IDEMPOTENCY_KEY_IN_USE");
      body = response.body.toString();
      return response.status === 200;
    });
    return body;
  }

  test("that runs is told to repetitions with 409, Retry-After and a link to its state", async () => {
    holdBack();
    const key = newKey();
    const first = send(keyed("/orders", key));
    await eventually("the service has the request", () => executions() === 1);
    const second = await send(keyed("/orders", key));
    assert.equal(second.status, 409);
    assert.equal(errorCode(second), "IDEMPOTENCY_KEY_IN_USE");
    assert.equal(only(second, "retry-after"), "1");
    const path = /<([^>]+)>/.exec(only(second, "link") ?? "")?.[1] ?? "";
    assert.equal(JSON.parse((await send(get(path))).body.toString()).state, "running");
    assert.equal((await send(keyed("/orders", key, "other"))).status, 422);
    answerNow();
    assert.equal((await first).body.toString(), "late");
    assert.equal(JSON.parse((await send(get(path))).body.toString()).state, "finished");
  });

  test("that runs is waited for where the route says so, and its answer replayed to all who waited", async () => {
    holdBack();
    const key = newKey();
    const all = Array.from({ length: 20 }, () => send(keyed("/waiting", key)));
    await eventually("the service has the request", () => executions() === 1);
    answerNow();
    const answers = await Promise.all(all);
    assert.deepEqual([...new Set(answers.map(({ body }) => body.toString()))], ["late"]);
    assert.equal(answers.filter(isReplay).length, 19);
    assert.equal(executions(), 1);
  });

  test("that did nothing leaves its key to one of those who waited", async () => {
    holdBack(Buffer.from("HTTP/1.1 503 X\r\nContent-Length: 0\r\n\r\n"));
    const key = newKey();
    const all = Array.from({ length: 5 }, () => send(keyed("/waiting", key)));
    await eventually("the service has the request", () => executions() === 1);
    const refuse = answerNow;
    holdBack(ok("second"));
    refuse();
    await eventually("the service has another", () => executions() === 2);
    answerNow();
    const answers = await Promise.all(all);
    assert.deepEqual(answers.map(({ status }) => status).sort(), [200, 200, 200, 200, 503]);
    assert.equal(answers.filter(isReplay).length, 3);
    assert.equal(executions(), 2);
  });

  const lost: readonly (readonly [what: string, lose: (socket: Socket) => void])[] = [
    ["no answer: the connection ends", (socket) => socket.end()],
    ["no answer: the connection is reset", (socket) => socket.resetAndDestroy()],
    ["half a head", (socket) => socket.end("HTTP/1.1 200 OK\r\nContent-Le")],
    ["what is no HTTP", (socket) => socket.write("220 mail.example ESMTP\r\n\r\n")],
    [
      "a body that is too short",
      (socket) => socket.end("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort"),
    ],
    [
      "a body that is reset",
      (socket) =>
        socket.write("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort", () => socket.resetAndDestroy()),
    ],
    [
      "chunks without a last one",
      (socket) => socket.end("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nshort\r\n"),
    ],
    ["half a chunk", (socket) => socket.end("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nsho")],
    [
      "no line behind the last chunk",
      (socket) => socket.end("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nshort\r\n0\r\n"),
    ],
    [
      "a chunk of no length",
      (socket) =>
        socket.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nshort\r\n0\r\n\r\n"),
    ],
  ];
  for (const [what, lose] of lost) {
    test(`that is answered with ${what} gets 502, and a repetition is told that nobody knows`, async () => {
      stand.origin.answer = (_, socket) => {
        lose(socket);
        return null;
      };
      const key = newKey();
      const first = await send(keyed("/orders", key));
      assert.equal(first.status, 502);
      assert.doesNotMatch(first.body.toString(), /short/);
      stand.origin.answer = counting();
      for (let i = 0; i < 2; i++) assert.equal(await stateOf(key), "IDEMPOTENCY_OUTCOME_UNKNOWN");
      assert.equal(executions(), 1);
    });
  }

  test("whose answer breaks off at any byte is never replayed", async () => {
    const whole = Buffer.from(
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Type: text/plain\r\n\r\n5\r\nfirst\r\n6\r\nsecond\r\n0\r\n\r\n",
    );
    for (let at = 0; at < whole.length; at++) {
      stand.origin.reset();
      stand.origin.answer = (_, socket) => {
        if (at % 2 === 0) socket.end(whole.subarray(0, at));
        else socket.write(whole.subarray(0, at), () => socket.resetAndDestroy());
        return null;
      };
      const key = newKey();
      assert.equal((await send(keyed("/orders", key))).status, 502, `cut at ${at}`);
      assert.equal(await stateOf(key), "IDEMPOTENCY_OUTCOME_UNKNOWN", `cut at ${at}`);
      assert.equal(executions(), 1);
    }
  });
});

describe("a service that looks at the key itself", () => {
  let stand: Stand;
  before(async () => {
    stand = await startStand({
      routes: { "/again": { onUnknown: "resend" } },
      upstream: { idempotent: true },
    });
  });
  after(() => stand.stop());
  const send = (request: string) => askOnce(stand.port, request);

  test("is sent a request of which nobody knows what came again, with its key", async () => {
    stand.origin.answer = (_, socket) => {
      socket.destroy();
      return null;
    };
    const key = newKey();
    assert.equal((await send(keyed("/again", key))).status, 502);
    assert.equal((await send(keyed("/again", key, "other"))).status, 422);
    stand.origin.answer = counting();
    stand.origin.reset();
    const second = await send(keyed("/again", key));
    assert.deepEqual([second.status, isReplay(second)], [200, false]);
    assert.deepEqual(
      stand.origin.requests.at(-1)?.fields.find(([name]) => name === "Idempotency-Key")?.[1],
      key,
    );
    assert.ok(isReplay(await send(keyed("/again", key))));
    assert.equal(stand.origin.requests.length, 1);
  });
});

describe("a request that was sent again by itself", () => {
  let stand: Stand;
  before(async () => {
    stand = await startStand({
      routes: { "/orders": {} },
      upstream: { idempotent: true, retry: { attempts: 2, minimum: 100 } },
    });
  });
  after(() => stand.stop());
  beforeEach(() => stand.origin.reset());
  const send = (request: string) => askOnce(stand.port, request);
  const refusal = (status: number) => `HTTP/1.1 ${status} X\r\nContent-Length: 0\r\n\r\n`;

  const attempts: readonly (readonly [first: number | "no answer", last: number, known: boolean])[] = [
    ["no answer", 503, false],
    ["no answer", 409, false],
    ["no answer", 507, false],
    [502, 503, false],
    [504, 429, false],
    [503, 503, true],
    [503, 409, true],
  ];
  for (const [first, last, known] of attempts) {
    const then = known ? "did nothing" : "may have done something";
    test(`with ${first} and then ${last} ${then}`, async () => {
      stand.origin.answer = (_, socket) => {
        if (stand.origin.requests.length > 1) return Buffer.from(refusal(last));
        if (first !== "no answer") return Buffer.from(refusal(first));
        socket.destroy();
        return null;
      };
      const key = newKey();
      assert.equal((await send(keyed("/orders", key))).status, last);
      assert.equal(stand.origin.requests.length, 2);
      stand.origin.answer = counting();
      const again = await send(keyed("/orders", key));
      assert.equal(errorCode(again), known ? undefined : "IDEMPOTENCY_OUTCOME_UNKNOWN");
      assert.equal(stand.origin.requests.length, known ? 3 : 2);
    });
  }
});

describe("time", () => {
  let stand: Stand;
  before(async () => {
    stand = await startStand({
      routes: { "/orders": {}, "/waiting": { whenRunning: "wait", waitFor: "2s" } },
      upstream: { timeout: { firstByte: "5s" } },
      time: "by hand",
    });
  });
  after(() => stand.stop());
  beforeEach(() => {
    stand.origin.reset();
    stand.origin.answer = () => null;
  });
  const send = (request: string) => askOnce(stand.port, request);

  test("that is up for the service is 504, and nobody knows what was done", async () => {
    const key = newKey();
    const first = send(keyed("/orders", key));
    await eventually("the service has the request", () => stand.origin.requests.length === 1);
    stand.gateway.clock.advance(5_100);
    assert.equal((await first).status, 504);
    assert.equal(errorCode(await send(keyed("/orders", key))), "IDEMPOTENCY_OUTCOME_UNKNOWN");
    assert.equal(stand.origin.requests.length, 1);
  });

  test("that is up for who waits is 409, and who leaves is forgotten", async () => {
    const key = newKey();
    const first = send(keyed("/waiting", key));
    await eventually("the service has the request", () => stand.origin.requests.length === 1);
    const leaver = await RawClient.to(stand.port);
    leaver.send(keyed("/waiting", key));
    const waiting = send(keyed("/waiting", key));
    let over = false;
    void waiting.then(() => {
      over = true;
    });
    leaver.socket.resetAndDestroy();
    await stand.gateway.logged(({ status }) => status === 499);
    await eventually("time is up", () => {
      if (!over) stand.gateway.clock.advance(100);
      return over;
    });
    assert.equal(errorCode(await waiting), "IDEMPOTENCY_KEY_IN_USE");
    stand.gateway.clock.advance(5_100);
    assert.equal((await first).status, 504);
    assert.equal(stand.origin.requests.length, 1);
  });
});

describe("a request that never reached the service", () => {
  let gateway: TestGateway;
  let stand: Stand;
  before(async () => {
    const idempotency = { idempotency: {} };
    stand = await startStand({ routes: { "/unused": {} } });
    gateway = await startGateway({
      store: { records: "sqlite:./records.db" },
      upstreams: {
        dead: { targets: [`http://127.0.0.1:${await freePort()}`] },
        origin: { targets: [stand.origin.url] },
      },
      routes: [
        { path: "/dead", to: { upstream: "dead" }, policies: [idempotency] },
        {
          path: "/instead",
          to: { upstream: "dead", fallback: { upstream: "origin" } },
          policies: [idempotency],
        },
        {
          path: "/valid",
          to: { upstream: "origin" },
          policies: [idempotency, { validate: { body: { type: "object", required: ["amount"] } } }],
        },
        { path: "/fixed", to: { fixed: { status: 201, body: { ticket: 7 } } }, policies: [idempotency] },
      ],
    });
  });
  after(async () => {
    await gateway.stop();
    await stand.stop();
  });
  const send = (request: string) => askOnce(gateway.port, request);

  test("because there was no connection leaves its key free, for another request, too", async () => {
    const key = newKey();
    for (const body of ["one", "two"])
      assert.equal(errorCode(await send(keyed("/dead", key, body))), "UPSTREAM_UNREACHABLE");
  });

  test("and was carried out by another one in its place is answered again", async () => {
    stand.origin.answer = counting();
    stand.origin.reset();
    const key = newKey();
    const first = await send(keyed("/instead", key));
    const second = await send(keyed("/instead", key));
    assert.deepEqual([second.status, second.body], [200, first.body]);
    assert.ok(isReplay(second));
    assert.equal(stand.origin.requests.length, 1);
    stand.origin.reset();
  });

  test("because it was not valid leaves its key to the corrected one", async () => {
    stand.origin.answer = counting();
    const key = newKey();
    const type = "Content-Type: application/json\r\n";
    assert.equal((await send(keyed("/valid", key, "{}", type))).status, 422);
    const right = keyed("/valid", key, '{"amount":1}', type);
    assert.equal((await send(right)).status, 200);
    assert.ok(isReplay(await send(right)));
    assert.equal(stand.origin.requests.length, 1);
  });

  test("because there is none is answered again", async () => {
    const key = newKey();
    const first = await send(keyed("/fixed", key));
    const second = await send(keyed("/fixed", key));
    assert.deepEqual([second.status, second.body], [201, first.body]);
    assert.ok(isReplay(second));
  });
});
