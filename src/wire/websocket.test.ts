import assert from "node:assert/strict";
import { type Duplex, duplexPair } from "node:stream";
import { describe, test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import type { Tunnel } from "../core/reply.ts";
import { openTunnel } from "./websocket.ts";

const IDLE = 60_000;

interface End {
  readonly duplex: Duplex;
  /** The same connection as the tunnel holds it. */
  readonly here: Duplex;
  readonly received: () => string;
  ended: boolean;
}

interface Opened {
  readonly tunnel: Tunnel;
  readonly client: End;
  readonly upstream: End;
  readonly over: (readonly [bytesIn: number, bytesOut: number])[];
  now: number;
}

/** One end of the tunnel, as whoever sits there sees it. */
function end(duplex: Duplex, here: Duplex): End {
  const chunks: Buffer[] = [];
  const one: End = {
    duplex,
    here,
    received: () => Buffer.concat(chunks).toString("latin1"),
    ended: false,
  };
  duplex.on("data", (chunk: Buffer) => chunks.push(chunk));
  duplex.on("end", () => {
    one.ended = true;
  });
  duplex.on("error", () => {});
  return one;
}

function open(fromClient = "", fromUpstream = ""): Opened {
  const options = { allowHalfOpen: true };
  const [clientHere, clientThere] = duplexPair(options);
  const [upstreamHere, upstreamThere] = duplexPair(options);
  const over: (readonly [number, number])[] = [];
  const clock = { now: 1000 };
  const tunnel = openTunnel(
    clientHere,
    upstreamHere,
    Buffer.from(fromClient, "latin1"),
    Buffer.from(fromUpstream, "latin1"),
    { idle: IDLE, now: () => clock.now },
    (bytesIn, bytesOut) => over.push([bytesIn, bytesOut]),
  );
  return Object.assign(clock, {
    tunnel,
    client: end(clientThere, clientHere),
    upstream: end(upstreamThere, upstreamHere),
    over,
  });
}

async function say(from: End, text: string): Promise<void> {
  from.duplex.write(text, "latin1");
  await settle();
}

async function settle(): Promise<void> {
  for (let i = 0; i < 20; i++) await turn();
}

/** Frames of RFC 6455 §5.2, from a server and (masked, with a mask of zero) from a client. */
const plain = (payload: string) => `\x81${String.fromCharCode(payload.length)}${payload}`;
const masked = (payload: string) => `\x81${String.fromCharCode(payload.length | 0x80)}\0\0\0\0${payload}`;
/** 1001 and 1011 as they reach a client, 1001 as it reaches an upstream. */
const GOING_AWAY = "\x88\x02\x03\xe9";
const INTERNAL_ERROR = "\x88\x02\x03\xf3";
const GOING_AWAY_MASKED = "\x88\x82\0\0\0\0\x03\xe9";

describe("a tunnel", () => {
  test("passes bytes both ways untouched, those that came behind the heads first", async () => {
    const { client, upstream } = open("early up ", "early down ");
    await say(client, masked("a"));
    await say(upstream, plain("b\xff\0"));
    assert.equal(upstream.received(), `early up ${masked("a")}`);
    assert.equal(client.received(), `early down ${plain("b\xff\0")}`);
  });

  test("holds back the faster end and loses nothing", async () => {
    const { client, upstream } = open();
    client.duplex.pause();
    const sent = "x".repeat(1 << 20);
    for (let at = 0; at < sent.length; at += 1 << 14) {
      upstream.duplex.write(sent.slice(at, at + (1 << 14)), "latin1");
    }
    await settle();
    assert.ok(upstream.duplex.writableLength > 0, "it has to wait");
    client.duplex.resume();
    await settle();
    assert.equal(client.received().length, sent.length);
  });

  test("is over when one end is destroyed, for both, and says once what it carried", async () => {
    for (const which of ["client", "upstream"] as const) {
      const opened = open();
      await say(opened.client, masked("abc"));
      await say(opened.upstream, plain("d"));
      opened[which].here.destroy();
      await settle();
      assert.deepEqual(opened.over, [[masked("abc").length, plain("d").length]], which);
      assert.deepEqual([opened.client.here.destroyed, opened.upstream.here.destroyed], [true, true], which);
    }
  });

  test("is over after it has been silent for too long, and not before", async () => {
    const opened = open();
    opened.now += IDLE - 1;
    opened.tunnel.sweep(opened.now);
    await say(opened.client, masked("a"));
    opened.now += IDLE - 1;
    opened.tunnel.sweep(opened.now);
    assert.deepEqual(opened.over, []);
    opened.now += 1;
    opened.tunnel.sweep(opened.now);
    assert.equal(opened.over.length, 1);
  });
});

describe("a tunnel whose one end goes without a Close frame", () => {
  test("tells the client 1011 when it was the upstream", async () => {
    const { client, upstream } = open();
    await say(upstream, plain("b"));
    upstream.duplex.end();
    await settle();
    assert.equal(client.received(), plain("b") + INTERNAL_ERROR);
    assert.equal(client.ended, true);
  });

  test("tells the upstream 1001, masked, when it was the client", async () => {
    const { client, upstream } = open();
    client.duplex.end();
    await settle();
    assert.equal(upstream.received(), GOING_AWAY_MASKED);
    assert.equal(upstream.ended, true);
  });

  test("adds nothing in the middle of a frame", async () => {
    const { client, upstream } = open();
    await say(upstream, plain("bcd").slice(0, -1));
    upstream.duplex.end();
    await settle();
    assert.equal(client.received(), plain("bcd").slice(0, -1));
  });

  test("adds nothing behind a Close frame that has passed", async () => {
    const { client, upstream } = open();
    await say(upstream, `${plain("b")}\x88\x02\x03\xe8`);
    upstream.duplex.end();
    await settle();
    assert.equal(client.received(), `${plain("b")}\x88\x02\x03\xe8`);
  });

  const notFrames: readonly (readonly [what: string, bytes: string])[] = [
    ["text", "hello\r\n"],
    ["a masked frame from a server", masked("a")],
    ["reserved bits", `\xb1\x01a`],
    ["an unknown opcode", "\x83\x01a"],
    ["a long control frame", `\x89\x7e\0\x80${"x".repeat(128)}`],
    ["a fragmented control frame", "\x09\0"],
  ];
  for (const [what, bytes] of notFrames) {
    test(`adds nothing to what is no WebSocket: ${what}`, async () => {
      const { client, upstream } = open();
      await say(upstream, bytes);
      upstream.duplex.end();
      await settle();
      assert.equal(client.received(), bytes);
    });
  }
});

describe("a tunnel when the gateway stops", () => {
  test("says 1001 to both ends, once, and ends when they have had their time", async () => {
    const opened = open();
    await say(opened.client, masked("a"));
    await say(opened.upstream, plain("b"));
    opened.tunnel.drain();
    opened.tunnel.drain();
    await settle();
    assert.equal(opened.upstream.received(), masked("a") + GOING_AWAY_MASKED);
    assert.equal(opened.client.received(), plain("b") + GOING_AWAY);
    opened.now += 2_000;
    opened.tunnel.sweep(opened.now);
    await settle();
    assert.equal(opened.over.length, 1);
  });

  const frames: readonly (readonly [what: string, bytes: string])[] = [
    ["a short frame", plain("abc")],
    ["an empty frame", plain("")],
    ["a frame of 16 bits of length", `\x82\x7e\x01\0${"x".repeat(256)}`],
    ["a frame of 64 bits of length", `\x82\x7f\0\0\0\0\0\x01\0\0${"x".repeat(65_536)}`],
    ["a compressed message in fragments", "\x41\x01a\x00\x01b\x80\x01c"],
    ["a ping between fragments", "\x01\x01a\x89\x01p\x80\x01c"],
  ];
  for (const [what, bytes] of frames) {
    test(`finds the end of ${what}, however it was cut into packets`, async () => {
      const { tunnel, client, upstream } = open();
      const at = Math.min(3, bytes.length - 1);
      for (const piece of [bytes.slice(0, 1), bytes.slice(1, at), bytes.slice(at)])
        await say(upstream, piece);
      tunnel.drain();
      await settle();
      assert.equal(client.received() === bytes + GOING_AWAY, true, "the frame, then Close");
    });
  }
});
