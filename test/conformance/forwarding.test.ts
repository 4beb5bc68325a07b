/** P-03, P-04, HTTP-22, 23, 26, 27, FWD-*, OBS-1 … 5: what is passed on, what is not, and what is added. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, connect, createServer } from "node:net";
import { after, before, describe, test } from "node:test";
import { freePort } from "../harness/child-gateway.ts";
import { fieldsOf, ok, type RecordedRequest } from "../harness/origin.ts";
import type { RawResponse } from "../harness/raw.ts";
import { bare, codeOf, each, get, refuses, Stand } from "./stand.ts";

let made = 0;

/** The request as the origin got it, and the answer to it. */
async function pass(stand: Stand, fields: string): Promise<{ seen: RecordedRequest; response: RawResponse }> {
  const path = `/pass/${made++}`;
  const response = await stand.ask(get(path, fields));
  assert.equal(response.status, 200, response.body.toString());
  return { seen: await stand.arrived(path), response };
}

const HOP_BY_HOP = [
  "Connection: x-nothing",
  "Keep-Alive: timeout=5",
  "Proxy-Connection: keep-alive",
  "Proxy-Authorization: Basic secret",
  "Proxy-Authenticate: Basic",
  "TE: gzip",
  "Trailer: X-A",
  "Upgrade: foo",
  "HTTP2-Settings: AAMAAABk",
];

describe("a field of the connection", () => {
  let stand: Stand;
  before(async () => {
    stand = await Stand.open();
  });
  after(() => stand.close());

  test("is never forwarded to an upstream, in whatever case it is written", async () => {
    await each(
      HOP_BY_HOP.flatMap((field) => [
        field,
        field.toLowerCase(),
        field.replace(/^[^:]+/, (name) => name.toUpperCase()),
      ]).map((field) => ({ name: field, field })),
      async ({ field }) => {
        const { seen } = await pass(stand, `${field}\r\n`);
        assert.deepEqual(fieldsOf(seen, field.split(":", 1)[0]?.toLowerCase() ?? ""), []);
      },
    );
  });

  test("is never forwarded to a client", async () => {
    for (const field of HOP_BY_HOP.filter((line) => !line.startsWith("Trailer"))) {
      stand.origin.answer = () => ok("x", `${field}\r\nX-Nothing: 1\r\n`);
      const response = await stand.ask(get("/back"));
      assert.equal(response.status, 200, field);
      assert.equal(response.headers.get(field.split(":", 1)[0]?.toLowerCase() ?? ""), undefined, field);
      if (field.startsWith("Connection")) assert.equal(response.headers.get("x-nothing"), undefined);
    }
    stand.origin.answer = ({ method, target, body }) => ok(`${method} ${target} ${body.length}`);
  });

  test("takes those along that Connection names, in one line or several", async () => {
    for (const connection of [
      "X-Hop, x-other",
      "close, X-HOP,X-Other",
      "X-Hop\r\nConnection: X-Other",
      ",,X-Hop,\t,X-Other,",
    ]) {
      const { seen } = await pass(
        stand,
        `X-Hop: 1\r\nX-Other: 2\r\nX-Hop: 3\r\nX-Stays: 4\r\nConnection: ${connection}\r\n`,
      );
      assert.deepEqual(fieldsOf(seen, "x-hop"), [], connection);
      assert.deepEqual(fieldsOf(seen, "x-other"), [], connection);
      assert.deepEqual(fieldsOf(seen, "x-stays"), ["4"]);
      assert.deepEqual(fieldsOf(seen, "connection"), []);
    }
  });

  test("cannot be made of what decisions depend on: Connection does not strip it", async () => {
    const named =
      "close, Authorization, X-Forwarded-For, X-Forwarded-Host, X-Forwarded-Proto, X-Real-IP, Host, Content-Length, Cookie, X-Request-Id, traceparent, Via, Content-Type";
    for (const connection of [
      named,
      named.toLowerCase(),
      named.toUpperCase(),
      named.replaceAll(", ", "\r\nConnection: "),
    ]) {
      const path = `/named/${made++}`;
      const fields = `Connection: ${connection}\r\nContent-Length: 3\r\nAuthorization: Bearer a\r\nCookie: b=c\r\nContent-Type: d/e\r\nX-Forwarded-For: 6.6.6.6\r\nX-Request-Id: mine\r\n`;
      await stand.ask(bare(path, fields, "abc"));
      const seen = await stand.arrived(path);
      const expected: [string, RegExp][] = [
        ["authorization", /^Bearer a$/],
        ["cookie", /^b=c$/],
        ["content-type", /^d\/e$/],
        ["host", /^example\.com$/],
        ["content-length", /^3$/],
        ["x-forwarded-for", /^127\.0\.0\.1$/],
        ["x-forwarded-host", /^example\.com$/],
        ["x-forwarded-proto", /^http$/],
        ["x-real-ip", /^127\.0\.0\.1$/],
        ["x-request-id", /^req_/],
        ["traceparent", /^00-/],
        ["via", /^1\.1 /],
      ];
      for (const [name, value] of expected) {
        const values = fieldsOf(seen, name);
        assert.equal(values.length, 1, `${name}: ${values}`);
        assert.match(values[0] ?? "", value, name);
      }
      assert.equal(seen.body.toString(), "abc");
    }
  });
});

