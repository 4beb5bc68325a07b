/** D-02: nobody holds a place by being slow. Time is moved by hand. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { setTimeout as delay, setImmediate } from "node:timers/promises";
import { parseResponses, type RawClient } from "../harness/raw.ts";
import { assertEnvelope, bare, echo, eventually, get, Stand } from "./stand.ts";

const SECOND = 1000;

/**
 * Until what was sent has been read by the gateway. It is in this process, so that takes turns of the event loop and
 * not time: a loaded machine may need long for few of them.
 */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 30; turn++) await setImmediate();
  await delay(15);
}

async function times(stand: Stand, client: RawClient): Promise<void> {
  const response = await client.response();
  assert.equal(response.status, 408);
  assertEnvelope(response, "REQUEST_TIMEOUT");
  assert.deepEqual(response.headers.get("connection"), ["close"]);
  assert.equal(await client.untilClosed(), "fin");
  assert.equal(parseResponses(client.received).length, 1);
  client.destroy();
  await stand.victim();
}

describe("a client that is slow with its head", () => {
  test("gets 408 ten seconds after its first byte, whatever it has sent by then", async () => {
    await using stand = await Stand.open({}, { time: "by hand" });
    const whole = get("/slow", "X-A: b\r\n");
    for (const part of [1, 3, 5, 14, 16, 30, whole.length - 4, whole.length - 2, whole.length - 1]) {
      const client = await stand.client();
      client.send(whole.slice(0, part));
      await settle();
      stand.gateway.clock.advance(9.8 * SECOND);
      await settle();
      assert.equal(client.text, "", `${part}: too early`);
      stand.gateway.clock.advance(0.4 * SECOND);
      await times(stand, client);
    }
    assert.doesNotMatch(stand.origin.text, /slow/);
  });

  test("gains nothing by sending a byte now and then", async () => {
    await using stand = await Stand.open({}, { time: "by hand" });
    const clients = await Promise.all(Array.from({ length: 200 }, () => stand.client()));
    for (const client of clients) client.send("GET /slow HTTP/1.1\r\nHost: a\r\n");
    await settle();
    // Ten seconds, and some more for clients whose first bytes were long under way.
    for (let second = 0; second < 14 && clients.some(({ received }) => received.length === 0); second++) {
      for (const client of clients) if (client.closed === null) client.send(`X-${second}: b\r\n`);
      await settle();
      stand.gateway.clock.advance(1.1 * SECOND);
      if (second === 5) await stand.victim();
      await settle();
    }
    for (const client of clients) {
      assert.equal((await client.response()).status, 408);
      client.destroy();
    }
    await stand.victim();
    assert.doesNotMatch(stand.origin.text, /slow/);
  });

  test("is closed without an answer where it has sent nothing at all", async () => {
    await using stand = await Stand.open({}, { time: "by hand" });
    const client = await stand.client();
    await settle();
    stand.gateway.clock.advance(9.8 * SECOND);
    await settle();
    assert.equal(client.closed, null);
    stand.gateway.clock.advance(0.4 * SECOND);
    assert.equal(await client.untilClosed(), "fin");
    assert.equal(client.received.length, 0);
    client.destroy();
  });

  test("counts from the first byte of each request, not from the connection's beginning", async () => {
    await using stand = await Stand.open({}, { time: "by hand" });
    const client = await stand.client();
    client.send(get("/1"));
    await client.responses(1);
    stand.gateway.clock.advance(30 * SECOND);
    client.send("GET /2 HTTP/1.1\r\n");
    await settle();
    stand.gateway.clock.advance(9 * SECOND);
    client.send("Host: a\r\n\r\n");
    const [, second] = await client.responses(2);
    assert.equal(second?.status, 200);
    client.destroy();
  });
});

