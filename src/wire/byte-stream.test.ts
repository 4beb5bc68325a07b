/** Both implementations over real sockets of loopback: the portable one in a process of its own. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { connect, createServer, type Server, type Socket } from "node:net";
import { after, before, describe, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { type ByteStream, openByteStream } from "./byte-stream.ts";

const PORTABLE = process.env["TURNPIKE_PORTABLE_SOCKETS"] === "1";
const KIB = 1024;

/** One connection: the stream at one end, a plain socket at the other. */
interface Ends {
  readonly stream: ByteStream;
  readonly socket: Socket;
  readonly other: Socket;
  /** What the owner was given: text of chunks, and `drain`. */
  readonly events: string[];
}

let server: Server;
const open: Socket[] = [];

async function ends(): Promise<Ends> {
  const { port } = server.address() as { port: number };
  const accepted = new Promise<Socket>((resolve) => server.once("connection", resolve));
  const other = connect({ port, host: "127.0.0.1", allowHalfOpen: true, noDelay: true });
  const socket = await accepted;
  open.push(socket, other);
  for (const one of [socket, other]) one.on("error", () => {});
  const events: string[] = [];
  const stream = openByteStream(socket, {
    onData: (chunk) => events.push(chunk.toString("latin1")),
    onDrain: () => events.push("drain"),
  });
  return { stream, socket, other, events };
}

async function until(holds: () => boolean, what: string): Promise<void> {
  for (let tries = 0; tries < 500; tries++) {
    if (holds()) return;
    await delay(10);
  }
  assert.fail(`never came: ${what}`);
}

/** Collects what arrives at the plain end. */
function collect(socket: Socket): { text: string; ended: boolean; reset: boolean } {
  const seen = { text: "", ended: false, reset: false };
  socket.on("data", (chunk: Buffer) => {
    seen.text += chunk.toString("latin1");
  });
  socket.on("end", () => {
    seen.ended = true;
  });
  socket.on("error", () => {
    seen.reset = true;
  });
  socket.resume();
  return seen;
}

/** Writes until there is no room, some of it as text, some as bytes; returns all of it. */
function fill(stream: ByteStream): string {
  let written = "";
  for (let i = 0; i < 2000; i++) {
    const part = `${i};`.padEnd(32 * KIB, String.fromCharCode(65 + (i % 26)));
    written += part;
    const room = i % 2 === 0 ? stream.write(part) : stream.writeBytes(Buffer.from(part, "latin1"));
    if (!room) return written;
  }
  assert.fail("there was always room");
}

describe(`the bytes of a socket (${PORTABLE ? "portable" : "on its handle"})`, () => {
  before(async () => {
    server = createServer({ allowHalfOpen: true, noDelay: true });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  });

  after(async () => {
    for (const socket of open) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  });

  test("are moved by the implementation that was asked for", async () => {
    const { stream } = await ends();
    assert.equal(stream.constructor.name, PORTABLE ? "SocketStream" : "HandleStream");
  });

  test("arrive in the order in which text and bytes were written", async () => {
    const { stream, other } = await ends();
    const seen = collect(other);
    let expected = "";
    for (let i = 0; i < 200; i++) {
      const text = `t${i}\xe9;`;
      const bytes = Buffer.from(`b${i}\xff;`.repeat(i), "latin1");
      stream.write(text);
      stream.writeBytes(bytes);
      expected += text + bytes.toString("latin1");
      if (i % 50 === 0) await delay(1);
    }
    await until(() => seen.text.length >= expected.length, "everything");
    assert.equal(seen.text, expected);
    assert.deepEqual([stream.pending, stream.unsent], [0, 0]);
  });

  test("reach the owner as they are, byte for byte", async () => {
    const { other, events } = await ends();
    const all = Buffer.from(Array.from({ length: 256 }, (_, code) => code)).toString("latin1");
    const sent = all.repeat(1000);
    other.write(Buffer.from(sent, "latin1"));
    await until(() => events.join("").length >= sent.length, "everything");
    assert.equal(events.join(""), sent);
  });

  test("wait in the kernel while the owner has paused, and none is lost", async () => {
    const { stream, other, events } = await ends();
    stream.pause();
    other.write("while paused");
    await delay(50);
    assert.deepEqual(events, []);
    stream.resume();
    await until(() => events.length > 0, "what waited");
    assert.equal(events.join(""), "while paused");
  });

  test("find no room when the other end does not read, and room again once it does", async () => {
    const { stream, other, events } = await ends();
    other.pause();
    const written = fill(stream);
    assert.ok(stream.pending > 0, "some of it waits");
    await delay(20);
    assert.equal(events.length, 0);
    const seen = collect(other);
    await until(() => events.includes("drain"), "drain");
    await until(() => seen.text.length >= written.length, "everything");
    assert.equal(seen.text === written, true, "whole and in order");
    assert.equal(stream.pending, 0);
    assert.deepEqual(events, ["drain"], "said once");
  });

  test("that were written before the end arrive before it", async () => {
    const { stream, other } = await ends();
    other.pause();
    const written = fill(stream);
    stream.write("last");
    stream.end();
    const seen = collect(other);
    await until(() => seen.ended, "FIN");
    assert.equal(seen.text === `${written}last`, true, "whole and in order");
    assert.equal(seen.reset, false);
  });

  test("still come in after our end has said its last", async () => {
    const { stream, other, events } = await ends();
    const seen = collect(other);
    stream.write("bye");
    stream.end();
    await until(() => seen.ended, "FIN");
    other.write("more");
    await until(() => events.length > 0, "what came after");
    assert.deepEqual([seen.text, events.join("")], ["bye", "more"]);
  });

  test("that break off are never mistaken for all there were: the other end sees a reset", async () => {
    const { stream, other } = await ends();
    const seen = collect(other);
    stream.write("half");
    stream.reset();
    await until(() => seen.reset || seen.ended, "an end");
    assert.equal(seen.reset, true);
  });

  test("close the socket also where their end had been said before they are broken off", async () => {
    const { stream, socket } = await ends();
    let closed = false;
    socket.on("close", () => {
      closed = true;
    });
    stream.write("all");
    stream.end();
    stream.reset();
    await until(() => closed, "the close");
  });

  test("belong to the socket after release, those written before it first", async () => {
    const { stream, socket, other, events } = await ends();
    const seen = collect(other);
    stream.write("ours ");
    stream.release();
    socket.write("theirs");
    await until(() => seen.text.length >= 11, "both");
    assert.equal(seen.text, "ours theirs");
    const given = collect(socket);
    other.write("for the socket");
    await until(() => given.text !== "", "what came after release");
    assert.deepEqual([given.text, events], ["for the socket", []]);
    other.end();
    await until(() => given.ended, "the end");
  });

  test("can be written to a socket that is gone, to no effect", async () => {
    const { stream, socket } = await ends();
    socket.destroy();
    assert.equal(stream.writeBytes(Buffer.from("x")), true);
    stream.write("x");
    stream.pause();
    stream.resume();
    stream.end();
    await delay(10);
  });
});

if (!PORTABLE) {
  test("the portable implementation passes the same tests", () => {
    const { NODE_TEST_CONTEXT: _, ...env } = process.env;
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      ["--test-reporter=tap", import.meta.filename],
      {
        env: { ...env, TURNPIKE_PORTABLE_SOCKETS: "1" },
        encoding: "utf8",
        timeout: 60_000,
      },
    );
    assert.equal(status, 0, stdout + stderr);
    assert.match(stdout, /^# pass 1[0-9]$/m);
  });
}