describe("a field that the gateway sets for a route", () => {
  test("arrives once and with the gateway's value, whatever the client sends or nominates", async () => {
    await using stand = await Stand.open({
      routes: [
        {
          name: "all",
          path: "/*",
          to: { upstream: "origin" },
          headers: {
            request: {
              set: { "X-Consumer-Id": "ours", Authorization: "Basic ours" },
              remove: ["X-Internal"],
            },
            response: { set: { "X-Answered": "ours" }, remove: ["X-Secret"] },
          },
        },
      ],
    });
    stand.origin.answer = () =>
      ok("x", "X-Answered: theirs\r\nX-Secret: 1\r\nX-Kept: 1\r\nConnection: X-Answered\r\n");
    const attempts = [
      "",
      "X-Consumer-Id: evil\r\n",
      "x-consumer-id: evil\r\nX-CONSUMER-ID: evil\r\n",
      "X-Consumer-Id: evil\r\nConnection: X-Consumer-Id\r\n",
      "Connection: close, x-consumer-id, authorization\r\n",
      "Authorization: evil\r\nAuthorization: evil\r\nX-Internal: evil\r\nx-internal: evil\r\n",
    ];
    for (const fields of attempts) {
      const { seen, response } = await pass(stand, fields);
      assert.deepEqual(fieldsOf(seen, "x-consumer-id"), ["ours"], fields);
      assert.deepEqual(fieldsOf(seen, "authorization"), ["Basic ours"], fields);
      assert.deepEqual(fieldsOf(seen, "x-internal"), []);
      assert.deepEqual(response.headers.get("x-answered"), ["ours"]);
      assert.equal(response.headers.get("x-secret"), undefined);
      assert.deepEqual(response.headers.get("x-kept"), ["1"]);
    }
    assert.doesNotMatch(stand.origin.text, /evil/);
  });
});

describe("a field name with an underscore", () => {
  test("is refused, because some origins read it as another one", async () => {
    await using stand = await Stand.open();
    const names = [
      "X_Consumer_Id",
      "X_Forwarded_For",
      "x_real_ip",
      "Content_Length",
      "_",
      "_a",
      "a_",
      "X-Forwarded_For",
      "Author_ization",
      "HTTP_HOST",
    ];
    await refuses(
      stand,
      names.map((name) => ({ name, bytes: get("/evil", `${name}: 1\r\n`) })),
      { status: 400, code: "MALFORMED_REQUEST" },
    );
  });
});

