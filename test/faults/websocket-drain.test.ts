/** STR-4, STR-10, HTTP-31: a WebSocket when the gateway stops, and when one of its ends is slow. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import type { Socket } from "node:net";
import { afterEach, beforeEach, describe, test } from "node:test";
import { get } from "../harness/ask.ts";
import { eventually } from "../harness/eventually.ts";
import { startGateway, type TestGateway } from "../harness/gateway.ts";
import { type RecordedRequest, RecordingOrigin } from "../harness/origin.ts";
import { RawClient } from "../harness/raw.ts";

const KEY = "dGhlIHNhbXBsZSBub25jZQ==";
const ACCEPT = createHash("sha1").update(`${KEY}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");
const HANDSHAKE = get(
  "/ws",
  `Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${KEY}\r\n`,
);
const SWITCHING = `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: ${ACCEPT}\r\n\r\n`;
/** Close 1001, from a server and from a client (masked with zeros). */
const CLOSE = Buffer.from([0x88, 0x02, 0x03, 0xe9]);
const MASKED_CLOSE = Buffer.from([0x88, 0x82, 0, 0, 0, 0, 0x03, 0xe9]);

describe("a WebSocket", () => {
  let origin: RecordingOrigin;
  let gateway: TestGateway;
  let client: RawClient;
  let upstream: Socket | null;
  let atOrigin: Buffer;
  beforeEach(async () => {
    upstream = null;
    atOrigin = Buffer.alloc(0);
    origin = await RecordingOrigin.start(() => SWITCHING);
    origin.onConnection = (socket) => {
      upstream = socket;
      socket.on("data", (chunk: Buffer) => {
        atOrigin = Buffer.concat([atOrigin, chunk]);
      });
    };
    gateway = await startGateway({
      drain: { delay: "0s", timeout: "20s" },
      upstreams: { origin: { targets: [origin.url] } },
      routes: [{ name: "all", path: "/*", to: { upstream: "origin" } }],
    });
    client = await RawClient.to(gateway.port);
  });
  afterEach(async () => {
    client.destroy();
    await gateway.stop();
    await origin.stop();
  });

  async function connect(): Promise<void> {
    client.send(HANDSHAKE);
    await client.until(() => client.text.includes("\r\n\r\n"));
    client.received = Buffer.alloc(0);
    atOrigin = Buffer.alloc(0);
  }
  const drained = async () => {
    const begun = performance.now();
    await gateway.running.done;
    return performance.now() - begun;
  };

  test("that is quiet gets close 1001 on both ends", async () => {
    await connect();
    void gateway.running.stop("interrupt");
    await client.until(() => client.received.equals(CLOSE));
    await eventually("the origin has it too", () => atOrigin.equals(MASKED_CLOSE));
    client.destroy();
    assert.ok((await drained()) < 4_000);
  });

  test("that is in the middle of a frame gets close 1001 behind it, not inside it", async () => {
    await connect();
    upstream?.write(Buffer.from([0x82, 0x0a, 1, 2, 3, 4, 5]));
    await client.until(() => client.received.length === 7);
    void gateway.running.stop("interrupt");
    await eventually("the other direction is closed", () => atOrigin.equals(MASKED_CLOSE));
    assert.equal(client.received.length, 7);
    // The end of the frame, and the beginning of one that comes too late.
    upstream?.write(Buffer.from([6, 7, 8, 9, 10, 0x82, 0x01, 0xff]));
    await client.until(() => client.received.length >= 12 + CLOSE.length);
    assert.deepEqual(client.received, Buffer.from([0x82, 0x0a, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, ...CLOSE]));
    client.destroy();
    assert.ok((await drained()) < 4_000);
  });

  test("whose 101 comes while the gateway stops does not hold that up", async () => {
    origin.answer = (_request: RecordedRequest) => null;
    client.send(HANDSHAKE);
    await eventually("the handshake is at the origin", () => origin.requests.length === 1);
    void gateway.running.stop("interrupt");
    await eventually("nobody is accepted any more", async () => {
      const late = await RawClient.to(gateway.port).catch(() => null);
      late?.destroy();
      return late === null;
    });
    upstream?.write(SWITCHING);
    await client.until(() => client.received.subarray(-CLOSE.length).equals(CLOSE), 3_000);
    client.destroy();
    assert.ok((await drained()) < 4_000);
  });

  test("pauses the origin while its client reads nothing, and goes on when it does", async () => {
    await connect();
    client.socket.pause();
    const frame = Buffer.concat([
      Buffer.from([0x82, 0x7f, 0, 0, 0, 0, 0, 0x10, 0, 0]),
      Buffer.alloc(0x100000),
    ]);
    const TOTAL = 200;
    let sent = 0;
    let read = 0;
    client.socket.on("data", (chunk: Buffer) => {
      read += chunk.length;
      client.received = Buffer.alloc(0);
    });
    const socket = upstream as Socket | null;
    assert.ok(socket !== null);
    const pump = () => {
      while (sent < TOTAL && socket.writableLength < 4 * frame.length) {
        socket.write(frame);
        sent++;
      }
    };
    const timer = setInterval(pump, 1);
    try {
      let last = -1;
      let quiet = 0;
      await eventually("it stalls", () => {
        quiet = sent === last && sent > 0 ? quiet + 1 : 0;
        last = sent;
        return quiet > 40;
      });
      assert.ok(sent < 64, `${sent} MiB were taken for a client that reads none`);
      client.socket.resume();
      await eventually("all has come", () => read === TOTAL * frame.length, 20_000);
    } finally {
      clearInterval(timer);
    }
  });
});
