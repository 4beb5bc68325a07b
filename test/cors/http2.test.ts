/** The same over HTTP/2, whose answers are written elsewhere. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { type ClientHttp2Session, connect, type IncomingHttpHeaders } from "node:http2";
import { after, before, describe, test } from "node:test";
import { Stand } from "../conformance/stand.ts";
import { ok } from "../harness/origin.ts";

const SHOP = "https://shop.example";

describe("a page's request over HTTP/2", () => {
  let stand: Stand;
  let session: ClientHttp2Session;
  before(async () => {
    stand = await Stand.open(
      {
        policies: [{ cors: { origins: [SHOP] } }],
        routes: [
          { path: "/own", methods: ["GET"], to: { upstream: "origin" } },
          {
            path: "/denied",
            to: { upstream: "origin" },
            policies: [{ "ip-allow": { deny: ["127.0.0.1"] } }],
          },
        ],
      },
      {
        answer: () => ok("hi", "Vary: Accept-Encoding\r\nAccess-Control-Allow-Origin: *\r\n"),
        time: "by hand",
      },
    );
    session = connect(`http://127.0.0.1:${stand.gateway.port}`);
  });
  after(async () => {
    session.destroy();
    await stand.close();
  });

  async function ask(fields: Record<string, string>): Promise<IncomingHttpHeaders> {
    const stream = session.request(fields);
    stream.resume();
    const [headers] = await once(stream, "response");
    return headers;
  }

  test("is answered with one origin, and all that the answer depends on", async () => {
    const headers = await ask({ ":path": "/own", origin: SHOP });
    assert.equal(headers[":status"], 200);
    assert.equal(headers["access-control-allow-origin"], SHOP);
    assert.equal(headers.vary, "Origin, Accept-Encoding");
    assert.equal(
      (await ask({ ":path": "/own", origin: "https://evil.io" }))["access-control-allow-origin"],
      undefined,
    );
  });

  test("can read why it was refused", async () => {
    for (const [path, status] of [
      ["/denied", 403],
      ["/nowhere", 404],
    ] as const) {
      const headers = await ask({ ":path": path, origin: SHOP });
      assert.equal(headers[":status"], status);
      assert.equal(headers["access-control-allow-origin"], SHOP);
    }
  });

  test("has its preflight answered", async () => {
    const preflight = { ":method": "OPTIONS", ":path": "/own", origin: SHOP };
    const headers = await ask({
      ...preflight,
      "access-control-request-method": "GET",
      "access-control-request-headers": "x-a",
    });
    assert.equal(headers[":status"], 204);
    assert.equal(headers["access-control-allow-methods"], "GET, HEAD");
    assert.equal(headers["access-control-allow-headers"], "x-a");
    assert.equal((await ask({ ...preflight, "access-control-request-method": "PUT" }))[":status"], 403);
  });
});