describe("a client that is slow with its body", () => {
  const framings = [
    ["length", "Content-Length: 1000000\r\n", (text: string) => text],
    [
      "chunked",
      "Transfer-Encoding: chunked\r\n",
      (text: string) => `${text.length.toString(16)}\r\n${text}\r\n`,
    ],
  ] as const;

  test("gets 408 after thirty seconds without a byte, and the origin sees no end of the body", async () => {
    await using stand = await Stand.open({}, { time: "by hand" });
    for (const [name, field, frame] of framings) {
      const client = await stand.client();
      client.send(bare(`/stalls/${name}`, field, frame("abc")));
      const index = await stand.untilText(`/stalls/${name}`);
      await settle();
      stand.gateway.clock.advance(9 * SECOND);
      client.send(frame("d".repeat(100_000)));
      await settle();
      stand.gateway.clock.advance(29.8 * SECOND);
      await settle();
      assert.equal(client.text, "", `${name}: too early`);
      stand.gateway.clock.advance(0.4 * SECOND);
      await times(stand, client);
      assert.ok(!stand.origin.bytes[index]?.includes("\r\n0\r\n"));
    }
    assert.ok(!stand.origin.requests.some(({ target }) => target.startsWith("/stalls")));
    await eventually(() => stand.origin.open <= 1 || undefined);
  });

  test("gets 408 when it stays under 1 kB a second after the first ten, and not when above", async () => {
    await using stand = await Stand.open({}, { time: "by hand" });
    for (const [name, field, frame] of framings) {
      const trickle = await stand.client();
      const steady = await stand.client();
      trickle.send(bare(`/trickle/${name}`, field));
      steady.send(bare(`/steady/${name}`, field));
      await stand.untilText(`/trickle/${name}`);
      await stand.untilText(`/steady/${name}`);
      for (let second = 0; second < 25 && parseResponses(trickle.received).length === 0; second++) {
        if (trickle.closed === null) trickle.send(frame("x".repeat(100)));
        steady.send(frame("x".repeat(2000)));
        await settle();
        stand.gateway.clock.advance(SECOND);
        await settle();
        if (second < 9) assert.equal(trickle.text, "", "too early");
      }
      await times(stand, trickle);
      assert.equal(steady.text, "");
      assert.equal(steady.closed, null);
      steady.destroy();
    }
  });

  test("is not blamed for the time in which the upstream does not read", async () => {
    await using stand = await Stand.open({ limits: { body: "unlimited" } }, { time: "by hand" });
    stand.origin.onConnection = (socket) => {
      socket.pause();
      socket.on("data", () => {});
      socket.pause();
    };
    const client = await stand.client();
    client.send(bare("/upload", "Content-Length: 30000000\r\n", "x".repeat(30_000_000)));
    await delay(150);
    stand.gateway.clock.advance(31 * SECOND);
    await settle();
    assert.doesNotMatch(client.text, / 408 /);
    stand.gateway.clock.advance(40 * SECOND);
    // The upstream is: it took no byte for a minute.
    assert.equal((await client.response()).status, 504);
    client.destroy();
  });

  test("cannot hold a connection with the rest of a request that was answered", async () => {
    await using stand = await Stand.open(
      { routes: [{ name: "all", path: "/*", to: { fixed: { status: 200, body: "ok" } } }] },
      { time: "by hand" },
    );
    const client = await stand.client();
    client.send(bare("/", "Content-Length: 1000\r\n", "abc"));
    await client.response();
    stand.gateway.clock.advance(31 * SECOND);
    await client.untilClosed();
    client.destroy();
  });
});

describe("a connection between two requests", () => {
  test("is closed after sixty seconds, without a word", async () => {
    await using stand = await Stand.open({}, { time: "by hand" });
    const client = await stand.client();
    client.send(get("/1"));
    await client.response();
    const length = client.received.length;
    await settle();
    stand.gateway.clock.advance(59.8 * SECOND);
    await settle();
    assert.equal(client.closed, null);
    client.send(get("/2"));
    await client.responses(2);
    await settle();
    stand.gateway.clock.advance(59.8 * SECOND);
    await settle();
    assert.equal(client.closed, null, "the second request did not begin the time anew");
    stand.gateway.clock.advance(0.4 * SECOND);
    assert.equal(await client.untilClosed(), "fin");
    assert.equal(parseResponses(client.received).length, 2);
    assert.ok(client.received.length > length);
    client.destroy();
    await stand.victim();
  });

  test("to an upstream is closed after four seconds, or a second before the upstream would", async () => {
    for (const [field, seconds] of [
      ["", 4],
      ["Keep-Alive: timeout=3\r\n", 2],
      ["Keep-Alive: timeout=100\r\n", 4],
    ] as const) {
      await using stand = await Stand.open(
        {},
        { time: "by hand", answer: () => `HTTP/1.1 200 OK\r\nContent-Length: 0\r\n${field}\r\n` },
      );
      await stand.ask(get("/"));
      await settle();
      stand.gateway.clock.advance((seconds - 0.2) * SECOND);
      await settle();
      assert.equal(stand.origin.open, 1, field);
      stand.gateway.clock.advance(0.4 * SECOND);
      await eventually(() => stand.origin.open === 0 || undefined);
    }
  });
});

