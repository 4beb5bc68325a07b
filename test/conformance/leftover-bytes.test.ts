/** H-05, H-06: bytes of one message are never taken for another, whoever stops first. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { type Answer, ok } from "../harness/origin.ts";
import { parseResponses, type RawClient, type RawResponse } from "../harness/raw.ts";
import { codeOf, each, echo, eventually, get, SMUGGLED, Stand } from "./stand.ts";

/** Requests and nothing else, at any size: wherever reading goes on by mistake, it finds one. */
function requests(size: number): string {
  return SMUGGLED.repeat(Math.ceil(size / SMUGGLED.length)).slice(0, size);
}

const KIB = 1024;

/** Sends, in pieces as the gateway takes them; stops without complaint when it closes. */
async function push(client: RawClient, text: string): Promise<void> {
  for (let at = 0; at < text.length && client.closed === null; at += 64 * KIB) {
    const piece = Buffer.from(text.slice(at, at + 64 * KIB), "latin1");
    // Called back as well, with an error, when the connection has ended.
    await new Promise<void>((resolve) => {
      client.socket.write(piece, () => resolve());
    });
  }
}

/** The body as a length says it, or in chunks of 4 KiB; `whole: false` leaves the end out. */
function framed(how: "length" | "chunked", body: string, whole = true): { fields: string; bytes: string } {
  if (how === "length") return { fields: `Content-Length: ${body.length}\r\n`, bytes: body };
  let bytes = "";
  for (let at = 0; at < body.length; at += 4 * KIB) {
    const piece = body.slice(at, at + 4 * KIB);
    bytes += `${piece.length.toString(16)}\r\n${piece}\r\n`;
  }
  return { fields: "Transfer-Encoding: chunked\r\n", bytes: whole ? `${bytes}0\r\n\r\n` : bytes };
}