describe("what everything else is", () => {
  test("passed on as it came: order, repetition, case of names, bytes of values", async () => {
    await using stand = await Stand.open();
    const sent: [string, string][] = [
      ["X-b", "1"],
      ["x-A", "2"],
      ["X-B", "3"],
      ["Accept", "a/b;q=0.5, c/d"],
      ["accept", "e/f"],
      ["X-Empty", ""],
      ["X-Latin1", "caf\u00e9 \u00ff"],
      ["X-Inner", "a \t  b"],
      ["Cookie", "a=b; c=d"],
      ["Cookie", "e=f"],
      ["!#$%&'*+-.^`|~", "token"],
      ["X-Quoted", '"a\\"b", c'],
      ["If-None-Match", 'W/"x"'],
      ["Range", "bytes=0-1"],
      ["Accept-Encoding", "gzip, br"],
    ];
    const { seen } = await pass(stand, sent.map(([name, value]) => `${name}: ${value}\r\n`).join(""));
    const own = new Set(["host", "via", "traceparent", "x-request-id", "x-real-ip"]);
    const kept = seen.fields.filter(([name]) => !own.has(name.toLowerCase()) && !/^x-forwarded-/i.test(name));
    assert.deepEqual(kept, sent);
    const answered: [string, string][] = [
      ["Set-Cookie", "a=b; Path=/"],
      ["Set-Cookie", "c=d"],
      ["X-Latin1", "caf\u00e9"],
      ["ETag", '"x"'],
      ["Vary", "Accept"],
      ["Content_Type", "underscore"],
      ["Access-Control-Allow-Origin", "*"],
      ["Cache-Control", "public"],
    ];
    stand.origin.answer = () =>
      Buffer.from(
        `HTTP/1.1 200 OK\r\n${answered.map(([name, value]) => `${name}: ${value}\r\n`).join("")}Content-Length: 0\r\n\r\n`,
        "latin1",
      );
    const response = await stand.ask(get("/back"));
    for (const [name] of answered) {
      assert.deepEqual(
        response.headers.get(name.toLowerCase()),
        answered.filter(([other]) => other === name).map(([, value]) => value),
      );
    }
  });

  test("a length of zero for methods that have a body and sent none, and no length for others", async () => {
    await using stand = await Stand.open();
    for (const [method, length] of [
      ["POST", ["0"]],
      ["PUT", ["0"]],
      ["PATCH", ["0"]],
      ["GET", []],
      ["DELETE", []],
      ["QUERY", []],
    ] as const) {
      await stand.ask(`${method} /length/${method} HTTP/1.1\r\nHost: a\r\n\r\n`);
      const seen = await stand.arrived(`/length/${method}`);
      assert.deepEqual(fieldsOf(seen, "content-length"), length, method);
      assert.deepEqual(fieldsOf(seen, "transfer-encoding"), []);
    }
  });
});

