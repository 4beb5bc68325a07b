/** D-01: every limit at one less, exactly, and one more; by length and in chunks. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { parseResponses } from "../harness/raw.ts";
import { assertEnvelope, bare, each, echo, eventually, get, Stand } from "./stand.ts";

describe("the limit", () => {
  let standard: Stand;
  let narrow: Stand;
  before(async () => {
    standard = await Stand.open();
    narrow = await Stand.open({
      limits: {
        uri: "256b",
        headers: "1kb",
        header: "300b",
        headerCount: 5,
        body: "10b",
        requestsPerConnection: 3,
      },
    });
  });
  after(async () => {
    await standard.close();
    await narrow.close();
  });

  interface Edge {
    readonly name: string;
    readonly stand: Stand;
    readonly bytes: string;
    /** 200 where it fits. */
    readonly status: number;
    readonly code?: string;
    readonly closes?: boolean;
  }

  async function judge(rows: readonly Edge[]): Promise<void> {
    await each(
      rows,
      async ({ stand, bytes, status, code, closes }) => {
        for (const cut of [false, true]) {
          const before = stand.origin.requests.length;
          const client = await stand.client();
          const half = cut ? bytes.length - 2 : 0;
          if (cut) {
            client.send(bytes.slice(0, half));
            await new Promise((resolve) => setTimeout(resolve, 5));
          }
          client.send(bytes.slice(half));
          const response = await client.response();
          assert.equal(response.status, status);
          if (status !== 200) {
            assertEnvelope(response, code);
            if (closes !== false) {
              assert.deepEqual(response.headers.get("connection"), ["close"]);
              assert.equal(await client.untilClosed(), "fin");
            }
            assert.equal(parseResponses(client.received).length, 1);
            assert.equal(stand.origin.requests.length, before);
          } else {
            client.send(get("/next"));
            await client.responses(2);
          }
          client.destroy();
        }
      },
      1,
    );
    await standard.victim();
    await narrow.victim();
  }

  test("of the request target is exact: 414 beyond it, for paths, queries and absolute targets", () => {
    const shapes: [name: string, target: (size: number) => string][] = [
      ["a path", (size) => `/${"a".repeat(size - 1)}`],
      ["a query", (size) => `/?${"a".repeat(size - 2)}`],
      ["segments", (size) => "/a".repeat(size).slice(0, size)],
      ["an absolute target", (size) => `http://a.example/${"a".repeat(size - 17)}`],
    ];
    return judge(
      shapes.flatMap(([shape, target]) =>
        (
          [
            [8192, () => standard],
            [256, () => narrow],
          ] as const
        ).flatMap(([limit, stand]) =>
          [-1, 0, 1, 500].map((more) => ({
            name: `${shape} of ${limit} ${more}`,
            stand: stand(),
            bytes: `GET ${target(limit + more)} HTTP/1.1\r\nHost: a\r\n\r\n`,
            status: more > 0 ? 414 : 200,
            code: "URI_TOO_LONG",
          })),
        ),
      ),
    );
  });

  test("of one field is exact: 431 beyond it", () =>
    judge(
      (
        [
          [8192, () => standard],
          [300, () => narrow],
        ] as const
      ).flatMap(([limit, stand]) =>
        [-1, 0, 1, 1000].flatMap((more) => [
          {
            name: `a value, ${limit} ${more}`,
            stand: stand(),
            bytes: get("/", `X-A: ${"b".repeat(limit + more - 5)}\r\n`),
            status: more > 0 ? 431 : 200,
            code: "HEADERS_TOO_LARGE",
          },
          {
            name: `a name, ${limit} ${more}`,
            stand: stand(),
            bytes: get("/", `${"a".repeat(limit + more - 3)}: b\r\n`),
            status: more > 0 ? 431 : 200,
            code: "HEADERS_TOO_LARGE",
          },
        ]),
      ),
    ));

  test("of all fields together is exact: 431 beyond it", () =>
    judge(
      (
        [
          [16384, () => standard],
          [1024, () => narrow],
        ] as const
      ).flatMap(([limit, stand]) =>
        [-1, 0, 1, 1000].map((more) => {
          const host = "Host: a\r\n";
          const piece = limit > 2000 ? 4000 : 250;
          const full = Math.floor((limit + more - host.length - 20) / piece);
          const filler = `A: ${"b".repeat(piece - 5)}\r\n`.repeat(full);
          const left = limit + more - host.length - filler.length;
          const fields = `${host}${filler}${left > 8 ? `B: ${"c".repeat(left - 5)}\r\n` : ""}`;
          assert.equal(fields.length, limit + more);
          return {
            name: `${limit} ${more}`,
            stand: stand(),
            bytes: `GET / HTTP/1.1\r\n${fields}\r\n`,
            status: more > 0 ? 431 : 200,
            code: "HEADERS_TOO_LARGE",
          };
        }),
      ),
    ));

  test("of the number of fields is exact: 431 beyond it", () =>
    judge(
      (
        [
          [100, () => standard],
          [5, () => narrow],
        ] as const
      ).flatMap(([limit, stand]) =>
        [-1, 0, 1, 50].map((more) => ({
          name: `${limit} ${more}`,
          stand: stand(),
          bytes: get("/", "a:b\r\n".repeat(limit + more - 1)),
          status: more > 0 ? 431 : 200,
          code: "HEADERS_TOO_LARGE",
        })),
      ),
    ));

  test("of a head without an end is enforced before the end comes", async () => {
    const heads = [
      [`GET /${"a".repeat(20_000)}`, 414],
      [`GET / HTTP/1.1\r\nHost: a\r\nA: ${"b".repeat(20_000)}`, 431],
      [`GET / HTTP/1.1\r\nHost: a\r\n${"b".repeat(20_000)}`, 431],
      [`GET / HTTP/1.1\r\nHost: a\r\n${"a:b\r\n".repeat(200)}`, 431],
      ["A".repeat(100), 501],
    ] as const;
    for (const [head, status] of heads) {
      const client = await standard.client();
      client.send(head);
      assert.equal((await client.response()).status, status);
      client.destroy();
    }
  });

  test("of a body is exact, by length: 413 beyond it, before a byte of it is read", () =>
    judge(
      (
        [
          [1024 * 1024, () => standard],
          [10, () => narrow],
        ] as const
      ).flatMap(([limit, stand]) =>
        [-1, 0, 1].map((more) => ({
          name: `${limit} ${more}`,
          stand: stand(),
          bytes: bare("/", `Content-Length: ${limit + more}\r\n`, "x".repeat(limit + more)),
          status: more > 0 ? 413 : 200,
          code: "PAYLOAD_TOO_LARGE",
          closes: false,
        })),
      ),
    ));

  test("of a body is exact, in chunks of any size: 413 beyond it, however the chunks come", async () => {
    const rows = (
      [
        [1024 * 1024, () => standard],
        [10, () => narrow],
      ] as const
    ).flatMap(([limit, stand]) =>
      [-1, 0, 1, 1000].flatMap((more) =>
        (limit > 100 ? [limit + more, 4096, 50_000] : [limit + more, 1, 3]).flatMap((chunk) =>
          ["together", "head first", "chunk by chunk"].map((how) => ({
            name: `${limit} ${more}, in ${chunk}, ${how}`,
            limit,
            more,
            chunk,
            how,
            stand: stand(),
          })),
        ),
      ),
    );
    await each(
      rows,
      async ({ stand, limit, more, chunk, how }, at) => {
        const path = `/chunks/${at}`;
        const head = bare(path, "Transfer-Encoding: chunked\r\n");
        const pieces: string[] = [];
        for (let left = limit + more; left > 0; left -= chunk) {
          const size = Math.min(chunk, left);
          pieces.push(`${size.toString(16)}\r\n${"x".repeat(size)}\r\n`);
        }
        pieces.push("0\r\n\r\n");
        const client = await stand.client();
        if (how === "together") {
          client.send(head + pieces.join(""));
        } else {
          client.send(head);
          await stand.untilText(`${path} `);
          if (how === "head first") client.send(pieces.join(""));
          else for (const piece of pieces) client.send(piece);
        }
        const response = await client.response();
        if (more <= 0) {
          assert.equal(response.body.toString(), `POST ${path} ${limit + more}`);
        } else {
          assert.equal(response.status, 413);
          assertEnvelope(response, "PAYLOAD_TOO_LARGE");
          assert.ok(
            !stand.origin.requests.some(({ target }) => target === path),
            "the origin got a whole request",
          );
        }
        client.destroy();
      },
      8,
    );
    await standard.victim();
    await narrow.victim();
  });

  test("of a route stands instead of that for all, and `unlimited` is none", async () => {
    await using stand = await Stand.open({
      limits: { body: "10b" },
      routes: [
        { name: "all", path: "/*", to: { upstream: "origin" } },
        { name: "more", path: "/more", limits: { body: "20b" }, to: { upstream: "origin" } },
        { name: "any", path: "/any", limits: { body: "unlimited" }, to: { upstream: "origin" } },
        { name: "none", path: "/none", limits: { body: "0b" }, to: { upstream: "origin" } },
      ],
    });
    const rows: [path: string, size: number, status: number][] = [
      ["/x", 10, 200],
      ["/x", 11, 413],
      ["/more", 20, 200],
      ["/more", 21, 413],
      ["/any", 3_000_000, 200],
      ["/none", 0, 200],
      ["/none", 1, 413],
    ];
    for (const [path, size, status] of rows) {
      const plain = await stand.ask(bare(path, `Content-Length: ${size}\r\n`, "x".repeat(size)));
      assert.equal(plain.status, status, `${path} ${size}`);
      const chunk = size === 0 ? "" : `${size.toString(16)}\r\n${"x".repeat(size)}\r\n`;
      const chunked = await stand.ask(bare(path, "Transfer-Encoding: chunked\r\n", `${chunk}0\r\n\r\n`));
      assert.equal(chunked.status, status, `${path} ${size} chunked`);
    }
  });

  test("of requests on a connection is announced with the last answer, which closes it", async () => {
    const client = await narrow.client();
    client.send([1, 2, 3, 4, 5].map((at) => get(`/request/${at}`)).join(""));
    await client.untilClosed();
    const responses = parseResponses(client.received);
    assert.deepEqual(
      responses.map(({ body }) => body.toString()),
      [1, 2, 3].map((at) => `GET /request/${at} 0`),
    );
    assert.deepEqual(
      responses.map(({ headers }) => headers.get("connection")?.[0]),
      [undefined, undefined, "close"],
    );
    client.destroy();
  });

  test("of open connections refuses one more with 503, unless an idle one can make room", async () => {
    await using stand = await Stand.open({ limits: { connections: 3 } }, { answer: () => null });
    const busy = await Promise.all(Array.from({ length: 3 }, () => stand.client()));
    for (const client of busy) client.send(get("/busy"));
    await eventually(() => stand.origin.requests.length === 3 || undefined);
    const fourth = await stand.client();
    await fourth.untilClosed();
    const [refusal] = parseResponses(fourth.received);
    assert.equal(refusal?.status, 503);
    assert.ok(refusal?.headers.get("retry-after"));
    fourth.destroy();
    for (const client of busy) client.destroy();
    await eventually(() => stand.origin.open === 0 || undefined);
    stand.origin.answer = echo;
    const idle = await Promise.all(Array.from({ length: 3 }, () => stand.client()));
    for (const client of idle) {
      client.send(get("/idle"));
      await client.response();
    }
    await stand.victim();
    for (const client of idle) client.destroy();
  });

  test("of connections to an upstream lets calls wait, and refuses with 503 what finds no place to wait", async () => {
    const held: (() => void)[] = [];
    await using stand = await Stand.open(
      {},
      {
        upstream: { connections: 2, pending: 3 },
        answer: (request, socket) => {
          held.push(() => socket.write(echo(request, socket) as Buffer));
          return null;
        },
      },
    );
    const clients = await Promise.all(Array.from({ length: 6 }, () => stand.client()));
    for (const [at, client] of clients.entries()) {
      client.send(get(`/wait/${at}`));
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    const refused = await clients[5]?.response();
    assert.equal(refused?.status, 503);
    if (refused !== undefined) assertEnvelope(refused, "OVERLOADED");
    assert.ok(refused?.headers.get("retry-after"));
    assert.equal(stand.origin.requests.length, 2);
    for (let at = 0; at < 5; at++) {
      await eventually(() => held.length > at || undefined);
      held[at]?.();
    }
    for (const [at, client] of clients.slice(0, 5).entries()) {
      assert.equal((await client.response()).body.toString(), `GET /wait/${at} 0`);
    }
    for (const client of clients) client.destroy();
  });
});
