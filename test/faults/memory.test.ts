/** What connections and bodies cost in memory, measured on a gateway in a process of its own. */
import assert from "node:assert/strict";
import { connect, createServer, type Socket } from "node:net";
import { describe, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { askOnce, get } from "../harness/ask.ts";
import { type ChildGateway, startChildGateway } from "../harness/child-gateway.ts";
import { eventually } from "../harness/eventually.ts";
import { ok, RecordingOrigin } from "../harness/origin.ts";
import { transferBigBodies } from "./big-bodies.ts";

const MIB = 1024 * 1024;
const KIB = 1024;
/** `TURNPIKE_FULL=1` runs the figures of the issue, which take minutes; otherwise the same with less. */
const FULL = process.env["TURNPIKE_FULL"] === "1";

const mib = (bytes: number) => `${(bytes / MIB).toFixed(1)} MiB`;
const kib = (bytes: number) => `${(bytes / KIB).toFixed(1)} KiB`;

describe("memory", () => {
  const size = FULL ? 1024 * MIB : 256 * MIB;
  test(`bodies of ${mib(size)} go through whole, both ways, and cost at most 64 MiB`, async (context) => {
    for (const { what, whole, seconds, growth } of await transferBigBodies(size)) {
      context.diagnostic(`${what}: ${seconds.toFixed(1)} s, RSS +${mib(growth)}`);
      assert.ok(whole, `${what} was damaged`);
      assert.ok(growth <= 64 * MIB, `${what}: RSS grew by ${mib(growth)}`);
    }
  });

  test("200 slow readers of 100 MB cost at most 256 KiB each", async (context) => {
    const origin = await startEndlessOrigin(100_000_000);
    const gateway = await startChildGateway(config(origin.url), { requests: false });
    const readers: Socket[] = [];
    try {
      await warmUp(gateway, "/small", 500);
      const before = await gateway.rss();
      let received = 0;
      for (let i = 0; i < 200; i++) {
        const reader = connect({ port: gateway.port, host: "127.0.0.1" });
        readers.push(reader);
        reader.on("error", () => {});
        // At most one read of 64 KiB each quarter of a second.
        reader.on("data", (chunk: Buffer) => {
          received += chunk.length;
          reader.pause();
        });
        reader.write(get("/endless"));
      }
      let most = 0;
      for (let i = 0; i < (FULL ? 60 : 20); i++) {
        await delay(250);
        for (const reader of readers) reader.resume();
        most = Math.max(most, await gateway.rss());
      }
      const each = (most - before) / readers.length;
      context.diagnostic(
        `${kib(each)} each; ${mib(received)} read, ${mib(origin.sent())} sent by the origin`,
      );
      assert.ok(received > 200 * 64 * KIB, "nobody reads");
      assert.ok(origin.sent() < 200 * 100_000_000 * 0.5, "they were not slow");
      assert.ok(each <= 256 * KIB, `${kib(each)} each`);
      assert.equal((await askOnce(gateway.port, get("/small"))).status, 200);
      for (const reader of readers) reader.destroy();
      await eventually(
        "the origin's connections of readers that left are closed",
        () => origin.streaming() === 0,
      );
    } finally {
      for (const reader of readers) reader.destroy();
      await gateway.stop();
      await origin.stop();
    }
  });

  const idle = FULL ? 10_000 : 2_000;
  for (const asked of [true, false]) {
    const kind = asked ? "that have asked once" : "that have not asked";
    test(`${idle} idle connections ${kind} cost at most 25 KiB each`, async (context) => {
      const origin = await RecordingOrigin.start(() => ok("x".repeat(1000)));
      const gateway = await startChildGateway(
        { ...config(origin.url), limits: { connections: 12_000 } },
        { requests: false },
      );
      const clients: Socket[] = [];
      try {
        await warmUp(gateway, "/", 2_000);
        const before = await gateway.rss();
        while (clients.length < idle) {
          clients.push(
            ...(await Promise.all(Array.from({ length: 100 }, () => idleClient(gateway.port, asked)))),
          );
        }
        const each = ((await gateway.rss()) - before) / idle;
        context.diagnostic(`${kib(each)} each`);
        assert.ok(each <= 25 * KIB, `${kib(each)} each`);
        assert.ok(
          clients.every((client) => !client.destroyed && client.readable),
          "some were closed, which makes them cheap",
        );
      } finally {
        for (const client of clients) client.destroy();
        await gateway.stop();
        await origin.stop();
      }
    });
  }
});

const config = (origin: string) => ({
  upstreams: { origin: { targets: [origin] } },
  routes: [{ name: "all", path: "/*", to: { upstream: "origin" } }],
});

/** What a process needs once, it should have before it is measured. */
async function warmUp(gateway: ChildGateway, path: string, requests: number): Promise<void> {
  for (let i = 0; i < requests; i += 50) {
    await Promise.all(Array.from({ length: 50 }, () => askOnce(gateway.port, get(path))));
  }
}

function idleClient(port: number, asks: boolean): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: "127.0.0.1" });
    socket.on("error", reject);
    let text = "";
    socket.on("connect", () => {
      if (asks) socket.write(get("/"));
      else resolve(socket);
    });
    socket.on("data", (chunk: Buffer) => {
      text += chunk.toString("latin1");
      if (text.endsWith("x".repeat(1000))) resolve(socket);
    });
  });
}

/** Writes as fast as it may. */
async function startEndlessOrigin(size: number) {
  const sockets = new Set<Socket>();
  const streams = new Set<Socket>();
  let sent = 0;
  const piece = Buffer.alloc(64 * KIB, "e");
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => {
      sockets.delete(socket);
      streams.delete(socket);
    });
    socket.on("data", (chunk: Buffer) => {
      if (!chunk.toString("latin1").includes(" /endless ")) {
        socket.write(ok("small"));
        return;
      }
      streams.add(socket);
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${size}\r\n\r\n`);
      let left = size;
      const pump = () => {
        for (let room = true; room && left > 0; ) {
          const part = piece.subarray(0, Math.min(left, piece.length));
          left -= part.length;
          sent += part.length;
          room = socket.write(part);
        }
      };
      socket.on("drain", pump);
      pump();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as { port: number }).port}`,
    sent: () => sent,
    streaming: () => streams.size,
    async stop() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
