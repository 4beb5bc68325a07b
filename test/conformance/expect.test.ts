/** HTTP-25: `Expect: 100-continue`. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { fieldsOf } from "../harness/origin.ts";
import { parseResponses } from "../harness/raw.ts";
import { assertEnvelope, bare, each, get, refuses, Stand } from "./stand.ts";

describe("a request that expects 100-continue", () => {
  let stand: Stand;
  before(async () => {
    stand = await Stand.open({ limits: { body: "10b" } });
  });
  after(() => stand.close());

  test("gets 100 when its body is going to be read, and then its answer", async () => {
    for (const [at, spelling] of ["100-continue", "100-Continue", "100-CONTINUE"].entries()) {
      for (const [framing, body] of [
        ["Content-Length: 3", "abc"],
        ["Transfer-Encoding: chunked", "3\r\nabc\r\n0\r\n\r\n"],
      ]) {
        const path = `/waits/${at}/${body?.length}`;
        const client = await stand.client();
        client.send(bare(path, `Expect: ${spelling}\r\n${framing}\r\n`));
        await client.until(() => client.text === "HTTP/1.1 100 Continue\r\n\r\n");
        client.send(`${body}${get(`${path}/next`)}`);
        const [first, second] = await client.responses(2);
        assert.equal(first?.body.toString(), `POST ${path} 3`);
        assert.equal(second?.body.toString(), `GET ${path}/next 0`);
        assert.equal(client.text.match(/100 Continue/g)?.length, 1);
        assert.deepEqual(fieldsOf(await stand.arrived(path), "expect"), []);
        client.destroy();
      }
    }
  });

  test("and sends its body without waiting gets no 100 that it does not need", async () => {
    const client = await stand.client();
    client.send(bare("/at-once", "Expect: 100-continue\r\nContent-Length: 3\r\n", "abc"));
    assert.equal((await client.response()).body.toString(), "POST /at-once 3");
    assert.doesNotMatch(client.text, /100 Continue/);
    client.destroy();
  });

  test("and has no body gets no 100", async () => {
    for (const framing of ["", "Content-Length: 0\r\n"]) {
      const client = await stand.client();
      client.send(bare("/none", `Expect: 100-continue\r\n${framing}`));
      assert.equal((await client.response()).body.toString(), "POST /none 0");
      assert.doesNotMatch(client.text, /100 Continue/);
      client.destroy();
    }
  });

  test("of HTTP/1.0 gets no 100 (RFC 9110 §10.1.1)", async () => {
    const client = await stand.client();
    client.send("POST /old HTTP/1.0\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n");
    await delay(30);
    assert.equal(client.text, "");
    client.send("abc");
    assert.equal((await client.response()).body.toString(), "POST /old 3");
    assert.doesNotMatch(client.text, /100 Continue/);
    client.destroy();
  });

  test("of an unknown kind gets 417, and nothing is forwarded", () => {
    const values = [
      "",
      "100",
      "continue",
      "200-ok",
      "100-continue, 100-continue",
      "100-continue;x",
      "101-continue",
      "\t",
      '"100-continue"',
      "100 continue",
      "100-continue\u00a0",
    ];
    return refuses(
      stand,
      values.map((value) => ({
        name: JSON.stringify(value),
        bytes: bare("/evil", `Expect: ${value}\r\nContent-Length: 3\r\n`, "abc"),
      })),
      { status: 417, code: "EXPECTATION_FAILED" },
    );
  });
});

describe("a request that expects 100-continue and will be denied", () => {
  test("gets its final status, no 100, and the end of the connection; its body is never a request", async () => {
    await using stand = await Stand.open({
      limits: { body: "10b" },
      routes: [
        { name: "victims", path: "/victim/*", to: { upstream: "origin" } },
        { name: "all", path: "/evil/*", to: { upstream: "origin" } },
        { name: "401", path: "/evil/401", to: { fixed: { status: 401, body: "no" } } },
        { name: "403", path: "/evil/403", to: { fixed: { status: 403, body: "no" } } },
        { name: "429", path: "/evil/429", to: { fixed: { status: 429, body: "no" } } },
        { name: "get", path: "/evil/get", methods: ["GET"], to: { upstream: "origin" } },
      ],
    });
    const rows: [path: string, size: number, status: number][] = [
      ["/evil/large", 11, 413],
      ["/evil/large", 10_000_000, 413],
      ["/evil/401", 5, 401],
      ["/evil/403", 5, 403],
      ["/evil/429", 5, 429],
      ["/evil/get", 5, 405],
      ["/nowhere/evil", 5, 404],
      ["/evil/%2f", 5, 400],
    ];
    await each(
      rows.map(([path, size, status]) => ({ name: `${path} ${size}`, path, size, status })),
      async ({ path, size, status }) => {
        const client = await stand.client();
        client.send(bare(path, `Expect: 100-continue\r\nContent-Length: ${size}\r\n`));
        const response = await client.response();
        assert.equal(response.status, status);
        assert.doesNotMatch(client.text, /100 Continue/);
        assert.deepEqual(response.headers.get("connection"), ["close"]);
        // Whether a body follows or the next request cannot be told apart: neither is read.
        client.send(get("/evil/next"));
        await client.untilClosed();
        assert.equal(parseResponses(client.received).length, 1);
        client.destroy();
      },
    );
    await stand.victim();
    await stand.audit();
  });

  test("because its upstream cannot be reached gets 502 without 100", async () => {
    await using stand = await Stand.open({
      upstreams: { nobody: { targets: ["http://127.0.0.1:1"] } },
      routes: [{ name: "all", path: "/*", to: { upstream: "nobody" } }],
    });
    const client = await stand.client();
    client.send(bare("/x", "Expect: 100-continue\r\nContent-Length: 5\r\n"));
    const response = await client.response();
    assert.equal(response.status, 502);
    assertEnvelope(response, "UPSTREAM_UNREACHABLE");
    assert.doesNotMatch(client.text, /100 Continue/);
    client.destroy();
  });
});