describe("a client that does not read its answer", () => {
  test("is cut off after sixty seconds without progress, and its upstream connection with it", async () => {
    await using stand = await Stand.open({}, { time: "by hand" });
    stand.origin.answer = (request, socket) =>
      request.target.startsWith("/victim")
        ? echo(request, socket)
        : Buffer.concat([
            Buffer.from("HTTP/1.1 200 OK\r\nContent-Length: 50000000\r\n\r\n"),
            Buffer.alloc(50_000_000),
          ]);
    const client = await stand.client();
    client.socket.pause();
    client.send(get("/large"));
    await stand.arrived("/large");
    await delay(150);
    stand.gateway.clock.advance(55 * SECOND);
    await settle();
    assert.equal(stand.origin.open, 1, "too early");
    stand.gateway.clock.advance(10 * SECOND);
    await eventually(() => stand.origin.open === 0 || undefined);
    client.socket.resume();
    await client.untilClosed();
    client.destroy();
    const line = await stand.gateway.logged((entry) => entry["path"] === "/large");
    assert.equal(line["aborted"], "client");
    await stand.victim();
  });
});

describe("an upstream that is slow", () => {
  test("gets 504 after fifteen seconds without a head, and its connection is closed", async () => {
    await using stand = await Stand.open({}, { time: "by hand", answer: () => null });
    for (const start of ["", "HTTP/1.1 200 OK\r\nA: b", "HTTP/1.1 103 Early Hints\r\n\r\n"]) {
      stand.origin.answer = () => start;
      const client = await stand.client();
      client.send(bare("/waits", "Content-Length: 3\r\n", "abc"));
      await eventually(() => stand.origin.open === 1 || undefined);
      await settle();
      stand.gateway.clock.advance(14.8 * SECOND);
      await settle();
      assert.doesNotMatch(client.text, / 504 /, "too early");
      stand.gateway.clock.advance(0.4 * SECOND);
      const response = await client.response();
      assert.equal(response.status, 504);
      assertEnvelope(response, "UPSTREAM_TIMEOUT");
      await eventually(() => stand.origin.open === 0 || undefined);
      client.destroy();
    }
    assert.equal(stand.origin.requests.length, 3, "a request was sent twice");
  });

  test("in the middle of its answer is cut off after sixty seconds, and so is the client, never cleanly", async () => {
    await using stand = await Stand.open({}, { time: "by hand" });
    for (const framing of ["Content-Length: 10", "Transfer-Encoding: chunked"]) {
      stand.origin.answer = () =>
        `HTTP/1.1 200 OK\r\n${framing}\r\n\r\n${framing.startsWith("C") ? "abc" : "3\r\nabc\r\n"}`;
      const client = await stand.client();
      client.send(get("/stalls"));
      await client.until(() => client.text.includes("abc"));
      stand.gateway.clock.advance(59.8 * SECOND);
      await settle();
      assert.equal(client.closed, null);
      stand.gateway.clock.advance(0.4 * SECOND);
      assert.equal(await client.untilClosed(), "reset");
      assert.doesNotMatch(client.text, /\r\n0\r\n/);
      client.destroy();
    }
  });

  test("is not blamed for a client that does not read: the stream goes on when it does", async () => {
    await using stand = await Stand.open({ timeouts: { write: "10m" } }, { time: "by hand" });
    const size = 30_000_000;
    stand.origin.answer = () =>
      Buffer.concat([Buffer.from(`HTTP/1.1 200 OK\r\nContent-Length: ${size}\r\n\r\n`), Buffer.alloc(size)]);
    const client = await stand.client();
    client.socket.pause();
    client.send(get("/large"));
    await stand.arrived("/large");
    await delay(100);
    stand.gateway.clock.advance(120 * SECOND);
    let received = 0;
    client.socket.removeAllListeners("data");
    client.socket.on("data", (chunk: Buffer) => {
      received += chunk.length;
    });
    client.socket.resume();
    await eventually(() => received > size || undefined);
    client.destroy();
  });
});
