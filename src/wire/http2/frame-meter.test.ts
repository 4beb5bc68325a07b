import assert from "node:assert/strict";
import { once } from "node:events";
import { connect as connectHttp2, createServer } from "node:http2";
import { type AddressInfo, connect, type Socket } from "node:net";
import { Duplex } from "node:stream";
import { describe, test } from "node:test";
import fc from "fast-check";
import { FrameMeter, PREFACE } from "./frame-meter.ts";

const LIMIT = 64 * 1024;

function frame(type: number, flags: number, stream: number, payload: Buffer): Buffer {
  const header = Buffer.alloc(9);
  header.writeUIntBE(payload.length, 0, 3);
  header[3] = type;
  header[4] = flags;
  header.writeUInt32BE(stream, 5);
  return Buffer.concat([header, payload]);
}

/** A socket that keeps a copy of what is written to it. */
function tapped(socket: Socket, copy: Buffer[]): Duplex {
  const tap = new Duplex({
    read() {},
    write(chunk: Buffer, _encoding, written) {
      copy.push(Buffer.from(chunk));
      socket.write(chunk, written);
    },
  });
  socket.on("data", (chunk: Buffer) => tap.push(chunk));
  return tap;
}

describe("the frame meter", () => {
  test("counts the fields that a maintained client sends: indexed, Huffman-coded, with tables and in pieces", async () => {
    const delivered = new Map<number, number>();
    const server = createServer();
    server.on("stream", (stream, _headers, _flags, raw) => {
      delivered.set(stream.id ?? 0, raw.length / 2);
      stream.respond({ ":status": 200 }, { endStream: true });
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const socket = connect((server.address() as AddressInfo).port, "127.0.0.1");
    const sent: Buffer[] = [];
    const session = connectHttp2("http://localhost", { createConnection: () => tapped(socket, sent) });
    for (let i = 0; i < 40; i++) {
      const fields: Record<string, string> = {
        ":path": `/${"p".repeat(i * 7)}`,
        accept: "*/*",
        "x-same": "same",
      };
      for (let j = 0; j < i; j++) fields[`x-${i}-${j}`] = "v".repeat((i * 37 * j) % 900);
      const request = session.request(fields);
      request.resume();
      await once(request, "close");
    }
    session.destroy();
    socket.destroy();
    server.close();
    assert.equal(delivered.size, 40);

    const bytes = Buffer.concat(sent);
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 5_000 }), { maxLength: 20 }), (cuts) => {
        const meter = new FrameMeter(LIMIT, 0);
        let at = 0;
        for (const cut of [...cuts, bytes.length]) {
          assert.equal(meter.push(bytes.subarray(at, at + cut), 0), null);
          at += cut;
        }
        for (const [stream, count] of delivered) assert.equal(meter.fieldsOf(stream), count);
      }),
      { numRuns: 50 },
    );
  });

  test("takes any bytes without throwing, and says the same however they are cut", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 2_000 }), fc.nat(2_000), (noise, cut) => {
        const bytes = Buffer.concat([PREFACE, noise]);
        const whole = new FrameMeter(LIMIT, 0).push(bytes, 0);
        const inTwo = new FrameMeter(LIMIT, 0);
        const first = inTwo.push(bytes.subarray(0, cut), 0);
        assert.equal(first ?? inTwo.push(bytes.subarray(cut), 0), whole);
      }),
    );
  });

  test("lets a client use up what it may in one burst, and again what time has given back", () => {
    const meter = new FrameMeter(LIMIT, 0);
    const reset = frame(3, 0, 1, Buffer.alloc(4));
    assert.equal(meter.push(PREFACE, 0), null);
    for (let i = 0; i < 200; i++) assert.equal(meter.push(reset, 0), null);
    assert.equal(meter.push(frame(0, 0, 1, Buffer.of(1)), 0), null);
    assert.notEqual(meter.push(reset, 0), null);
    for (let i = 0; i < 20; i++) assert.equal(meter.push(reset, 1_100), null);
  });

  test("grants a window update for what was sent, and ends a connection that only sends them", () => {
    const update = frame(8, 0, 0, Buffer.from([0, 0, 0, 1]));
    const busy = new FrameMeter(LIMIT, 0);
    busy.push(PREFACE, 0);
    for (let i = 0; i < 50_000; i++) {
      busy.sent(40);
      assert.equal(busy.push(update, 0), null);
    }
    const idle = new FrameMeter(LIMIT, 0);
    idle.push(PREFACE, 0);
    let taken = 0;
    while (idle.push(update, 0) === null) taken++;
    assert.equal(taken, 1_000);
  });

  test("ends a header block that is too large, or never ends", () => {
    const meter = new FrameMeter(1_000, 0);
    meter.push(PREFACE, 0);
    assert.equal(meter.push(frame(1, 0, 1, Buffer.alloc(1_000)), 0), null);
    assert.notEqual(meter.push(frame(9, 0, 1, Buffer.alloc(1)), 0), null);
    const patient = new FrameMeter(1_000, 0);
    patient.push(Buffer.concat([PREFACE, frame(1, 0, 1, Buffer.alloc(0))]), 0);
    let taken = 0;
    while (patient.push(frame(9, 0, 1, Buffer.alloc(0)), 0) === null) taken++;
    assert.equal(taken, 8);
  });
});