describe("the rest of a request that was answered early", () => {
  let stand: Stand;
  before(async () => {
    stand = await Stand.open({
      limits: { body: "100b" },
      routes: [
        { name: "all", path: "/*", limits: { body: "unlimited" }, to: { upstream: "origin" } },
        { name: "small", path: "/small", to: { upstream: "origin" } },
        { name: "evil-small", path: "/evil/small", to: { upstream: "origin" } },
        { name: "get", path: "/evil/get", methods: ["GET"], to: { upstream: "origin" } },
        {
          name: "401",
          path: "/evil/401",
          limits: { body: "unlimited" },
          to: { fixed: { status: 401, body: { a: 1 } } },
        },
        {
          name: "403",
          path: "/evil/403",
          limits: { body: "unlimited" },
          to: { fixed: { status: 403, body: "no" } },
        },
        {
          name: "429",
          path: "/evil/429",
          limits: { body: "unlimited" },
          to: { fixed: { status: 429, body: "slow down" } },
        },
        {
          name: "200",
          path: "/evil/200",
          limits: { body: "unlimited" },
          to: { fixed: { status: 200, body: "cached" } },
        },
        { name: "204", path: "/evil/204", limits: { body: "unlimited" }, to: { fixed: { status: 204 } } },
        { name: "elsewhere", path: "/evil/*", hosts: ["elsewhere"], to: { upstream: "origin" } },
      ],
    });
  });
  after(() => stand.close());

  const answers: [path: string, status: number][] = [
    ["/evil/small", 413],
    ["/evil/get", 405],
    ["/evil/401", 401],
    ["/evil/403", 403],
    ["/evil/429", 429],
    ["/evil/200", 200],
    ["/evil/204", 204],
    ["/evil/%2fencoded", 400],
    ["/evil/..%2f..%2f/admin", 400],
  ];
  const sizes = [200, 60 * KIB, 64 * KIB, 65 * KIB, 128 * KIB, 1024 * KIB];
  const methods = ["POST", "PUT", "DELETE"];

  test("is never read as a request, however long it is, however it is framed, and wherever the packets end", async () => {
    const rows = answers.flatMap(([path, status]) =>
      sizes.flatMap((size) =>
        (["length", "chunked"] as const).flatMap((how) =>
          ["at once", "behind the head", "behind the answer"].flatMap((when, index) => ({
            name: `${path}, ${size} bytes, ${how}, ${when}`,
            path,
            status,
            size,
            how,
            when,
            method: methods[index] as string,
          })),
        ),
      ),
    );
    // Chunks are counted while they flow to the origin: the next test.
    const judged = rows.filter(({ path, how }) => path !== "/evil/small" || how === "length");
    await each(judged, async ({ path, status, size, how, when, method }) => {
      const body = framed(how, requests(size));
      const head = `${method} ${path} HTTP/1.1\r\nHost: a\r\n${body.fields}\r\n`;
      const client = await stand.client();
      // Answered by itself only if the connection was kept, in its own turn.
      const last = get("/evil/401", "X-Last: 1\r\n");
      if (when === "at once") {
        await push(client, head + body.bytes + last);
      } else {
        client.send(head);
        if (when === "behind the head") await delay(1);
        // A small answer to a chunked body is allowed to wait for nothing, too.
        else await client.until(() => parseResponses(client.received).length > 0);
        await push(client, body.bytes + last);
      }
      await client.until(() => client.closed !== null || parseResponses(client.received).length === 2);
      const responses = parseResponses(client.received);
      assertOnlyAnswers(responses, status, client);
      client.destroy();
    });
    await stand.victim();
    assert.equal(stand.origin.requests.length, 1);
    await stand.audit();
  });

  /** One answer and the end of the connection, or an answer each for the two requests there were. */
  function assertOnlyAnswers(responses: readonly RawResponse[], status: number, client: RawClient): void {
    const [first, second, ...more] = responses;
    assert.equal(first?.status, status);
    assert.equal(more.length, 0, "more answers than requests");
    if (first.headers.get("connection")?.includes("close")) assert.equal(second, undefined);
    if (second !== undefined) assert.equal(second.status, 401);
    if (second === undefined) assert.notEqual(client.closed, null);
  }

  test("is read past, up to 64 KiB of a declared length, so that the connection can be kept", async () => {
    for (const size of [1, 200, 63 * KIB]) {
      const client = await stand.client();
      client.send(`POST /evil/403 HTTP/1.1\r\nHost: a\r\nContent-Length: ${size}\r\n\r\n`);
      const answer = await client.response();
      assert.equal(answer.headers.get("connection"), undefined, `${size}`);
      client.send(requests(size) + get("/kept"));
      const [, second] = await client.responses(2);
      assert.equal(second?.body.toString(), "GET /kept 0");
      client.destroy();
    }
  });

  test("is not read where chunks went over the limit, and the origin never sees their end", async () => {
    const rows = sizes.flatMap((size) =>
      ["at once", "behind the head"].map((when) => ({ name: `${size}, ${when}`, size, when })),
    );
    await each(rows, async ({ size, when }, at) => {
      const body = framed("chunked", requests(size).replaceAll("evil", "hide"));
      const client = await stand.client();
      client.send(`POST /small?${at} HTTP/1.1\r\nHost: a\r\n${body.fields}\r\n`);
      if (when === "behind the head") await stand.untilText(`/small?${at} `);
      await push(client, body.bytes + get(`/after/${at}`));
      await client.until(() => client.closed !== null || parseResponses(client.received).length === 2);
      const [first, second] = parseResponses(client.received);
      assert.equal(first?.status, 413);
      // Whole and well framed it may have been; then the next request is one.
      if (second !== undefined) assert.equal(second.body.toString(), `GET /after/${at} 0`);
      client.destroy();
    });
    assert.ok(
      !stand.origin.requests.some(({ target }) => target.includes("small") || target.includes("smuggled")),
    );
    await stand.victim();
    await stand.audit();
  });

  test("does not keep the client from reading the answer, even 10 MiB of it", async () => {
    for (const how of ["length", "chunked"] as const) {
      const body = framed(how, requests(10 * 1024 * KIB).replaceAll("evil", "hide"));
      const client = await stand.client();
      const sent = push(client, `POST /small HTTP/1.1\r\nHost: a\r\n${body.fields}\r\n${body.bytes}`);
      const answer = await client.response();
      assert.equal(answer.status, 413);
      assert.equal(codeOf(answer), "PAYLOAD_TOO_LARGE");
      client.destroy();
      await sent;
    }
    await stand.victim();
    await stand.audit();
  });

  test("is not waited for, nor is the next request answered, where the client said `Connection: close`", async () => {
    const spellings = [
      "close",
      "Close",
      "CLOSE",
      "keep-alive, close",
      "close, keep-alive",
      "foo,close",
      "close\r\nConnection: keep-alive",
    ];
    await each(
      spellings.map((value) => ({ name: value, value })),
      async ({ value }) => {
        const client = await stand.client();
        client.send(get("/closing", `Connection: ${value}\r\n`) + SMUGGLED);
        await client.untilClosed();
        const responses = parseResponses(client.received);
        assert.deepEqual(
          responses.map(({ status }) => status),
          [200],
        );
        assert.deepEqual(responses[0]?.headers.get("connection"), ["close"]);
        client.send(SMUGGLED);
        client.destroy();
      },
    );
    await stand.audit();
  });

  test("of HTTP/1.0 without keep-alive is not answered", async () => {
    const client = await stand.client();
    client.send(`GET /old HTTP/1.0\r\nHost: a\r\n\r\n${SMUGGLED}`);
    await client.untilClosed();
    assert.deepEqual(
      parseResponses(client.received).map(({ status }) => status),
      [200],
    );
    client.destroy();
    await stand.audit();
  });

  test("after a refusal by the parser is not answered, in the same packet or a later one", async () => {
    const client = await stand.client();
    client.send("GET /evil HTTP/1.1\r\nHost : a\r\n\r\n");
    await client.response();
    client.send(SMUGGLED.repeat(20));
    await client.untilClosed();
    assert.deepEqual(
      parseResponses(client.received).map(({ status }) => status),
      [400],
    );
    client.destroy();
    await stand.audit();
  });
});

