/** H-10: what an upstream answers is a message, or it is 502 and the end of that connection. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { ok } from "../harness/origin.ts";
import { parseResponses } from "../harness/raw.ts";
import { assertEnvelope, CONTROLS, each, eventually, get, named, Stand } from "./stand.ts";

interface Bad {
  readonly name: string;
  readonly answer: string;
}

const EVIL = "HTTP/1.1 200 OK\r\nX-Evil: 1\r\nContent-Length: 4\r\n\r\nevil";

/** Fields of an otherwise good answer. */
function fields(name: string, text: string, body = "ok"): Bad {
  return { name, answer: `HTTP/1.1 200 OK\r\n${text}\r\n${body}${EVIL}` };
}

function line(text: string): Bad {
  return {
    name: `status line ${JSON.stringify(text)}`,
    answer: `${text}\r\nContent-Length: 2\r\n\r\nok${EVIL}`,
  };
}

describe("an upstream's answer", () => {
  let stand: Stand;
  before(async () => {
    stand = await Stand.open();
  });
  after(() => stand.close());

  /** 502 in our own words, that connection closed, and the next client unharmed. */
  async function becomes502(rows: readonly Bad[], cut = false): Promise<void> {
    await each(
      rows,
      async ({ answer }, at) => {
        const path = `/bad/${at}`;
        stand.origin.answer = ({ target }, socket) => {
          if (target !== path) return ok(target);
          if (!cut) return Buffer.from(answer, "latin1");
          void (async () => {
            for (const byte of Buffer.from(answer, "latin1")) {
              if (socket.destroyed) return;
              await new Promise<void>((resolve) => socket.write(Buffer.of(byte), () => resolve()));
            }
          })();
          return null;
        };
        const client = await stand.client();
        client.send(get(path));
        const response = await client.response();
        assert.equal(response.status, 502);
        assertEnvelope(response, "UPSTREAM_INVALID_RESPONSE");
        // The client did nothing wrong: its connection goes on, and in step.
        client.send(get(`/good/${at}`));
        const [, second, third] = await client.responses(2);
        assert.equal(second?.body.toString(), `/good/${at}`);
        assert.equal(third, undefined);
        assert.doesNotMatch(client.text, /evil/i);
        client.destroy();
        const index = await stand.untilText(`${path} `);
        const text = stand.origin.bytes[index]?.toString("latin1") ?? "";
        assert.ok(!text.includes(`/good/${at} `), "the connection was used again");
      },
      1,
    );
    await eventually(() => (stand.origin.open <= 1 ? true : undefined));
  }

  test("that frames its body in two ways, or in none that is known, becomes 502", async () => {
    const rows = [
      fields("CL + TE", "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n", "2\r\nok\r\n0\r\n\r\n"),
      fields("TE + CL", "Transfer-Encoding: chunked\r\nContent-Length: 2\r\n", "2\r\nok\r\n0\r\n\r\n"),
      fields("two CL", "Content-Length: 2\r\nContent-Length: 3\r\n"),
      fields("two equal CL", "Content-Length: 2\r\nContent-Length: 2\r\n"),
      ...[
        "",
        " ",
        "2, 2",
        "2,3",
        "+2",
        "-2",
        "-0",
        "0x2",
        "2.0",
        "2e0",
        "2_0",
        "two",
        "99999999999999999999",
        "2 2",
        '"2"',
        "\u00b2",
      ].map((value) => fields(`CL ${JSON.stringify(value)}`, `Content-Length: ${value}\r\n`)),
      ...[
        "",
        "chunked, gzip",
        "gzip, chunked",
        "gzip",
        "identity",
        "chunked, chunked",
        "xchunked",
        "chunked;q=1",
        '"chunked"',
        "chunked,",
        ",chunked",
      ].map((value) =>
        fields(`TE ${JSON.stringify(value)}`, `Transfer-Encoding: ${value}\r\n`, "2\r\nok\r\n0\r\n\r\n"),
      ),
      fields(
        "two TE",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
        "2\r\nok\r\n0\r\n\r\n",
      ),
      {
        name: "TE in HTTP/1.0",
        answer: `HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n${EVIL}`,
      },
    ];
    await becomes502(rows);
  });

  test("with a malformed line end, folded line, name or control byte becomes 502", async () => {
    const length = "Content-Length: 2\r\n";
    const rows = [
      { name: "bare LF", answer: `HTTP/1.1 200 OK\nContent-Length: 2\n\nok${EVIL}` },
      { name: "bare LF in the status line", answer: `HTTP/1.1 200 OK\n${length}\r\nok` },
      { name: "bare CR in the status line", answer: `HTTP/1.1 200 OK\r${length}\r\nok` },
      { name: "bare LF behind a field", answer: `HTTP/1.1 200 OK\r\nA: b\n${length}\r\nok` },
      { name: "bare LF as the last line", answer: `HTTP/1.1 200 OK\r\n${length}\nok${EVIL}` },
      { name: "CR X as the last line", answer: `HTTP/1.1 200 OK\r\n${length}\rXok` },
      fields("obs-fold", `A: b\r\n c\r\n${length}`),
      fields("obs-fold with HTAB", `A: b\r\n\tc\r\n${length}`),
      fields("obs-fold of a length", "Content-Length:\r\n 2\r\n"),
      fields("white space before the first field", ` A: b\r\n${length}`),
      fields("space before a colon", `A : b\r\n${length}`),
      fields("space before the colon of a length", "Content-Length : 2\r\n"),
      fields("space before the colon of a coding", "Transfer-Encoding : chunked\r\n"),
      fields("no colon", `A\r\n${length}`),
      fields("empty name", `: b\r\n${length}`),
      fields("a name in quotes", `"A": b\r\n${length}`),
      ...CONTROLS.flatMap((byte) => {
        const char = String.fromCharCode(byte);
        return [
          fields(`${named(byte)} in a value`, `A: b${char}c\r\n${length}`),
          fields(`${named(byte)} in a name`, `A${char}A: b\r\n${length}`),
          fields(`${named(byte)} behind a value`, `A: b${char}\r\n${length}`),
          line(`HTTP/1.1 200 O${char}K`),
        ];
      }),
    ];
    // In a reason phrase or value, CR and LF only begin the line end that other rows break.
    await becomes502(rows);
  });

  test("with a malformed status line becomes 502", async () => {
    const lines = [
      "HTTP/1.1 099 No",
      "HTTP/1.1 000 No",
      "HTTP/1.1 600 No",
      "HTTP/1.1 999 No",
      "HTTP/1.1 20 OK",
      "HTTP/1.1 2000 OK",
      "HTTP/1.1 2x0 OK",
      "HTTP/1.1 -20 OK",
      "HTTP/1.1 +20 OK",
      "HTTP/1.1  200 OK",
      "HTTP/1.1\t200 OK",
      "HTTP/1.1200 OK",
      "HTTP/1.1 OK",
      "HTTP/1.1",
      "HTTP/1.2 200 OK",
      "HTTP/2.0 200 OK",
      "HTTP/2 200 OK",
      "HTTP/0.9 200 OK",
      "HTTP/11 200 OK",
      "http/1.1 200 OK",
      "ICY 200 OK",
      " HTTP/1.1 200 OK",
      "\r\nHTTP/1.1 200 OK",
      "200 OK",
      "GET / HTTP/1.1",
      "+OK ready",
      "220 mail.example ESMTP",
      "SSH-2.0-OpenSSH_9.2",
      "<html>hello</html>",
      "\x15\x03\x01\x00\x02\x02\x50",
      "\0\0\0\0",
      "HTTP/1.1 \u00b2\u00b2\u00b2 OK",
      `HTTP/1.1 200 ${"x".repeat(2000)}`,
    ];
    await becomes502(lines.map(line));
  });

  test("is refused alike where it comes byte by byte", async () => {
    await becomes502(
      [
        fields("CL + TE", "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n"),
        fields("two CL", "Content-Length: 2\r\nContent-Length: 3\r\n"),
        fields("obs-fold", "A: b\r\n c\r\nContent-Length: 2\r\n"),
        line("HTTP/1.1 099 No"),
        line("garbage"),
      ],
      true,
    );
  });

  test("with 20 KiB or 1,000 fields becomes 502; with what fits it passes whole", async () => {
    const length = "Content-Length: 2\r\n";
    await becomes502([
      fields("one field of 20 KiB", `A: ${"b".repeat(20_000)}\r\n${length}`),
      fields("one field of 9 KiB", `A: ${"b".repeat(9 * 1024)}\r\n${length}`),
      fields("many fields of 4 KiB", `${`A: ${"b".repeat(4000)}\r\n`.repeat(5)}${length}`),
      fields("1,000 fields", `${"A: b\r\n".repeat(1000)}${length}`),
      fields("101 fields", `${"A: b\r\n".repeat(100)}${length}`),
      { name: "an endless head", answer: `HTTP/1.1 200 OK\r\n${"A: b".repeat(50_000)}` },
    ]);
    stand.origin.answer = () => ok("whole", "X-A: b\r\n".repeat(99));
    const response = await stand.ask(get("/99"));
    assert.equal(response.headers.get("x-a")?.length, 99);
    assert.equal(response.body.toString(), "whole");
  });

  test("of 101 that nobody asked for becomes 502", async () => {
    await becomes502(
      ["Upgrade: websocket", "Upgrade: h2c", "Upgrade: TLS/1.2", "A: b"].map((field) => ({
        name: field,
        answer: `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n${field}\r\n\r\n${EVIL}`,
      })),
    );
  });

  test("of 1,000 interim answers becomes 502, and of a few they are passed on before the final one", async () => {
    stand.origin.answer = () => "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n".repeat(1000) + EVIL;
    const client = await stand.client();
    client.send(get("/hints"));
    const response = await client.response();
    assert.equal(response.status, 502);
    assert.ok((client.text.match(/HTTP\/1\.1 103/g) ?? []).length <= 64);
    assert.doesNotMatch(client.text, /evil/i);
    client.destroy();

    stand.origin.answer = () =>
      `HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\nConnection: X-Hop\r\nX-Hop: 1\r\n\r\n${ok("final")}`;
    const modern = await stand.client();
    modern.send(get("/hints"));
    assert.equal((await modern.response()).body.toString(), "final");
    assert.deepEqual(modern.text.match(/HTTP\/1\.1 \d+/g), ["HTTP/1.1 102", "HTTP/1.1 103", "HTTP/1.1 200"]);
    assert.match(modern.text, /Link: <\/a>\r\n/);
    assert.doesNotMatch(modern.text, /X-Hop/i);
    modern.destroy();
    // HTTP/1.0 has no interim answers.
    const old = await stand.client();
    old.send("GET /hints HTTP/1.0\r\nHost: a\r\n\r\n");
    assert.equal((await old.response()).body.toString(), "final");
    assert.deepEqual(old.text.match(/HTTP\/1\.1 \d+/g), ["HTTP/1.1 200"]);
    old.destroy();
  });

  test("of a status without content never carries its body to the client, nor its length with 204", async () => {
    const rows = [204, 304].flatMap((status) =>
      ["Content-Length: 4\r\n", "Transfer-Encoding: chunked\r\n", ""].flatMap((framing) =>
        ["evil", "4\r\nevil\r\n0\r\n\r\n", EVIL, ""].map((body) => ({
          name: `${status} ${JSON.stringify(framing)} ${JSON.stringify(body.slice(0, 10))}`,
          status,
          answer: `HTTP/1.1 ${status} X\r\n${framing}ETag: "1"\r\n\r\n${body}`,
        })),
      ),
    );
    await each(
      rows,
      async ({ status, answer }, at) => {
        stand.origin.answer = ({ target }) => (target.startsWith("/empty") ? answer : ok(target));
        const client = await stand.client();
        client.send(get(`/empty/${at}`));
        client.send(get(`/good/${at}`));
        const [first, second] = await client.responses(2);
        assert.equal(first?.status, status);
        assert.deepEqual(first?.headers.get("etag"), ['"1"']);
        assert.equal(first?.headers.get("transfer-encoding"), undefined);
        if (status === 204) assert.equal(first?.headers.get("content-length"), undefined);
        assert.equal(second?.body.toString(), `/good/${at}`);
        assert.doesNotMatch(client.text, /evil/i);
        client.destroy();
      },
      1,
    );
  });

  test("that breaks the chunked coding after its head was passed on cuts the client off, never cleanly", async () => {
    const broken = [
      "2\nok",
      "2 \r\nok",
      "2\r\nokX",
      "0x2\r\nok",
      "\r\nok",
      "2;\r\nok",
      "ffffffffffffffff\r\nok",
      "0\r\nbad trailer\r\n\r\n",
      "0\r\nA: b\n\r\n",
      "0\r\n A: b\r\n\r\n",
      EVIL,
    ];
    await each(
      broken.map((bytes) => ({ name: JSON.stringify(bytes.slice(0, 20)), bytes })),
      async ({ bytes }, at) => {
        let breakIt = (): unknown => assert.fail("nobody asked the origin");
        stand.origin.answer = ({ target }, socket) => {
          if (target.startsWith("/good")) return ok(target);
          breakIt = () => socket.write(bytes);
          socket.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\ngood\r\n");
          return null;
        };
        const client = await stand.client();
        client.send(get(`/chunks/${at}`));
        await client.until(() => client.text.includes("good"));
        breakIt();
        assert.equal(await client.untilClosed(), "reset");
        assert.doesNotMatch(client.text, /\r\n0\r\n/);
        client.destroy();
        assert.equal((await stand.ask(get("/good"))).body.toString(), "/good");
      },
      1,
    );
  });

  test("that ends too early cuts the client off, never cleanly, whatever its framing", async () => {
    const heads = [
      "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\ngood",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\ngood\r\n",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\ngood",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\ngood\r\n0\r\n",
    ];
    const ends = ["end", "reset"] as const;
    for (const head of heads) {
      for (const end of ends) {
        let endIt = (): unknown => assert.fail("nobody asked the origin");
        stand.origin.answer = (_, socket) => {
          endIt = () => (end === "end" ? socket.end() : socket.resetAndDestroy());
          socket.write(head);
          return null;
        };
        for (const version of ["1.1", "1.0"]) {
          const client = await stand.client();
          client.send(`GET /short HTTP/${version}\r\nHost: a\r\n\r\n`);
          await client.until(() => client.text.includes("good"));
          endIt();
          assert.equal(await client.untilClosed(), "reset", `${JSON.stringify(head)} ${end} ${version}`);
          assert.doesNotMatch(client.text, /\r\n0\r\n\r\n/);
          client.destroy();
        }
      }
    }
  });

  test("that only the end of the connection ends is passed on whole", async () => {
    for (const version of ["1.1", "1.0"]) {
      stand.origin.answer = (_, socket) => {
        socket.end(`HTTP/${version} 200 OK\r\n\r\n${"x".repeat(100_000)}`);
        return null;
      };
      const response = await stand.ask(get("/until-close"));
      assert.equal(response.body.length, 100_000);
      assert.deepEqual(response.headers.get("transfer-encoding"), ["chunked"]);
    }
  });

  test("that never ends its head, or never comes, is 502 when the upstream hangs up", async () => {
    for (const text of [
      "",
      "H",
      "HTTP/1.1 200 OK",
      "HTTP/1.1 200 OK\r\n",
      "HTTP/1.1 200 OK\r\nA: b\r\n",
      "HTTP/1.1 103 X\r\n\r\n",
    ]) {
      stand.origin.answer = (_, socket) => {
        socket.end(text);
        return null;
      };
      // POST: nothing may be tried twice.
      const before = stand.origin.requests.length;
      const response = await stand.ask("POST /hang-up HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n");
      assert.equal(response.status, 502, JSON.stringify(text));
      assertEnvelope(response, "UPSTREAM_DISCONNECTED");
      assert.equal(stand.origin.requests.length, before + 1);
    }
  });

  test("does not name software, and keeps its own Date", async () => {
    stand.origin.answer = () =>
      ok("x", "Server: nginx/1.2.3\r\nX-Powered-By: Express\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n");
    const response = await stand.ask(get("/"));
    assert.equal(response.headers.get("server"), undefined);
    assert.equal(response.headers.get("x-powered-by"), undefined);
    assert.deepEqual(response.headers.get("date"), ["Sun, 06 Nov 1994 08:49:37 GMT"]);
    stand.origin.answer = () => ok("x");
    assert.equal((await stand.ask(get("/"))).headers.get("date")?.length, 1);
  });

  test("of an error passes through unchanged (ERR-9)", async () => {
    for (const status of [400, 401, 403, 404, 418, 429, 500, 502, 503, 599]) {
      stand.origin.answer = () =>
        `HTTP/1.1 ${status} Mine\r\nContent-Type: text/x-mine\r\nContent-Length: 4\r\nWWW-Authenticate: Mine\r\n\r\nmine`;
      const response = await stand.ask(get("/error"));
      assert.equal(response.status, status);
      assert.equal(response.body.toString(), "mine");
      assert.deepEqual(response.headers.get("content-type"), ["text/x-mine"]);
      assert.deepEqual(response.headers.get("www-authenticate"), ["Mine"]);
      assert.equal(parseResponses(Buffer.from("")).length, 0);
    }
  });
});