describe("the client's address", () => {
  const lies = [
    "X-Forwarded-For: 6.6.6.6",
    "x-forwarded-for: 6.6.6.6, 7.7.7.7",
    "X-Forwarded-For: 6.6.6.6\r\nX-Forwarded-For: 127.0.0.1",
    "X-Forwarded-For: 127.0.0.1",
    "X-FORWARDED-FOR: \r\nX-Forwarded-For: unknown",
    "X-Real-IP: 6.6.6.6",
    "X-Real-Ip: 6.6.6.6\r\nX-REAL-IP: 7.7.7.7",
    "X-Forwarded-Host: evil.example",
    "X-Forwarded-Host: a\r\nX-Forwarded-Host: evil.example",
    "X-Forwarded-Proto: https",
    "X-Forwarded-Port: 443",
    "Forwarded: for=6.6.6.6;host=evil.example;proto=https",
    "Forwarded: for=evil\r\nForwarded: for=_evil",
  ];

  test("from a stranger is his own: what he says about it is neither believed nor passed on", async () => {
    await using stand = await Stand.open();
    await each(
      lies.map((fields) => ({ name: fields, fields })),
      async ({ fields }) => {
        const { seen, response } = await pass(stand, `${fields}\r\n`);
        assert.deepEqual(fieldsOf(seen, "x-forwarded-for"), ["127.0.0.1"]);
        assert.deepEqual(fieldsOf(seen, "x-real-ip"), ["127.0.0.1"]);
        assert.deepEqual(fieldsOf(seen, "x-forwarded-proto"), ["http"]);
        assert.deepEqual(fieldsOf(seen, "x-forwarded-host"), ["example.com"]);
        assert.deepEqual(fieldsOf(seen, "x-forwarded-port"), [String(stand.gateway.port)]);
        assert.deepEqual(fieldsOf(seen, "forwarded"), []);
        const id = response.headers.get("x-request-id")?.[0];
        assert.equal((await stand.gateway.logged((line) => line["id"] === id))["client_ip"], "127.0.0.1");
      },
    );
    assert.doesNotMatch(stand.origin.text, /evil|6\.6\.6\.6/);
  });

  test("is one and the same in the log for 1,000 requests with invented ones", async () => {
    await using stand = await Stand.open();
    const client = await stand.client();
    client.send(
      Array.from({ length: 999 }, (_, at) =>
        get(
          "/many",
          `X-Forwarded-For: 10.${at % 256}.${at >> 8}.1, ${at}.1.1.1\r\nX-Real-IP: 9.9.9.${at % 256}\r\n`,
        ),
      ).join(""),
    );
    await client.responses(999, 10_000);
    client.destroy();
    const lines = (await stand.gateway.log()).filter((line) => line["path"] === "/many");
    assert.ok(lines.length > 0);
    assert.deepEqual([...new Set(lines.map((line) => line["client_ip"]))], ["127.0.0.1"]);
  });

  test("from a trusted proxy is the right-most that is no trusted proxy, and the list goes on", async () => {
    await using stand = await Stand.open({ listen: { trustedProxies: ["127.0.0.0/8", "10.0.0.0/8"] } });
    const rows: [fields: string, client: string, list: string][] = [
      ["X-Forwarded-For: 1.2.3.4", "1.2.3.4", "1.2.3.4, 127.0.0.1"],
      ["X-Forwarded-For: 6.6.6.6, 1.2.3.4", "1.2.3.4", "6.6.6.6, 1.2.3.4, 127.0.0.1"],
      ["X-Forwarded-For: 6.6.6.6, 1.2.3.4, 10.1.1.1", "1.2.3.4", "6.6.6.6, 1.2.3.4, 10.1.1.1, 127.0.0.1"],
      ["X-Forwarded-For: 6.6.6.6\r\nX-Forwarded-For: 1.2.3.4", "1.2.3.4", "6.6.6.6, 1.2.3.4, 127.0.0.1"],
      ["X-Forwarded-For: garbage, 10.1.1.1", "10.1.1.1", "10.1.1.1, 127.0.0.1"],
      ["X-Forwarded-For: 1.2.3.4, garbage", "127.0.0.1", "127.0.0.1"],
      ["X-Forwarded-For: 1.2.3.4:5678", "1.2.3.4", "1.2.3.4, 127.0.0.1"],
      ["X-Forwarded-For: [2001:db8::1]:5", "2001:db8::1", "2001:db8::1, 127.0.0.1"],
      ["X-Forwarded-For: ::ffff:1.2.3.4", "1.2.3.4", "1.2.3.4, 127.0.0.1"],
      ["X-Forwarded-For: ::ffff:10.0.0.1", "10.0.0.1", "10.0.0.1, 127.0.0.1"],
      ["X-Forwarded-For: 01.2.3.4", "127.0.0.1", "127.0.0.1"],
      ["X-Forwarded-For:", "127.0.0.1", "127.0.0.1"],
    ];
    await each(
      rows.map(([fields, client, list]) => ({ name: fields, fields, client, list })),
      async ({ fields, client, list }) => {
        const { seen, response } = await pass(stand, `${fields}\r\n`);
        assert.deepEqual(fieldsOf(seen, "x-forwarded-for"), [list]);
        assert.deepEqual(fieldsOf(seen, "x-real-ip"), [client]);
        const id = response.headers.get("x-request-id")?.[0];
        assert.equal((await stand.gateway.logged((line) => line["id"] === id))["client_ip"], client);
      },
    );
  });

  test("from a trusted proxy comes with its scheme, host and port", async () => {
    await using stand = await Stand.open({ listen: { trustedProxies: ["127.0.0.1/32"] } });
    const { seen } = await pass(stand, "X-Forwarded-Proto: https\r\nX-Forwarded-Host: Shop.Example\r\n");
    assert.deepEqual(fieldsOf(seen, "x-forwarded-proto"), ["https"]);
    assert.deepEqual(fieldsOf(seen, "x-forwarded-host"), ["shop.example"]);
    assert.deepEqual(fieldsOf(seen, "x-forwarded-port"), ["443"]);
    assert.deepEqual(fieldsOf(seen, "host"), ["example.com"]);
  });
});

describe("Via", () => {
  test("names the gateway behind those who were there before, in one field", async () => {
    await using stand = await Stand.open();
    assert.match(fieldsOf((await pass(stand, "")).seen, "via")[0] ?? "", /^1\.1 turnpike-[0-9a-f]+$/);
    const { seen } = await pass(stand, "Via: 1.0 fred\r\nvia: 1.1 p.example (Apache/1.1)\r\n");
    assert.equal(fieldsOf(seen, "via").length, 1);
    assert.match(
      fieldsOf(seen, "via")[0] ?? "",
      /^1\.0 fred, 1\.1 p\.example \(Apache\/1\.1\), 1\.1 turnpike-/,
    );
  });

  test("ends a request that comes back to its gateway with 508", async () => {
    const port = await freePort();
    // A wire that leads back: the config itself would be refused for it.
    const wire = createServer((socket) => void socket.pipe(connect(port, "127.0.0.1")).pipe(socket));
    await once(wire.listen(0, "127.0.0.1"), "listening");
    const { port: back } = wire.address() as AddressInfo;
    await using stand = await Stand.open({
      // Whichever lane it comes back to.
      lanes: 2,
      listen: { port },
      upstreams: { loop: { targets: [`http://127.0.0.1:${back}`] } },
      routes: [{ name: "all", path: "/*", to: { upstream: "loop" } }],
    });
    wire.unref();
    const response = await stand.ask(get("/loop"));
    assert.equal(response.status, 508);
    assert.equal(codeOf(response), "LOOP_DETECTED");
  });
});