describe("a body with a method that seldom has one", () => {
  let stand: Stand;
  before(async () => {
    stand = await Stand.open({
      routes: [
        { name: "all", path: "/*", to: { upstream: "origin" } },
        { name: "fixed", path: "/fixed", to: { fixed: { status: 200, body: "here" } } },
      ],
    });
  });
  after(() => stand.close());

  test("is part of the request and not the next one", async () => {
    const rows = ["GET", "HEAD", "OPTIONS", "DELETE", "QUERY"].flatMap((method) =>
      (["length", "chunked"] as const).flatMap((how) =>
        ["/fixed", "/forwarded"].map((path) => ({ name: `${method} ${path} ${how}`, method, how, path })),
      ),
    );
    await each(rows, async ({ method, how, path }, at) => {
      const body = framed(how, requests(500).replaceAll("evil", "hide"));
      const client = await stand.client();
      client.send(
        `${method} ${path} HTTP/1.1\r\nHost: a\r\n${body.fields}\r\n${body.bytes}${get(`/after/${at}`)}`,
      );
      await client.until(() => client.closed !== null || client.text.includes(`GET /after/${at} 0`));
      // A fixed answer to a chunked body that was not whole may close; with the body here it must not matter.
      assert.ok(client.text.startsWith("HTTP/1.1 20"), client.text.slice(0, 100));
      assert.equal(client.text.split("HTTP/1.1 ").length - 1, client.closed === null ? 2 : 1);
      client.destroy();
    });
    assert.ok(!stand.origin.requests.some(({ target }) => target.includes("smuggled")));
    await stand.audit();
  });
});

