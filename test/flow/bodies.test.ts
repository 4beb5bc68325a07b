/** Bodies of every size arrive as they were sent, both ways, however they are framed and cut into packets. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, request, type Server } from "node:http";
import { connect } from "node:net";
import { after, before, describe, test } from "node:test";
import { setTimeout as delay, setImmediate as nextTurn } from "node:timers/promises";
import { startGateway, type TestGateway } from "../harness/gateway.ts";

const KIB = 1024;
const MIB = 1024 * KIB;
const SIZES = [
  0,
  1,
  2,
  8 * KIB - 1,
  16 * KIB - 1,
  16 * KIB,
  16 * KIB + 1,
  64 * KIB - 1,
  64 * KIB,
  64 * KIB + 1,
  MIB,
  50_000_000,
];
/** Sizes of the pieces that a body is written in; odd ones, so that they fit no buffer. */
const PIECES = [1, 3, 1009, 16_383, 65_537, 1_000_003];

const digest = (bytes: Buffer) => createHash("sha256").update(bytes).digest("hex");

/** The same bytes for a size every time; no part of them repeats. */
function bytesOf(size: number): Buffer {
  return createHash("shake256", { outputLength: size }).update(`body of ${size}`).digest();
}

/** Pieces in turn; the tiny ones only while the body is small, or it would take minutes. */
function* inPieces(bytes: Buffer): Generator<Buffer> {
  for (let at = 0, n = 0; at < bytes.length; n++) {
    const size = Math.max(PIECES[n % PIECES.length] as number, bytes.length > MIB ? 10_007 : 1);
    yield bytes.subarray(at, at + size);
    at += size;
  }
}

describe("a body", () => {
  let origin: Server;
  let gateway: TestGateway;
  before(async () => {
    origin = createServer((incoming, answer) => {
      const [, framing = "", size = "0"] = (incoming.url ?? "").split("/");
      if (incoming.method === "POST") {
        void hashOf(incoming).then((hash) => {
          answer.end(JSON.stringify({ hash, framing: incoming.headers["transfer-encoding"] ?? "length" }));
        });
        return;
      }
      const bytes = bytesOf(Number(size));
      if (framing === "length") answer.setHeader("Content-Length", bytes.length);
      else answer.flushHeaders();
      for (const piece of inPieces(bytes)) answer.write(piece);
      answer.end();
    });
    origin.listen(0, "127.0.0.1");
    await once(origin, "listening");
    const { port } = origin.address() as { port: number };
    gateway = await startGateway({
      upstreams: { origin: { targets: [`http://127.0.0.1:${port}`] } },
      routes: [{ name: "all", path: "/*", to: { upstream: "origin" }, limits: { body: "unlimited" } }],
    });
  });
  after(async () => {
    await gateway.stop();
    origin.closeAllConnections();
    await new Promise((resolve) => origin.close(resolve));
  });

  for (const size of SIZES) {
    for (const framing of ["length", "chunked"] as const) {
      test(`of ${size} B arrives whole at the client, ${framing}`, async () => {
        const sent = request({
          port: gateway.port,
          host: "127.0.0.1",
          path: `/${framing}/${size}`,
          agent: false,
        });
        sent.end();
        const [answer] = (await once(sent, "response")) as [IncomingMessage];
        assert.equal(answer.statusCode, 200);
        assert.equal(await hashOf(answer), digest(bytesOf(size)));
        assert.ok(answer.complete);
      });

      test(`of ${size} B arrives whole at the origin, ${framing}`, async () => {
        const bytes = bytesOf(size);
        const head = `POST /up HTTP/1.1\r\nHost: example\r\nConnection: close\r\n`;
        const socket = connect({ port: gateway.port, host: "127.0.0.1" });
        const answered = textOf(socket);
        socket.write(
          framing === "length"
            ? `${head}Content-Length: ${size}\r\n\r\n`
            : `${head}Transfer-Encoding: chunked\r\n\r\n`,
        );
        for (const piece of inPieces(bytes)) {
          const room =
            framing === "length"
              ? socket.write(piece)
              : socket.write(
                  Buffer.concat([
                    Buffer.from(`${piece.length.toString(16)}\r\n`),
                    piece,
                    Buffer.from("\r\n"),
                  ]),
                );
          if (!room) await once(socket, "drain");
        }
        if (framing === "chunked") socket.write("0\r\n\r\n");
        const text = await answered;
        assert.match(text, /^HTTP\/1\.1 200 /);
        assert.ok(text.includes(`"hash":"${digest(bytes)}"`), text.slice(0, 500));
        assert.ok(text.includes(`"framing":"${framing}"`), "the framing was changed");
      });
    }
  }

  test("of 3 MB arrives whole where 60 of them go both ways at once, at different speeds", async () => {
    const size = 3_000_000;
    const expected = digest(bytesOf(size));
    const transfers = Array.from({ length: 60 }, async (_, n) => {
      const framing = n % 2 === 0 ? "length" : "chunked";
      if (n % 3 === 0) {
        const sent = request({
          port: gateway.port,
          host: "127.0.0.1",
          path: "/up",
          method: "POST",
          agent: false,
        });
        if (framing === "length") sent.setHeader("Content-Length", size);
        for (const piece of inPieces(bytesOf(size))) {
          if (!sent.write(piece)) await once(sent, "drain");
          // Some write slowly, so that others pass them.
          if (n % 4 === 0) await nextTurn();
        }
        sent.end();
        const [answer] = (await once(sent, "response")) as [IncomingMessage];
        assert.ok((await textOf(answer)).includes(expected), `upload ${n} was damaged`);
        return;
      }
      const sent = request({
        port: gateway.port,
        host: "127.0.0.1",
        path: `/${framing}/${size}`,
        agent: false,
      });
      sent.end();
      const [answer] = (await once(sent, "response")) as [IncomingMessage];
      const hash = createHash("sha256");
      for await (const chunk of answer) {
        hash.update(chunk as Buffer);
        if (n % 4 === 1) await delay(1);
      }
      assert.equal(hash.digest("hex"), expected, `download ${n} was damaged`);
    });
    await Promise.all(transfers);
  });
});

async function hashOf(stream: IncomingMessage): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of stream) hash.update(chunk as Buffer);
  return hash.digest("hex");
}

async function textOf(stream: AsyncIterable<unknown>): Promise<string> {
  let text = "";
  for await (const chunk of stream) text += (chunk as Buffer).toString("latin1");
  return text;
}
