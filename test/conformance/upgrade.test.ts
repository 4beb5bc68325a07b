/** STR-1, 3, 4, 7, N-04: a connection becomes a WebSocket only if both ends said so. */
import assert from "node:assert/strict";
import { createServer as createHttpServer, type Server } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { after, before, describe, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { WebSocket, WebSocketServer } from "ws";
import { startGateway, type TestGateway } from "../harness/gateway.ts";
import { type Answer, fieldsOf, ok } from "../harness/origin.ts";
import { parseResponses } from "../harness/raw.ts";
import { assertEnvelope, each, echo, eventually, get, SMUGGLED, Stand } from "./stand.ts";

const KEY = "dGhlIHNhbXBsZSBub25jZQ==";

function handshake(
  path: string,
  changes: Record<string, string | null> = {},
  method = "GET",
  version = "1.1",
): string {
  const fields: Record<string, string | null> = {
    Host: "example.com",
    Connection: "Upgrade",
    Upgrade: "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": KEY,
    ...changes,
  };
  const lines = Object.entries(fields).filter(([, value]) => value !== null);
  return `${method} ${path} HTTP/${version}\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join("")}\r\n`;
}

const SWITCH =
  "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

describe("a WebSocket of the `ws` package", () => {
  let server: WebSocketServer;
  let origin: Server;
  let gateway: TestGateway;
  const sockets = new Set<Socket>();
  before(async () => {
    origin = createHttpServer((_, response) => response.end("plain"));
    origin.on("connection", (socket) => sockets.add(socket));
    server = new WebSocketServer({
      server: origin,
      handleProtocols: (offered) => [...offered].at(-1) ?? false,
      perMessageDeflate: { threshold: 0 },
    });
    server.on("connection", (socket) => {
      socket.on("message", (data, isBinary) => socket.send(data as Buffer, { binary: isBinary }));
      socket.send("welcome");
    });
    await new Promise<void>((resolve) => origin.listen(0, "127.0.0.1", resolve));
    gateway = await startGateway({
      upstreams: { origin: { targets: [`http://127.0.0.1:${(origin.address() as AddressInfo).port}`] } },
      routes: [
        { name: "all", path: "/*", to: { upstream: "origin" } },
        { name: "shut", path: "/shut", to: { fixed: { status: 401, body: "no" } } },
      ],
    });
  });
  after(async () => {
    await gateway.stop();
    for (const socket of sockets) socket.destroy();
    server.close();
    origin.close();
  });

  function open(
    path: string,
    protocols: string[] = [],
    deflate = false,
  ): Promise<{ socket: WebSocket; messages: Buffer[] }> {
    const socket = new WebSocket(`ws://127.0.0.1:${gateway.port}${path}`, protocols, {
      perMessageDeflate: deflate,
    });
    const messages: Buffer[] = [];
    socket.on("message", (data) => messages.push(data as Buffer));
    return new Promise((resolve, reject) => {
      socket.on("open", () => resolve({ socket, messages }));
      socket.on("error", reject);
    });
  }

  test("passes messages of every size both ways, with and without compression", async () => {
    for (const deflate of [false, true]) {
      const { socket, messages } = await open("/ws", [], deflate);
      const sizes = [0, 1, 125, 126, 65_535, 65_536, 1_000_000];
      for (const size of sizes) socket.send(Buffer.alloc(size, size));
      await eventually(() => (messages.length === sizes.length + 1 ? true : undefined));
      assert.equal(messages[0]?.toString(), "welcome");
      assert.deepEqual(
        messages.slice(1).map(({ length }) => length),
        sizes,
      );
      assert.ok(
        messages.slice(1).every((bytes, at) => bytes.equals(Buffer.alloc(sizes[at] as number, sizes[at]))),
      );
      assert.equal(socket.extensions !== "", deflate);
      socket.close();
    }
  });

  test("negotiates its sub-protocol end to end", async () => {
    const { socket } = await open("/ws", ["one", "two"]);
    assert.equal(socket.protocol, "two");
    socket.close();
  });

  test("keeps close codes and reasons, whoever closes", async () => {
    const { socket } = await open("/ws");
    const [peer] = [...server.clients].slice(-1);
    const closed = new Promise((resolve) =>
      socket.on("close", (code, reason) => resolve([code, reason.toString()])),
    );
    peer?.close(4321, "the server's reason");
    assert.deepEqual(await closed, [4321, "the server's reason"]);

    const second = await open("/ws");
    const [other] = [...server.clients].slice(-1);
    const seen = new Promise((resolve) =>
      other?.on("close", (code, reason) => resolve([code, reason.toString()])),
    );
    second.socket.close(4999, "the client's reason");
    assert.deepEqual(await seen, [4999, "the client's reason"]);
  });

  test("ends when either end vanishes, with 1006 or 101x and not with a clean close", async () => {
    const { socket } = await open("/ws");
    const [peer] = [...server.clients].slice(-1);
    const closed = new Promise<number>((resolve) => socket.on("close", resolve));
    peer?.terminate();
    assert.ok([1006, 1011, 1014].includes(await closed));

    const second = await open("/ws");
    const [other] = [...server.clients].slice(-1);
    const seen = new Promise<number>((resolve) => other?.on("close", resolve));
    second.socket.terminate();
    assert.ok([1001, 1006].includes(await seen));
  });

  test("that the gateway refuses gets an HTTP answer", async () => {
    for (const [path, status] of [
      ["/shut", 401],
      ["/%2f", 400],
    ] as const) {
      const socket = new WebSocket(`ws://127.0.0.1:${gateway.port}${path}`);
      const response = await new Promise<number | undefined>((resolve) => {
        socket.on("unexpected-response", (_, answer) => resolve(answer.statusCode));
        socket.on("error", () => {});
      });
      assert.equal(response, status);
      socket.terminate();
    }
  });

  test("is 50 at once, each its own", async () => {
    await each(
      Array.from({ length: 50 }, (_, at) => ({ name: `${at}`, at })),
      async ({ at }) => {
        const { socket, messages } = await open(`/ws/${at}`);
        for (let turn = 0; turn < 10; turn++) socket.send(`${at}-${turn}`);
        await eventually(() => (messages.length === 11 ? true : undefined));
        assert.deepEqual(
          messages.slice(1).map(String),
          Array.from({ length: 10 }, (_, turn) => `${at}-${turn}`),
        );
        socket.close();
      },
    );
  });
});

describe("a handshake", () => {
  let stand: Stand;
  before(async () => {
    stand = await Stand.open();
  });
  after(() => stand.close());

  test("is made again for the upstream, with the client's key, version, protocols and extensions", async () => {
    stand.origin.answer = () => SWITCH;
    const client = await stand.client();
    client.send(
      handshake("/again", {
        Connection: "keep-alive, Upgrade, X-Hop",
        Upgrade: "WebSocket",
        "X-Hop": "1",
        "Sec-WebSocket-Protocol": "a, b",
        "Sec-WebSocket-Extensions": "permessage-deflate",
      }),
    );
    const response = await client.response();
    assert.equal(response.status, 101);
    assert.deepEqual(response.headers.get("connection"), ["Upgrade"]);
    assert.deepEqual(response.headers.get("upgrade"), ["websocket"]);
    assert.deepEqual(response.headers.get("sec-websocket-accept"), ["s3pPLMBiTxaQ9kYGzzhZRbK+xOo="]);
    assert.equal(response.headers.get("content-length"), undefined);
    assert.equal(response.headers.get("transfer-encoding"), undefined);
    const seen = await stand.arrived("/again");
    assert.deepEqual(fieldsOf(seen, "connection"), ["Upgrade"]);
    assert.deepEqual(fieldsOf(seen, "upgrade"), ["websocket"]);
    assert.deepEqual(fieldsOf(seen, "sec-websocket-key"), [KEY]);
    assert.deepEqual(fieldsOf(seen, "sec-websocket-version"), ["13"]);
    assert.deepEqual(fieldsOf(seen, "sec-websocket-protocol"), ["a, b"]);
    assert.deepEqual(fieldsOf(seen, "sec-websocket-extensions"), ["permessage-deflate"]);
    assert.deepEqual(fieldsOf(seen, "x-hop"), []);
    client.destroy();
    stand.origin.answer = echo;
  });

  test("with a missing or other version gets 426 and the version that is spoken", async () => {
    const before = stand.origin.requests.length;
    for (const version of [null, "", "8", "12", "14", "013", "13, 8", "8, 13", "13.0", "x"]) {
      const client = await stand.client();
      client.send(handshake("/version", { "Sec-WebSocket-Version": version }));
      const response = await client.response();
      assert.equal(response.status, 426, String(version));
      assertEnvelope(response, "UPGRADE_REQUIRED");
      assert.deepEqual(response.headers.get("sec-websocket-version"), ["13"]);
      client.destroy();
    }
    assert.equal(stand.origin.requests.length, before);
  });

  test("with a bad key, body or method gets 400 or 405, and nothing of it is forwarded", async () => {
    const before = stand.origin.requests.length;
    const rows: [name: string, bytes: string][] = [
      ...[
        null,
        "",
        "x",
        "AAAA",
        `${KEY}x`,
        KEY.slice(0, 22),
        KEY.replace("dG", "d "),
        "dGhlIHNhbXBsZSBub25jZR==",
        "////////////////////////",
        `${KEY}, ${KEY}`,
      ].map((key): [string, string] => [`key ${key}`, handshake("/key", { "Sec-WebSocket-Key": key })]),
      ["two keys", handshake("/key", { "Sec-WebSocket-Key": `${KEY}\r\nSec-WebSocket-Key: ${KEY}` })],
      ["a body", `${handshake("/body", { "Content-Length": "5" })}hello`],
      ["chunks", `${handshake("/body", { "Transfer-Encoding": "chunked" })}0\r\n\r\n`],
      ...["POST", "PUT", "DELETE", "OPTIONS", "PATCH", "QUERY"].map((method): [string, string] => [
        method,
        handshake("/method", {}, method),
      ]),
    ];
    await each(
      rows.map(([name, bytes]) => ({ name, bytes })),
      async ({ bytes }) => {
        const client = await stand.client();
        client.send(bytes + SMUGGLED);
        await client.untilClosed();
        const responses = parseResponses(client.received);
        assert.deepEqual(
          responses.map(({ status }) => [400, 405].includes(status)),
          [true],
        );
        client.destroy();
      },
    );
    assert.equal(stand.origin.requests.length, before);
    await stand.victim();
    await stand.audit();
  });

  test("of another protocol, or that is none, is served as if `Upgrade` were not there", async () => {
    const rows: [name: string, bytes: string][] = [
      ...[
        "h2c",
        "HTTP/2.0",
        "TLS/1.2",
        "foo",
        "websockets",
        "web socket",
        "IRC/6.9, RTA/x11",
        "h2c, foo",
      ].map((protocol): [string, string] => [
        protocol,
        `GET /other/${rowsMade()} HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: ${protocol}\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n`,
      ]),
      ["no Connection", handshake(`/other/${rowsMade()}`, { Connection: null })],
      ["Connection without upgrade", handshake(`/other/${rowsMade()}`, { Connection: "keep-alive" })],
      ["no Upgrade", handshake(`/other/${rowsMade()}`, { Upgrade: null })],
      ["HTTP/1.0", handshake(`/other/${rowsMade()}`, { Connection: "Upgrade, keep-alive" }, "GET", "1.0")],
    ];
    await each(
      rows.map(([name, bytes]) => ({ name, bytes })),
      async ({ bytes }) => {
        const path = bytes.split(" ")[1] as string;
        const client = await stand.client();
        client.send(bytes + get(`${path}/next`));
        const [first, second] = await client.responses(2);
        assert.equal(first?.body.toString(), `GET ${path} 0`);
        assert.equal(second?.body.toString(), `GET ${path}/next 0`);
        assert.equal(first?.headers.get("upgrade"), undefined);
        const seen = await stand.arrived(path);
        assert.deepEqual(fieldsOf(seen, "upgrade"), []);
        assert.deepEqual(fieldsOf(seen, "connection"), []);
        assert.deepEqual(fieldsOf(seen, "http2-settings"), []);
        client.destroy();
      },
    );
  });

  let made = 0;
  function rowsMade(): number {
    return made++;
  }
});

describe("the bytes behind a handshake", () => {
  const FRAME = Buffer.from([0x81, 0x83, 0, 0, 0, 0, 0x61, 0x62, 0x63]);

  test("are held back until the upstream has switched, then passed on untouched and in order", async () => {
    let agree = () => {};
    const answer: Answer = (_, socket) => {
      agree = () => {
        socket.write(`${SWITCH}\x81\x02hi`);
      };
      return null;
    };
    await using stand = await Stand.open({}, { answer });
    for (const when of ["in the same packet", "later"]) {
      const path = `/held/${when.length}`;
      const client = await stand.client();
      const bytes = Buffer.concat([FRAME, Buffer.from(SMUGGLED), Buffer.from(handshake("/evil"))]);
      if (when === "later") client.send(handshake(path));
      else client.send(Buffer.concat([Buffer.from(handshake(path)), bytes]));
      await stand.arrived(path);
      if (when === "later") client.send(bytes);
      await delay(30);
      assert.doesNotMatch(stand.origin.text, /evil/, `${when}: forwarded before 101`);
      assert.equal(client.received.length, 0);
      agree();
      await client.until(() => client.text.endsWith("\x81\x02hi"));
      const index = await stand.untilText(path);
      await eventually(() => {
        const text = stand.origin.bytes[index] as Buffer;
        return text.subarray(text.indexOf("\r\n\r\n") + 4).equals(bytes) || undefined;
      });
      client.destroy();
      // Only the bytes of a tunnel, not requests: start afresh.
      stand.origin.bytes.splice(0);
    }
  });

  test("are neither forwarded nor answered where the upstream says something else, and both connections end", async () => {
    const answers: [name: string, answer: string, status: number][] = [
      ["200", ok("plain").toString(), 200],
      ["200 in chunks", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nplain\r\n0\r\n\r\n", 200],
      ["204", "HTTP/1.1 204 No Content\r\n\r\n", 204],
      ["302", "HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n", 302],
      ["400", "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n", 400],
      ["401", "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic\r\nContent-Length: 2\r\n\r\nno", 401],
      [
        "426",
        "HTTP/1.1 426 Upgrade Required\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nContent-Length: 0\r\n\r\n",
        426,
      ],
      ["503", "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n", 503],
      [
        "101 to another protocol",
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n",
        502,
      ],
      ["101 to none", "HTTP/1.1 101 Switching Protocols\r\n\r\n", 502],
      ["garbage", "nonsense\r\n\r\n", 502],
    ];
    await using stand = await Stand.open();
    await each(
      answers.map(([name, answer, status]) => ({ name, answer, status })),
      async ({ name, answer, status }, at) => {
        stand.origin.answer = (request, socket) =>
          request.target.startsWith("/other") ? answer : echo(request, socket);
        for (const when of ["in the same packet", "before the answer", "after it"]) {
          const path = `/other/${at}/${when.length}`;
          const client = await stand.client();
          const bytes = Buffer.concat([FRAME, Buffer.from(SMUGGLED)]);
          if (when === "in the same packet")
            client.send(Buffer.concat([Buffer.from(handshake(path)), Buffer.from(SMUGGLED)]));
          else client.send(handshake(path));
          if (when === "before the answer") client.send(bytes);
          await client.until(() => parseResponses(client.received).length > 0);
          if (when === "after it") client.send(SMUGGLED);
          await client.untilClosed();
          const responses = parseResponses(client.received);
          assert.deepEqual(
            responses.map((response) => response.status),
            [status],
            when,
          );
          assert.deepEqual(responses[0]?.headers.get("connection"), ["close"], `${name} ${when}`);
          client.destroy();
          await stand.victim();
        }
      },
      1,
    );
    assert.ok(!stand.origin.requests.some(({ target }) => target.includes("evil")));
    await stand.audit();
  });

  test("wait for an upstream that never answers until its time is over, then 504", async () => {
    await using stand = await Stand.open(
      {},
      { answer: () => null, time: "by hand", upstream: { timeout: { firstByte: "2s" } } },
    );
    const client = await stand.client();
    client.send(handshake("/never") + SMUGGLED);
    await stand.arrived("/never");
    stand.gateway.clock.advance(2_200);
    await client.untilClosed();
    assert.deepEqual(
      parseResponses(client.received).map(({ status }) => status),
      [504],
    );
    client.destroy();
    assert.doesNotMatch(stand.origin.text, /evil/);
  });

  test("meet a 101 that comes late: the tunnel opens all the same", async () => {
    await using stand = await Stand.open({}, { answer: () => null, time: "by hand" });
    let late: Socket | null = null;
    stand.origin.answer = (_, socket) => {
      late = socket;
      return null;
    };
    const client = await stand.client();
    client.send(handshake("/late"));
    await stand.arrived("/late");
    stand.gateway.clock.advance(10_000);
    (late as Socket | null)?.write(SWITCH);
    assert.equal((await client.response()).status, 101);
    client.send(FRAME);
    const index = await stand.untilText("/late");
    await eventually(() => stand.origin.bytes[index]?.includes(FRAME) || undefined);
    client.destroy();
  });

  test("do not reach anybody when the client has gone before 101: the upstream connection is closed", async () => {
    await using stand = await Stand.open({}, { answer: () => null });
    const client = await stand.client();
    client.send(handshake("/gone"));
    await stand.arrived("/gone");
    client.destroy();
    await eventually(() => stand.origin.open === 0 || undefined);
  });

  test("an interim answer before the 101 does not open the tunnel", async () => {
    await using stand = await Stand.open(
      {},
      { answer: () => `HTTP/1.1 103 Early Hints\r\nUpgrade: websocket\r\n\r\n${SWITCH}` },
    );
    const client = await stand.client();
    client.send(handshake("/hints"));
    assert.equal((await client.response()).status, 101);
    assert.deepEqual(client.text.match(/HTTP\/1\.1 \d+/g), ["HTTP/1.1 103", "HTTP/1.1 101"]);
    client.destroy();
  });
});