describe("an upstream connection whose request was not whole when the answer came", () => {
  const early: Answer = ({ target }) => ok(target);

  /** An origin that answers as soon as it has a head, whatever is to follow. */
  async function hasty(status: string): Promise<Stand> {
    const stand = await Stand.open({ limits: { body: "unlimited" } }, { answer: early });
    stand.origin.onConnection = (socket) => {
      let text = "";
      socket.on("data", (chunk: Buffer) => {
        text += chunk.toString("latin1");
        const head = /POST (\/early\S*) HTTP\/1\.1\r\n[\s\S]*?\r\n\r\n/.exec(text);
        if (head === null) return;
        text = "";
        socket.write(`HTTP/1.1 ${status}\r\nContent-Length: ${head[1]?.length}\r\n\r\n${head[1]}`);
      });
    };
    return stand;
  }

  test("is not used again, whether the client goes on, stalls or goes away", async () => {
    for (const status of ["200 OK", "401 Unauthorized", "413 Content Too Large", "303 See Other"]) {
      await using stand = await hasty(status);
      const rows = (["length", "chunked"] as const).flatMap((how) =>
        ["goes on", "stalls", "aborts", "half-closes"].map((then) => ({
          name: `${status}, ${how}, ${then}`,
          how,
          then,
        })),
      );
      await each(
        rows,
        async ({ how, then }, at) => {
          const path = `/early/${at}`;
          const first = "x".repeat(1000);
          const head =
            how === "length"
              ? `Content-Length: 50000\r\n\r\n${first}`
              : `Transfer-Encoding: chunked\r\n\r\n3e8\r\n${first}\r\n`;
          const client = await stand.client();
          client.send(`POST ${path} HTTP/1.1\r\nHost: a\r\n${head}`);
          const answer = await client.response();
          assert.equal(answer.status, Number(status.slice(0, 3)));
          assert.equal(answer.body.toString(), path);
          if (then === "goes on") client.send("y".repeat(5000));
          if (then === "aborts") client.destroy();
          if (then === "half-closes") client.end();
          // The next clients get their own answers.
          for (const next of ["a", "b"]) {
            const other = await stand.ask(get(`/next/${at}/${next}`));
            assert.equal(other.body.toString(), `/next/${at}/${next}`);
          }
          client.destroy();
        },
        1,
      );
      for (const bytes of stand.origin.bytes) {
        const text = bytes.toString("latin1");
        if (!text.includes("POST /early")) continue;
        const behind = text.slice(text.indexOf("\r\n", text.indexOf("POST /early")));
        assert.ok(!behind.includes(" HTTP/1.1\r\n"), "it was used again");
        assert.ok(!text.includes("\r\n0\r\n\r\n"), "half a body was ended like a whole one");
      }
    }
  });

  test("never mixes up 2,000 requests of which every other one is answered early", async () => {
    await using stand = await hasty("200 OK");
    const rows = Array.from({ length: 2_000 }, (_, at) => ({ name: `${at}`, at }));
    await each(rows, async ({ at }) => {
      const isEarly = at % 2 === 0;
      const path = isEarly ? `/early/${at}` : `/plain/${at}`;
      const client = await stand.client();
      client.send(
        isEarly ? `POST ${path} HTTP/1.1\r\nHost: a\r\nContent-Length: 300\r\n\r\nhalf` : get(path),
      );
      const answer = await client.response();
      assert.equal(answer.body.toString(), path);
      if (isEarly && at % 4 === 0) client.send("x".repeat(296) + get(`/plain/${at}/more`));
      if (isEarly && at % 4 === 0) {
        const [, second] = await client.responses(2);
        assert.equal(second?.body.toString(), `/plain/${at}/more`);
      }
      client.destroy();
    });
  });

  test("is closed where the client broke off, and the origin sees no end of the body", async () => {
    await using stand = await Stand.open();
    const rows = (["length", "chunked"] as const).flatMap((how) =>
      ["destroy", "end"].map((then) => ({ name: `${how}, ${then}`, how, then })),
    );
    await each(rows, async ({ how, then }, at) => {
      const path = `/cut/${at}`;
      const client = await stand.client();
      const head =
        how === "length"
          ? "Content-Length: 100\r\n\r\nabc"
          : "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n";
      client.send(`POST ${path} HTTP/1.1\r\nHost: a\r\n${head}`);
      await eventually(() => (stand.origin.text.includes(path) ? true : undefined));
      if (then === "destroy") client.destroy();
      else client.end();
      await eventually(() =>
        stand.origin.open === 0 || !stand.origin.text.includes(path) ? true : undefined,
      ).catch(() => {});
      client.destroy();
    });
    assert.equal(stand.origin.requests.length, 0);
    assert.ok(!stand.origin.text.includes("\r\n0\r\n"));
    await eventually(() => (stand.origin.open === 0 ? true : undefined));
    stand.origin.answer = echo;
    await stand.victim();
  });
});

