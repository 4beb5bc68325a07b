/** F-03, I-04: an origin that breaks off anywhere. A POST is never sent twice, and no half answer passes for a whole one. */
import assert from "node:assert/strict";
import type { Socket } from "node:net";
import { describe, test } from "node:test";
import { askOnce, errorCode, get, post } from "../harness/ask.ts";
import { cleanUpAfterEach, connect, startOrigin, startWith } from "./stand.ts";

cleanUpAfterEach();

const RETRY = {
  attempts: 3,
  backoff: "0s",
  minimum: 1000,
  on: ["unreachable", "disconnected", "timeout", 502, 503, 504],
};

const ANSWERS = {
  "with a length": "HTTP/1.1 200 OK\r\nContent-Length: 12\r\nX-A: b\r\n\r\nhello, world",
  chunked: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nhello,\r\n6\r\n world\r\n0\r\n\r\n",
};

const ENDS: Readonly<Record<string, (socket: Socket) => void>> = {
  "resets it": (socket) => socket.resetAndDestroy(),
  "closes it": (socket) => socket.end(),
};

for (const [framing, answer] of Object.entries(ANSWERS)) {
  for (const [how, end] of Object.entries(ENDS)) {
    describe(`an origin that ${how} after any number of bytes of an answer ${framing}`, () => {
      test("gets a POST once, and its client a 502 or an answer that is visibly cut", async () => {
        const origin = await startOrigin(() => null);
        const gateway = await startWith({ targets: [origin.url], retry: RETRY, idempotent: true });
        const headEnd = answer.indexOf("\r\n\r\n") + 4;
        for (let cut = 0; cut < answer.length; cut++) {
          origin.reset();
          origin.answer = (_, socket) => {
            socket.write(answer.slice(0, cut), () => end(socket));
            return null;
          };
          const client = await connect(gateway.port);
          client.send(post(`/cut/${cut}`, "pay"));
          await client.until(() => client.closed !== null || /\r\n\r\n\{.*\}$/s.test(client.text));
          assert.equal(origin.requests.length, 1, `${cut} bytes: the POST was repeated`);
          if (client.text.startsWith("HTTP/1.1 200 ")) {
            assert.ok(cut >= headEnd, `${cut} bytes`);
            assert.equal(client.closed, "reset", `${cut} bytes: a clean end`);
          } else assert.match(client.text, /^HTTP\/1.1 502 /, `${cut} bytes`);
          client.destroy();
        }
      });

      test("is asked for a GET again while no head has come, and not afterwards", async () => {
        const origin = await startOrigin(() => null);
        const gateway = await startWith({ targets: [origin.url], retry: RETRY });
        const headEnd = answer.indexOf("\r\n\r\n") + 4;
        for (let cut = 0; cut < answer.length; cut += 5) {
          origin.reset();
          origin.answer = (_, socket) => {
            if (origin.requests.length > 1) return answer;
            socket.write(answer.slice(0, cut), () => end(socket));
            return null;
          };
          const client = await connect(gateway.port);
          client.send(get(`/cut/${cut}`, "Connection: close\r\n"));
          await client.untilClosed();
          assert.match(client.text, /^HTTP\/1.1 200 /, `${cut} bytes`);
          if (cut < headEnd) {
            assert.equal(origin.requests.length, 2, `${cut} bytes`);
            assert.equal(client.closed, "fin", `${cut} bytes`);
          }
          client.destroy();
        }
      });
    });
  }
}

describe("an origin that resets every connection as soon as it is open", () => {
  test("gets a POST at most once, and a GET as often as there are attempts", async () => {
    const origin = await startOrigin(() => null);
    origin.onConnection = (socket) => socket.resetAndDestroy();
    const gateway = await startWith({ targets: [origin.url], retry: RETRY });
    for (let i = 0; i < 20; i++) {
      const connections = origin.connections;
      const response = await askOnce(gateway.port, i % 2 === 0 ? get("/") : post("/", "body"));
      assert.equal(response.status, 502);
      assert.match(errorCode(response) ?? "", /^UPSTREAM_(DISCONNECTED|UNREACHABLE)$/);
      const attempts = origin.connections - connections;
      assert.ok(attempts <= 3, `${attempts} connections`);
    }
  });
});
