/** Streams at the speed of the slower side, and what happens when one side goes (HTTP-30, HTTP-31, STR-8, STR-9). */
import assert from "node:assert/strict";
import { createServer, type Server, type Socket } from "node:net";
import { after, afterEach, before, beforeEach, describe, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { ask, errorCode, get, post } from "../harness/ask.ts";
import { eventually } from "../harness/eventually.ts";
import { startGateway, type TestGateway } from "../harness/gateway.ts";
import { ok, RecordingOrigin } from "../harness/origin.ts";
import { RawClient } from "../harness/raw.ts";

const MIB = 1024 * 1024;
const EVENTS = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";
const config = (url: string) => ({
  limits: { body: "unlimited" },
  upstreams: { origin: { targets: [url] } },
  routes: [{ name: "all", path: "/*", to: { upstream: "origin" } }],
});

const event = (n: number) => {
  const text = `id: ${n}\ndata: event ${n}\n\n`;
  return `${text.length.toString(16)}\r\n${text}\r\n`;
};

describe("a stream", () => {
  let origin: RecordingOrigin;
  let gateway: TestGateway;
  let clients: RawClient[] = [];
  /** The origin's end of the connection that the last request came on. */
  let upstream: Socket;
  before(async () => {
    origin = await RecordingOrigin.start();
    gateway = await startGateway(config(origin.url));
  });
  after(async () => {
    await gateway.stop();
    await origin.stop();
  });
  beforeEach(() => {
    origin.reset();
    origin.answer = (_request, socket) => {
      upstream = socket;
      return EVENTS;
    };
    origin.onConnection = () => {};
  });
  afterEach(() => {
    for (const client of clients) client.destroy();
    clients = [];
  });
  async function open(): Promise<RawClient> {
    const client = await RawClient.to(gateway.port);
    clients.push(client);
    return client;
  }
  async function subscribe(): Promise<RawClient> {
    const client = await open();
    client.send(get("/events", "Accept: text/event-stream\r\nLast-Event-ID: 41\r\n"));
    // The head does not wait for the first event.
    await client.until(() => client.text.includes("\r\n\r\n"));
    return client;
  }

  describe("of events", () => {
    test("brings each event at once, unchanged", async () => {
      const client = await subscribe();
      assert.match(origin.text, /Last-Event-ID: 41/);
      for (let n = 0; n < 20; n++) {
        upstream.write(event(n));
        // The next one is written only after this one: whoever held it back would wait for ever.
        await client.until(() => client.text.includes(`data: event ${n}\n\n`));
      }
      upstream.write("0\r\n\r\n");
      const response = await client.response();
      assert.equal(
        response.body.toString(),
        Array.from({ length: 20 }, (_, n) => `id: ${n}\ndata: event ${n}\n\n`).join(""),
      );
    });

    for (const [how, leave] of [
      ["closes", (client: RawClient) => client.destroy()],
      ["resets", (client: RawClient) => client.socket.resetAndDestroy()],
    ] as const) {
      test(`whose client ${how} is cancelled at the origin within a second, while nothing flows`, async () => {
        const client = await subscribe();
        upstream.write(event(1));
        await client.until(() => client.text.includes("event 1"));
        let gone = 0;
        upstream.once("close", () => {
          gone = performance.now();
        });
        const left = performance.now();
        leave(client);
        await eventually("the origin's connection is closed", () => gone > 0);
        assert.ok(gone - left < 1_000, `${gone - left} ms`);
        const line = await gateway.logged(
          (entry) =>
            entry["path"] === "/events" && entry["aborted"] === "client" && entry["bytes_out"] === 21,
        );
        assert.equal(line["status"], 200);
      });
    }
  });

  test("answer in flight is cancelled at the origin when the client leaves before its head, and logged as 499", async () => {
    origin.answer = (_request, socket) => {
      upstream = socket;
      return null;
    };
    for (const request of [get("/abort"), post("/abort", "body")]) {
      origin.reset();
      const client = await open();
      client.send(request);
      await eventually("it is at the origin", () => origin.requests.length === 1);
      client.destroy();
      await eventually("it is cancelled", () => upstream.destroyed || upstream.readableEnded);
    }
    const line = await gateway.logged((entry) => entry["path"] === "/abort");
    assert.equal(line["status"], 499);
  });

  test("upload that the client gives up is cut at the origin, never ended", async () => {
    for (const framing of ["Content-Length: 100000", "Transfer-Encoding: chunked"]) {
      origin.reset();
      let ended: "fin" | "reset" | null = null;
      let bytes = "";
      origin.onConnection = (socket) => {
        socket.on("data", (chunk) => {
          bytes += chunk.toString("latin1");
        });
        socket.on("close", (failed) => {
          ended = failed ? "reset" : "fin";
        });
      };
      const client = await open();
      client.send(`POST /up HTTP/1.1\r\nHost: e\r\n${framing}\r\n\r\n`);
      client.send(framing.startsWith("C") ? "half of it" : "a\r\nhalf of it\r\n");
      await eventually("part of it is at the origin", () => bytes.includes("half of it"));
      client.destroy();
      await eventually("the origin knows", () => ended !== null);
      assert.ok(!bytes.endsWith("0\r\n\r\n"), "a last chunk was made up");
      assert.equal(origin.requests.length, 0, "half a request was taken for a whole one");
    }
  });

  test("download that the client gives up stops at the origin", async () => {
    const source = await startSource(500 * MIB);
    const other = await startGateway(config(source.url));
    try {
      const client = await RawClient.to(other.port);
      client.send(get("/big"));
      client.socket.on("data", () => {
        client.received = Buffer.alloc(0);
        if (client.socket.bytesRead > MIB) client.destroy();
      });
      await eventually("it has begun", () => client.socket.destroyed);
      await eventually("it is cancelled at the origin", () => source.open() === 0, 1_000);
      assert.ok(source.sent() < 100 * MIB, `${source.sent()} bytes were sent`);
    } finally {
      await other.stop();
      await source.stop();
    }
  });

  test("download that its client does not read pauses the origin", async () => {
    const source = await startSource(500 * MIB);
    const other = await startGateway(config(source.url));
    const client = await RawClient.to(other.port);
    try {
      client.socket.pause();
      client.send(get("/big"));
      const stalled = await plateau(source.sent);
      // What lies between is the kernel's buffers, twice, and 64 KiB of ours.
      assert.ok(
        stalled < 64 * MIB,
        `${stalled} bytes were read from the origin for a client that reads none`,
      );
      // And it goes on when the client does.
      client.socket.on("data", () => {
        client.received = Buffer.alloc(0);
      });
      client.socket.resume();
      await eventually("it flows again", () => source.sent() > stalled + 64 * MIB);
    } finally {
      client.destroy();
      await other.stop();
      await source.stop();
    }
  });

  test("upload that its origin does not read pauses the client", async () => {
    const deaf: Socket[] = [];
    const server = createServer((socket) => deaf.push(socket.on("error", () => {})));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const other = await startGateway(
      config(`http://127.0.0.1:${(server.address() as { port: number }).port}`),
    );
    const client = await RawClient.to(other.port);
    try {
      client.send(`POST /up HTTP/1.1\r\nHost: e\r\nContent-Length: ${500 * MIB}\r\n\r\n`);
      const piece = Buffer.alloc(MIB);
      let taken = 0;
      const pump = () => {
        while (client.socket.writableLength < 2 * MIB && taken < 500 * MIB) {
          taken += piece.length;
          client.send(piece);
        }
      };
      const timer = setInterval(pump, 1);
      try {
        const stalled = await plateau(() => taken);
        assert.ok(stalled < 64 * MIB, `${stalled} bytes were taken for an origin that reads none`);
        for (const socket of deaf) socket.resume();
        await eventually("it flows again", () => taken > stalled + 64 * MIB);
      } finally {
        clearInterval(timer);
      }
    } finally {
      client.destroy();
      for (const socket of deaf) socket.destroy();
      await other.stop();
      await new Promise((resolve) => server.close(resolve));
    }
  });

  describe("from a client that has half-closed", () => {
    test("is answered, also when the origin takes longer than a second", async () => {
      for (const wait of [0, 50, 1_300]) {
        origin.answer = (_request, socket) => {
          setTimeout(() => socket.write(ok(`after ${wait}`)), wait);
          return null;
        };
        for (const request of [get("/half"), "GET /half HTTP/1.0\r\n\r\n", post("/half", "body")]) {
          const client = await open();
          client.send(request);
          client.end();
          assert.equal((await client.response()).body.toString(), `after ${wait}`);
          assert.equal(await client.untilClosed(), "fin");
        }
      }
    });

    test("is answered for all that it had pipelined", async () => {
      origin.answer = ({ target }) => ok(target);
      const client = await open();
      client.send(Array.from({ length: 20 }, (_, n) => get(`/n/${n}`)).join(""));
      client.end();
      const responses = await client.responses(20);
      assert.deepEqual(
        responses.map(({ body }) => body.toString()),
        Array.from({ length: 20 }, (_, n) => `/n/${n}`),
      );
      assert.equal(await client.untilClosed(), "fin");
    });

    test("gets the rest of an answer that pauses for a second, chunked and with a length", async () => {
      for (const [head, first, last] of [
        ["Transfer-Encoding: chunked", "5\r\nfirst\r\n", "4\r\nlast\r\n0\r\n\r\n"],
        ["Content-Length: 9", "first", "last"],
      ] as const) {
        origin.answer = (_request, socket) => {
          setTimeout(() => socket.write(last), 1_200);
          return `HTTP/1.1 200 OK\r\n${head}\r\n\r\n${first}`;
        };
        const client = await open();
        client.send(get("/pause"));
        client.end();
        const response = await client.response();
        assert.equal(response.body.toString(), "firstlast", head);
        assert.equal(await client.untilClosed(), "fin");
      }
    });

    test("gets the whole of a large answer", async () => {
      origin.answer = () => ok(Buffer.alloc(20 * MIB, "x"));
      const client = await open();
      let received = 0;
      client.socket.removeAllListeners("data");
      client.socket.on("data", (chunk: Buffer) => {
        received += chunk.length;
      });
      client.send(get("/large"));
      client.end();
      assert.equal(await client.untilClosed(10_000), "fin");
      assert.ok(received > 20 * MIB, `${received} bytes`);
    });

    test("in the middle of a head is not kept waiting for", async () => {
      const client = await open();
      client.send("GET /never HTTP/1.1\r\nHo");
      client.end();
      await client.untilClosed(1_000);
      const behind = await open();
      behind.send(`${get("/first")}GET /never HTTP/1.1\r\nHo`);
      origin.answer = () => ok("first");
      behind.end();
      assert.equal((await behind.response()).body.toString(), "first");
      await behind.untilClosed(1_000);
      assert.ok(!origin.requests.some(({ target }) => target === "/never"));
    });
  });

  describe("of pipelined requests", () => {
    test("in one packet is answered in order, 100 of them, with bodies in between", async () => {
      let arrived = 0;
      origin.answer = ({ target, body }, socket) => {
        // Some take longer than those behind them.
        setTimeout(() => socket.write(ok(`${target}:${body}`)), arrived++ % 7);
        return null;
      };
      const requests = Array.from({ length: 100 }, (_, n) =>
        n % 3 === 0
          ? get(`/n/${n}`)
          : n % 3 === 1
            ? post(`/n/${n}`, `body${n}`)
            : `PUT /n/${n} HTTP/1.1\r\nHost: e\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n1;x=y\r\n${n % 10}\r\n0\r\n\r\n`,
      );
      const expected = requests.map((_, n) =>
        n % 3 === 0 ? `/n/${n}:` : n % 3 === 1 ? `/n/${n}:body${n}` : `/n/${n}:body${n % 10}`,
      );
      const whole = Buffer.from(requests.join(""));
      for (const cut of [whole.length, 1000, 97]) {
        const client = await open();
        for (let at = 0; at < whole.length; at += cut) {
          client.send(whole.subarray(at, at + cut));
          if (cut < 1000) await new Promise((resolve) => setImmediate(resolve));
        }
        const responses = await client.responses(100);
        assert.deepEqual(
          responses.map(({ body }) => body.toString()),
          expected,
          `cut into ${cut}`,
        );
        client.destroy();
      }
    });

    test("waits in the kernel when it gets long, and is answered to its end", async () => {
      let held: Socket | null = null;
      origin.answer = ({ target }, socket) => {
        if (target !== "/first") return ok("x");
        held = socket;
        return null;
      };
      const client = await open();
      client.send(get("/first"));
      await eventually("the first is at the origin", () => held !== null);
      const many = get("/n", `X-Filler: ${"f".repeat(1000)}\r\n`).repeat(900);
      client.send(many);
      await delay(50);
      (held as Socket | null)?.write(ok("first"));
      const responses = await client.responses(901);
      assert.equal(responses[0]?.body.toString(), "first");
      assert.ok(responses.every(({ status }) => status === 200));
    });

    test("is cancelled with the client that leaves", async () => {
      origin.answer = () => null;
      const client = await open();
      client.send(get("/n").repeat(10));
      await eventually("the first is at the origin", () => origin.requests.length === 1);
      client.socket.resetAndDestroy();
      await eventually("its connection is closed", () => origin.open === 0);
      assert.equal(origin.requests.length, 1);
    });
  });

  test("of answers to one client waits while it reads none, and others are served meanwhile", async () => {
    origin.answer = ({ target }) => ok(target === "/n" ? Buffer.alloc(100_000, "x") : "other");
    const client = await open();
    client.socket.pause();
    client.send(get("/n").repeat(500));
    await eventually("requests arrive", () => origin.requests.length > 10);
    const stalled = await plateau(() => origin.requests.length);
    assert.ok(stalled < 500, "all were answered to a client that reads none");
    const other = await open();
    assert.equal((await ask(other, get("/other"))).body.toString(), "other");
    assert.equal(errorCode(await ask(other, get("/../x"))), "INVALID_PATH");
  });
});

/** The value at which a count that had begun to grow stops growing. */
async function plateau(count: () => number): Promise<number> {
  let last = -1;
  let since = performance.now();
  await eventually(
    "it stalls",
    () => {
      if (count() !== last || last <= 0) {
        last = count();
        since = performance.now();
      }
      return performance.now() - since > 400;
    },
    15_000,
  );
  return last;
}

/** An origin that answers with so many bytes, as fast as they are taken. */
async function startSource(size: number) {
  const sockets = new Set<Socket>();
  const piece = Buffer.alloc(64 * 1024, "s");
  let sent = 0;
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => sockets.delete(socket));
    socket.once("data", () => {
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${size}\r\n\r\n`);
      const pump = () => {
        for (let room = true; room && sent < size; sent += piece.length) room = socket.write(piece);
      };
      socket.on("drain", pump);
      pump();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as { port: number }).port}`,
    sent: () => sent,
    open: () => sockets.size,
    async stop() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
