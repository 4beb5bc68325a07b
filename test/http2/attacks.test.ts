/** N-01, N-03, HTTP-35: floods and broken frames on one connection, while an honest client uses another. */
import assert from "node:assert/strict";
import { connect } from "node:http2";
import { after, afterEach, before, describe, test } from "node:test";
import fc from "fast-check";
import { Stand } from "../conformance/stand.ts";
import { eventually } from "../harness/eventually.ts";
import {
  Code,
  Flag,
  FrameClient,
  frame,
  headerBlock,
  headers,
  requestFields,
  reset,
  Type,
  word,
} from "../harness/http2-frames.ts";
import { ok } from "../harness/origin.ts";

const NO_ANSWER = "/hang";

describe("an HTTP/2 client", () => {
  let stand: Stand;
  before(async () => {
    stand = await Stand.open(
      {},
      {
        time: "by hand",
        answer: ({ method, target, body }) =>
          target.startsWith(NO_ANSWER) ? null : ok(`${method} ${target} ${body.length}`),
      },
    );
  });
  after(() => stand.close());
  // Whatever was tried: the next client gets his answer, and nothing is left at the origin.
  afterEach(async () => {
    await stand.victim();
    await honest(stand.gateway.port);
  });

  /** Sends in pieces for as long as the other end listens. */
  async function flood(
    client: FrameClient,
    piece: (at: number) => Buffer,
    pieces: number,
    codes: readonly number[] = [Code.enhanceYourCalm],
  ): Promise<void> {
    for (let at = 0; at < pieces && client.raw.closed === null; at++) {
      client.send(piece(at));
      if (at % 16 === 15) await new Promise((resolve) => setImmediate(resolve));
    }
    await client.raw.untilClosed();
    assert.ok(codes.includes(client.goaway ?? -1), `GOAWAY ${client.goaway}`);
    client.destroy();
  }

  test("that opens and resets 20,000 streams is told to calm down, and its work at the origin is given up", async () => {
    stand.origin.reset();
    const client = await FrameClient.to(stand.gateway.port);
    const fields = requestFields(NO_ANSWER);
    await flood(
      client,
      (at) =>
        Buffer.concat(
          Array.from({ length: 50 }, (_, i) => 2 * (50 * at + i) + 1).flatMap((id) => [
            headers(id, fields),
            reset(id),
          ]),
        ),
      400,
    );
    assert.ok(
      stand.origin.requests.length <= 300,
      `${stand.origin.requests.length} requests reached the origin`,
    );
    await eventually("the origin has no connection of the attacker", () => stand.origin.open <= 2);
  });

  test("that makes the gateway reset streams, by overflowing their windows, is told to calm down", async () => {
    const client = await FrameClient.to(stand.gateway.port);
    const fields = requestFields(NO_ANSWER);
    const overflow = word(0x7fffffff);
    await flood(
      client,
      (at) => Buffer.concat([headers(2 * at + 1, fields), frame(Type.windowUpdate, 0, 2 * at + 1, overflow)]),
      5_000,
      // nghttp2 has a limit of its own for frames that are wrong.
      [Code.enhanceYourCalm, Code.flowControlError],
    );
    await eventually("the origin has no connection of the attacker", () => stand.origin.open <= 2);
  });

  for (const [name, bytes] of [
    ["SETTINGS", frame(Type.settings, 0, 0)],
    ["PING", frame(Type.ping, 0, 0, Buffer.alloc(8))],
    ["PRIORITY", frame(Type.priority, 0, 1, Buffer.from([0, 0, 0, 0, 16]))],
    ["WINDOW_UPDATE", frame(Type.windowUpdate, 0, 0, word(1))],
    ["unknown", frame(0xbe, 0, 0, Buffer.alloc(4))],
  ] as const) {
    test(`that floods ${name} frames is told to calm down`, async () => {
      const client = await FrameClient.to(stand.gateway.port);
      await flood(client, () => Buffer.concat(Array.from({ length: 20 }, () => bytes)), 2_000);
    });
  }

  test("that floods empty DATA frames is told to calm down, and its upload is given up", async () => {
    const client = await FrameClient.to(stand.gateway.port);
    client.send(headers(1, requestFields(NO_ANSWER, [], "POST"), false));
    // nghttp2 has a limit of its own, which is lower.
    for (let i = 0; i < 5_000 && client.raw.closed === null; i++) client.send(frame(Type.data, 0, 1));
    await client.raw.untilClosed();
    client.destroy();
  });

  test("that never ends its header block is cut off", async () => {
    const client = await FrameClient.to(stand.gateway.port);
    client.send(frame(Type.headers, 0, 1, headerBlock(requestFields("/"))));
    const piece = headerBlock([["x-filler", "f".repeat(16_000)]]);
    for (let i = 0; i < 256 && client.raw.closed === null; i++)
      client.send(frame(Type.continuation, 0, 1, piece));
    await client.raw.untilClosed();
    client.destroy();
  });

  test("that never ends its header block, without a byte in it, is cut off", async () => {
    const client = await FrameClient.to(stand.gateway.port);
    client.send(frame(Type.headers, 0, 1, headerBlock(requestFields("/"))));
    for (let i = 0; i < 10_000 && client.raw.closed === null; i++)
      client.send(frame(Type.continuation, 0, 1));
    await client.raw.untilClosed();
    client.destroy();
  });

  test("that unpacks to megabytes of header fields reaches nobody", async () => {
    const client = await FrameClient.to(stand.gateway.port);
    // One entry of 4,000 bytes in the table, then named again and again by one byte each.
    const entry = Buffer.concat([Buffer.of(0x40), headerBlock([["x-bomb", "b".repeat(3_900)]]).subarray(1)]);
    const block = Buffer.concat([headerBlock(requestFields("/bomb")), entry, Buffer.alloc(10_000, 0xbe)]);
    client.send(frame(Type.headers, Flag.endHeaders | Flag.endStream, 1, block));
    const outcome = await client.outcome(1);
    assert.ok("reset" in outcome || "goaway" in outcome || outcome.body.includes("HEADERS_TOO_LARGE"));
    assert.ok(!stand.origin.text.includes("/bomb"));
    client.destroy();
  });

  test("that overflows the window of the connection loses it", async () => {
    const client = await FrameClient.to(stand.gateway.port);
    client.send(
      frame(Type.windowUpdate, 0, 0, word(0x7fffffff)),
      frame(Type.windowUpdate, 0, 0, word(0x7fffffff)),
    );
    await client.until((frames) => frames.some(({ type }) => type === Type.goaway));
    assert.equal(client.goaway, Code.flowControlError);
    client.destroy();
  });

  test("has at most 100 requests in flight", async () => {
    const client = await FrameClient.to(stand.gateway.port);
    for (let i = 0; i < 101; i++) client.send(headers(2 * i + 1, requestFields(NO_ANSWER)));
    await client.until((frames) => frames.some(({ type }) => type === Type.reset));
    assert.deepEqual(await client.outcome(201), { reset: Code.refusedStream });
    client.destroy();
  });

  test("that sends any frames at all ends nothing but its own connection", { timeout: 60_000 }, async () => {
    const type = fc.oneof(fc.integer({ min: 0, max: 10 }), fc.integer({ min: 0, max: 255 }));
    const stream = fc.oneof(fc.integer({ min: 0, max: 9 }), fc.nat(0x7fffffff));
    const block = fc
      .constantFrom(requestFields("/fuzz"), requestFields("/fuzz", [["content-length", "5"]], "POST"))
      .map(headerBlock);
    const payload = fc.oneof(
      block,
      fc.uint8Array({ maxLength: 64 }).map((bytes) => Buffer.from(bytes)),
    );
    const any = fc
      .tuple(type, fc.integer({ min: 0, max: 255 }), stream, payload)
      .map(([t, f, s, p]) => frame(t, f, s, p));
    const sane = fc
      .tuple(fc.constantFrom(1, 3, 5), fc.boolean())
      .map(([id, end]) => headers(id, requestFields("/fuzz"), end));
    await fc.assert(
      fc.asyncProperty(fc.array(fc.oneof(any, sane), { maxLength: 30 }), async (frames) => {
        const client = await FrameClient.to(stand.gateway.port);
        client.send(...frames);
        await new Promise((resolve) => setImmediate(resolve));
        client.destroy();
      }),
      { numRuns: 300 },
    );
    stand.gateway.clock.advance(100);
  });
});

/** A request by a maintained client. */
async function honest(port: number): Promise<void> {
  const session = connect(`http://127.0.0.1:${port}`);
  try {
    const body = await new Promise<string>((resolve, reject) => {
      session.on("error", reject);
      const request = session.request({ ":path": "/honest" });
      let text = "";
      request.setEncoding("utf8");
      request.on("data", (chunk: string) => {
        text += chunk;
      });
      request.on("end", () => resolve(text));
      request.on("error", reject);
    });
    assert.equal(body, "GET /honest 0");
  } finally {
    session.destroy();
  }
}