describe("a request id", () => {
  test("of a stranger is replaced and told back to him, of a trusted proxy it is taken over if it is one", async () => {
    await using plain = await Stand.open();
    await using trusting = await Stand.open({ listen: { trustedProxies: ["127.0.0.0/8"] } });
    const rows: [given: string, valid: boolean][] = [
      ["abc", true],
      ["A.b_c~d:e+f/g=h-1", true],
      ["x".repeat(128), true],
      ["x".repeat(129), false],
      ["a b", false],
      ['a"b', false],
      ["a,b", false],
      ["{}", false],
      ["caf\u00e9", false],
      ["", false],
    ];
    await each(
      rows.map(([given, valid]) => ({ name: given, given, valid })),
      async ({ given, valid }) => {
        for (const stand of [plain, trusting]) {
          const { seen, response } = await pass(stand, `X-Request-Id: ${given}\r\n`);
          const id = response.headers.get("x-request-id");
          assert.equal(id?.length, 1);
          assert.deepEqual(fieldsOf(seen, "x-request-id"), id);
          await stand.gateway.logged((line) => line["id"] === id?.[0]);
          if (valid && stand === trusting) assert.equal(id?.[0], given);
          else assert.match(id?.[0] ?? "", /^req_[0-9A-HJKMNP-TV-Z]{26}$/);
          const echoed = valid && stand === plain ? [given] : undefined;
          assert.deepEqual(response.headers.get("x-client-request-id"), echoed);
        }
      },
    );
  });

  test("is never the same twice, and an upstream cannot set it", async () => {
    await using stand = await Stand.open({}, { answer: () => ok("x", "X-Request-Id: upstream\r\n") });
    const client = await stand.client();
    client.send(Array.from({ length: 500 }, () => get("/ids", "X-Request-Id: same\r\n")).join(""));
    const responses = await client.responses(500);
    const ids = responses.map(({ headers }) => headers.get("x-request-id"));
    assert.ok(ids.every((id) => id?.length === 1));
    assert.equal(new Set(ids.map((id) => id?.[0])).size, 500);
    client.destroy();
  });
});

describe("a trace", () => {
  let stand: Stand;
  before(async () => {
    stand = await Stand.open();
  });
  after(() => stand.close());

  const TRACE = "0af7651916cd43dd8448eb211c80319c";
  const PARENT = "b7ad6b7169203331";

  test("goes on with the same trace id, another parent, and the flags that are known", async () => {
    for (const [given, flags] of [
      ["00", "00"],
      ["01", "01"],
      ["02", "02"],
      ["03", "03"],
      ["ff", "03"],
      ["fc", "00"],
    ]) {
      const { seen } = await pass(
        stand,
        `TraceParent:\t00-${TRACE}-${PARENT}-${given}  \r\nTracestate: a=b,c=d\r\n`,
      );
      const [sent, ...more] = fieldsOf(seen, "traceparent");
      assert.deepEqual(more, []);
      const [version, trace, parent, out] = sent?.split("-") ?? [];
      assert.equal(version, "00");
      assert.equal(trace, TRACE);
      assert.notEqual(parent, PARENT);
      assert.match(parent ?? "", /^[0-9a-f]{16}$/);
      assert.equal(out, flags, given);
      assert.match(fieldsOf(seen, "tracestate").join(), /a=b,\s*c=d$/);
    }
  });

  test("begins anew where what came is not well-formed, and its state is dropped", async () => {
    const bad = [
      `00-${"0".repeat(32)}-${PARENT}-01`,
      `00-${TRACE}-${"0".repeat(16)}-01`,
      `00-${TRACE.toUpperCase()}-${PARENT}-01`,
      `00-${TRACE}-${PARENT}-01-x`,
      `00-${TRACE}-${PARENT}-1`,
      `00-${TRACE}-${PARENT}`,
      `ff-${TRACE}-${PARENT}-01`,
      `0-${TRACE}-${PARENT}-01`,
      `00-${TRACE}x-${PARENT}-01`,
      `00_${TRACE}_${PARENT}_01`,
      "garbage",
      "",
      `00-${TRACE}-${PARENT}-01\r\ntraceparent: 00-${TRACE}-${PARENT}-01`,
      `00-${TRACE}-${PARENT}-01, 00-${TRACE}-${PARENT}-01`,
    ];
    await each(
      bad.map((value) => ({ name: value, value })),
      async ({ value }) => {
        const { seen } = await pass(stand, `traceparent: ${value}\r\ntracestate: a=b\r\n`);
        const [sent, ...more] = fieldsOf(seen, "traceparent");
        assert.deepEqual(more, []);
        assert.match(sent ?? "", /^00-[0-9a-f]{32}-[0-9a-f]{16}-0[0-3]$/);
        assert.ok(!sent?.includes(TRACE));
        assert.ok(!fieldsOf(seen, "tracestate").join().includes("a=b"));
      },
    );
  });

  test("does not carry the baggage of strangers", async () => {
    const { seen } = await pass(stand, "baggage: user=evil\r\n");
    assert.deepEqual(fieldsOf(seen, "baggage"), []);
  });
});

