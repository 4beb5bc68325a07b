/** N-01, N-02, HTTP-17, 19, 21: what of an HTTP/2 request reaches an HTTP/1.1 origin, and what never does. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { each, Stand } from "../conformance/stand.ts";
import { Http2Client } from "../harness/http2-client.ts";
import {
  type Field,
  Flag,
  FrameClient,
  frame,
  headerBlock,
  headers,
  requestFields,
  Type,
} from "../harness/http2-frames.ts";
import { fieldsOf } from "../harness/origin.ts";

describe("the head of an HTTP/2 request", () => {
  let stand: Stand;
  let client: Http2Client;
  before(async () => {
    stand = await Stand.open();
    client = new Http2Client(`http://127.0.0.1:${stand.gateway.port}`);
  });
  after(async () => {
    client.close();
    await stand.close();
  });

  test("reaches the origin as one HTTP/1.1 request with the same method, target, fields and body", async () => {
    const answer = await client.ask(
      "/a/b?x=1&x=2",
      { ":method": "PUT", "x-one": "1", accept: "text/plain" },
      "hello",
    );
    assert.equal(answer.status, 200);
    assert.equal(answer.body, "PUT /a/b?x=1&x=2 5");
    const request = await stand.arrived("/a/b?x=1&x=2");
    assert.deepEqual(fieldsOf(request, "x-one"), ["1"]);
    assert.deepEqual(fieldsOf(request, "host"), [`127.0.0.1:${stand.gateway.port}`]);
    assert.match(fieldsOf(request, "via")[0] ?? "", /^2 turnpike-/);
    assert.equal(request.body.toString(), "hello");
    assert.equal((await stand.gateway.logged((line) => line["path"] === "/a/b"))["http"], "2");
  });

  test("has its cookies in one field, whatever number they came in", async () => {
    const raw = await FrameClient.to(stand.gateway.port);
    const crumbs = Array.from({ length: 20 }, (_, i): Field => ["cookie", `c${i}=${i}`]);
    raw.send(headers(1, requestFields("/cookies", crumbs)));
    assert.deepEqual(await raw.outcome(1), { body: "GET /cookies 0" });
    const request = await stand.arrived("/cookies");
    assert.deepEqual(fieldsOf(request, "cookie"), [crumbs.map(([, value]) => value).join("; ")]);
    raw.destroy();
  });

  test("may say its host in Host alone, or in both where they agree", async () => {
    const raw = await FrameClient.to(stand.gateway.port);
    const bare = (path: string, fields: Field[]): Field[] => [
      [":method", "GET"],
      [":scheme", "http"],
      [":path", path],
      ...fields,
    ];
    raw.send(headers(1, bare("/host", [["host", "One.Example."]])));
    assert.deepEqual(await raw.outcome(1), { body: "GET /host 0" });
    raw.send(headers(3, requestFields("/both", [["host", "EXAMPLE.com"]])));
    assert.deepEqual(await raw.outcome(3), { body: "GET /both 0" });
    assert.deepEqual(fieldsOf(await stand.arrived("/host"), "host"), ["one.example"]);
    assert.deepEqual(fieldsOf(await stand.arrived("/both"), "host"), ["example.com"]);
    raw.destroy();
  });

  test("is refused, and reaches no origin, where two servers could read it in two ways", async () => {
    const evil = "/evil";
    const swap = (name: string, value: string): Field[] =>
      requestFields(evil).map((field) => (field[0] === name ? [name, value] : field));
    const without = (name: string) => requestFields(evil).filter(([field]) => field !== name);
    const more = (...fields: Field[]) => requestFields(evil, fields);
    const heads: Record<string, Field[]> = {
      "a path with a space": swap(":path", "/evil /x"),
      "a path with a fragment": swap(":path", "/evil#x"),
      "a path with a line end": swap(":path", "/evil\r\nx: y"),
      "a path with a byte above 0x7f": swap(":path", "/evil\xe9"),
      "a path without a slash": swap(":path", "evil"),
      "an absolute path": swap(":path", "http://evil.example/"),
      "an empty path": swap(":path", ""),
      "a path of * for GET": swap(":path", "*"),
      "a backslash": swap(":path", "/evil\\x"),
      "an encoded slash": swap(":path", "/evil%2fx"),
      "a lower-case method": swap(":method", "get"),
      "a method with a line end": swap(":method", "GET\r\nX"),
      "an unknown method": swap(":method", "EVIL"),
      "no method": without(":method"),
      "no path": without(":path"),
      "no scheme": without(":scheme"),
      "no authority and no host": without(":authority"),
      "an authority with user information": swap(":authority", "evil@example.com"),
      "an authority with a path": swap(":authority", "example.com/evil"),
      "an authority with a line end": swap(":authority", "example.com\r\nx: y"),
      "a host that is not the authority": more(["host", "evil.example"]),
      "two hosts": more(["host", "example.com"], ["host", "example.com"]),
      "a second path": more([":path", "/other"]),
      "a pseudo-header behind a field": [...more(["x", "1"]), [":authority", "evil.example"]],
      "an unknown pseudo-header": [...requestFields(evil).slice(0, 4), [":evil", "1"]],
      "a status": [[":status", "200"], ...requestFields(evil)],
      "a name in upper case": more(["X-Evil", "1"]),
      "a name with an underscore": more(["x_evil", "1"]),
      "a name with a colon": more(["x:evil", "1"]),
      "a name with a space": more(["x evil", "1"]),
      "a name with a line end": more(["x\r\nevil", "1"]),
      "an empty name": more(["", "evil"]),
      "a value with a line end": more(["x-evil", "1\r\nx: y"]),
      "a value with LF": more(["x-evil", "1\n2"]),
      "a value with NUL": more(["x-evil", "1\x002"]),
      "a value that begins with a space": more(["x-evil", " 1"]),
      "a value that ends with a tab": more(["x-evil", "1\t"]),
      Connection: more(["connection", "close, authorization"]),
      "Keep-Alive": more(["keep-alive", "timeout=5"]),
      "Proxy-Connection": more(["proxy-connection", "close"]),
      "Transfer-Encoding": more(["transfer-encoding", "chunked"]),
      Upgrade: more(["upgrade", "h2c"]),
      "TE other than trailers": more(["te", "gzip"]),
      "two lengths": more(["content-length", "5"], ["content-length", "5"]),
      "a length that is no number": more(["content-length", "0x5"]),
      "a length with a sign": more(["content-length", "+5"]),
      "a length without a body": more(["content-length", "5"]),
      "an expectation that nobody knows": more(["expect", "evil"]),
      "extended CONNECT": [
        [":method", "CONNECT"],
        [":protocol", "websocket"],
        [":scheme", "http"],
        [":path", evil],
        [":authority", "example.com"],
      ],
      CONNECT: [
        [":method", "CONNECT"],
        [":authority", "evil.example:443"],
      ],
    };
    const rows = Object.entries(heads).map(([name, fields]) => ({ name, fields }));
    await each(rows, async ({ fields }) => {
      const raw = await FrameClient.to(stand.gateway.port);
      raw.send(headers(1, fields));
      const outcome = await raw.outcome(1);
      if ("body" in outcome) {
        const { error } = JSON.parse(outcome.body) as { error: { code: string } };
        assert.match(
          error.code,
          /^(?:MALFORMED_REQUEST|INVALID_HOST|INVALID_PATH|METHOD_NOT_IMPLEMENTED|METHOD_NOT_ALLOWED|EXPECTATION_FAILED)$/,
        );
      } else {
        assert.ok("goaway" in outcome || outcome.reset === 1, JSON.stringify(outcome));
      }
      raw.destroy();
    });
    await stand.victim();
    await stand.audit();
  });

  test("is refused with 414 or 431, and without harm to its neighbours, where it is too large", async () => {
    const raw = await FrameClient.to(stand.gateway.port);
    const filler = (count: number, size: number, name = "x-evil") =>
      Array.from({ length: count }, (_, i): Field => [`${name}-${i}`, "v".repeat(size)]);
    const rows: [Field[], string][] = [
      [requestFields(`/${"evil".repeat(2048)}`), "URI_TOO_LONG"],
      [requestFields("/evil", filler(1, 8 * 1024)), "HEADERS_TOO_LARGE"],
      [requestFields("/evil", filler(5, 4000)), "HEADERS_TOO_LARGE"],
      [requestFields("/evil", filler(101, 1)), "HEADERS_TOO_LARGE"],
    ];
    for (const [at, [fields, code]] of rows.entries()) {
      const id = 2 * at + 1;
      const block = headerBlock(fields);
      const first = block.subarray(0, 16_000);
      raw.send(
        frame(Type.headers, Flag.endStream | (block.length > 16_000 ? 0 : Flag.endHeaders), id, first),
      );
      if (block.length > 16_000)
        raw.send(frame(Type.continuation, Flag.endHeaders, id, block.subarray(16_000)));
      const outcome = await raw.outcome(id);
      assert.ok("body" in outcome && outcome.body.includes(code), `${code}: ${JSON.stringify(outcome)}`);
    }
    raw.send(headers(101, requestFields("/fine", filler(100, 1, "x-fine"))));
    assert.deepEqual(await raw.outcome(101), { body: "GET /fine 0" });
    raw.destroy();
    await stand.audit();
  });

  test("asks for CONNECT in vain: 405, without a path to route it by", async () => {
    const raw = await FrameClient.to(stand.gateway.port);
    raw.send(
      headers(
        1,
        [
          [":method", "CONNECT"],
          [":authority", "example.com:443"],
        ],
        false,
      ),
    );
    const outcome = await raw.outcome(1);
    assert.ok("body" in outcome && outcome.body.includes("METHOD_NOT_ALLOWED"), JSON.stringify(outcome));
    raw.destroy();
  });

  test("may be padded, carry a priority and come in pieces", async () => {
    const raw = await FrameClient.to(stand.gateway.port);
    const block = headerBlock(requestFields("/pieces", [["x-last", "1"]]));
    const padded = Buffer.concat([Buffer.of(7, 0, 0, 0, 0, 16), block.subarray(0, 20), Buffer.alloc(7)]);
    raw.send(frame(Type.headers, Flag.endStream | Flag.padded | Flag.priority, 1, padded));
    raw.send(frame(Type.continuation, 0, 1, block.subarray(20, 21)));
    raw.send(frame(Type.continuation, Flag.endHeaders, 1, block.subarray(21)));
    assert.deepEqual(await raw.outcome(1), { body: "GET /pieces 0" });
    raw.destroy();
  });
});

describe("the body of an HTTP/2 request", () => {
  let stand: Stand;
  before(async () => {
    stand = await Stand.open();
  });
  after(() => stand.close());

  for (const [name, size] of [
    ["longer", 3],
    ["shorter", 9],
  ] as const) {
    test(`that is ${name === "longer" ? "longer" : "shorter"} than Content-Length says is no request to the origin`, async () => {
      const raw = await FrameClient.to(stand.gateway.port);
      raw.send(headers(1, requestFields(`/${name}`, [["content-length", String(size)]], "POST"), false));
      await stand.untilText(`/${name}`).catch(() => {});
      raw.send(frame(Type.data, Flag.endStream, 1, Buffer.from("12345")));
      const outcome = await raw.outcome(1);
      assert.ok("reset" in outcome || "goaway" in outcome || outcome.body.includes("MALFORMED_REQUEST"));
      assert.ok(!stand.origin.requests.some(({ target }) => target === `/${name}`));
      raw.destroy();
    });
  }

  test("with trailers reaches the origin without them", async () => {
    const raw = await FrameClient.to(stand.gateway.port);
    raw.send(
      headers(1, requestFields("/trailers", [], "POST"), false),
      frame(Type.data, 0, 1, Buffer.from("12345")),
    );
    raw.send(headers(1, [["x-evil-trailer", "1"]]));
    assert.deepEqual(await raw.outcome(1), { body: "POST /trailers 5" });
    await stand.audit();
    raw.destroy();
  });
});