describe("an answer that more bytes follow", () => {
  test("closes the upstream connection, and the next client gets its own answer", async () => {
    const surplus = [
      "X",
      "\r\n",
      "\r\n\r\n",
      "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil",
      "HTTP/1.1 100 Continue\r\n\r\n",
      "HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n\r\n",
      "\0".repeat(70_000),
    ];
    const shapes: [name: string, answer: string][] = [
      ["a length", "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nmine"],
      ["no content", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"],
      ["chunks", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nmine\r\n0\r\n\r\n"],
      ["204", "HTTP/1.1 204 No Content\r\n\r\n"],
      ["304", "HTTP/1.1 304 Not Modified\r\n\r\n"],
      ["204 that declares a body", "HTTP/1.1 204 No Content\r\nContent-Length: 100\r\n\r\n"],
      ["304 that declares a body", "HTTP/1.1 304 Not Modified\r\nContent-Length: 100\r\n\r\n"],
      ["204 in chunks", "HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n"],
    ];
    await using stand = await Stand.open({}, { answer: echo });
    const rows = shapes.flatMap(([shape, answer]) =>
      surplus.flatMap((extra) =>
        ["together", "later"].map((when) => ({
          name: `${shape}, ${JSON.stringify(extra.slice(0, 20))}, ${when}`,
          answer,
          extra,
          when,
        })),
      ),
    );
    await each(
      rows,
      async ({ answer, extra, when }, at) => {
        stand.origin.answer = ({ target }, socket) => {
          if (target.startsWith("/next")) return ok(target);
          if (when === "together") return answer + extra;
          socket.write(answer);
          setTimeout(() => socket.write(extra), 5);
          return null;
        };
        const first = await stand.ask(get("/surplus"));
        assert.ok([200, 204, 304].includes(first.status), `${first.status}`);
        assert.ok(!first.body.includes("evil"));
        if (when === "later") await delay(10);
        const next = await stand.ask(get(`/next/${at}`));
        assert.equal(next.status, 200);
        assert.equal(next.body.toString(), `/next/${at}`);
      },
      1,
    );
  });

  test("to HEAD, that follow at once or late, never become the answer to anybody else", async () => {
    await using stand = await Stand.open();
    const wrong = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil";
    const heads = [
      `Content-Length: ${wrong.length}\r\n`,
      "Transfer-Encoding: chunked\r\n",
      "",
      "Content-Length: 0\r\n",
    ];
    for (const fields of heads) {
      for (const when of ["together", "after the next request"]) {
        let late: (() => void) | null = null;
        stand.origin.answer = ({ method, target }, socket) => {
          if (method !== "HEAD") {
            late?.();
            return ok(target);
          }
          const head = `HTTP/1.1 200 OK\r\n${fields}\r\n`;
          if (when === "together") return head + wrong;
          // On the old connection: what comes in front of the next answer there.
          late = () => socket.write(wrong);
          return head;
        };
        const client = await stand.client();
        client.send("HEAD /head HTTP/1.1\r\nHost: a\r\n\r\n");
        await client.until(() => client.text.includes("\r\n\r\n"));
        const next = await stand.ask(get("/next"));
        assert.ok(!next.body.includes("evil"), `${JSON.stringify(fields)} ${when}: somebody else's body`);
        assert.equal(next.body.toString(), "/next");
        assert.ok(!client.text.includes("evil"), "a HEAD was answered with a body");
        client.destroy();
      }
    }
  });
});