describe("trailers", () => {
  let stand: Stand;
  before(async () => {
    const trailers = [
      "X-Checksum: 1",
      "Grpc-Status: 0",
      ..."Authorization Set-Cookie Cookie Cache-Control Content-Type Content-Encoding Location X-Request-Id Via X-Forwarded-For Age Www-Authenticate Max-Forwards Retry-After Vary Date Expires If-Match Range"
        .split(" ")
        .map((name) => `${name}: evil`),
    ];
    stand = await Stand.open(
      {},
      {
        answer: () =>
          `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n${trailers.join("\r\n")}\r\n\r\n`,
      },
    );
  });
  after(() => stand.close());

  test("of an answer reach only a client that said `TE: trailers`, without those that decide anything", async () => {
    for (const te of ["trailers", "Trailers", "gzip, trailers", "trailers;q=0.5"]) {
      const { seen, response } = await pass(stand, `TE: ${te}\r\n`);
      assert.deepEqual(fieldsOf(seen, "te"), ["trailers"]);
      assert.deepEqual(fieldsOf(seen, "connection"), ["TE"]);
      const left = response.trailers.split("\r\n").filter((line) => line !== "");
      assert.deepEqual(left, ["X-Checksum: 1", "Grpc-Status: 0"], te);
      assert.equal(response.headers.get("x-checksum"), undefined);
    }
    for (const te of ["", "TE: gzip\r\n", "TE: xtrailers\r\n", "Trailer: X-Checksum\r\n"]) {
      const { seen, response } = await pass(stand, te);
      assert.deepEqual(fieldsOf(seen, "te"), [], te);
      assert.equal(response.trailers, "");
      assert.equal(response.headers.get("x-checksum"), undefined);
    }
  });

  test("of a request are dropped and never merged into its fields", async () => {
    const path = "/request-trailers";
    await stand.ask(
      bare(
        path,
        "Transfer-Encoding: chunked\r\nTrailer: X-A\r\n",
        "3\r\nabc\r\n0\r\nX-A: evil\r\nAuthorization: evil\r\nX-Forwarded-For: evil\r\n\r\n",
      ),
    );
    const seen = await stand.arrived(path);
    assert.equal(seen.body.toString(), "abc");
    assert.deepEqual(fieldsOf(seen, "x-a"), []);
    assert.deepEqual(fieldsOf(seen, "authorization"), []);
    assert.doesNotMatch(stand.origin.text, /evil/);
  });

  test("that would frame, route or end the connection are refused: 502 from an upstream, 400 from a client", async () => {
    const names =
      "Content-Length Transfer-Encoding Host Connection Trailer TE Upgrade Keep-Alive Expect".split(" ");
    await using own = await Stand.open();
    await refuses(
      own,
      names.map((name) => ({
        name,
        bytes: bare("/evil", "Transfer-Encoding: chunked\r\n", `0\r\n${name}: 1\r\n\r\n`),
      })),
      { status: 400, code: "MALFORMED_REQUEST" },
    );
    for (const name of names) {
      own.origin.answer = () =>
        `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n${name}: 1\r\n\r\n`;
      assert.equal((await own.ask(get("/", "TE: trailers\r\n"))).status, 502, name);
    }
  });
});
