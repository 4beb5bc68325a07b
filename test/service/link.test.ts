/** The way from a lane to the service thread and back, with a handler that says what it has got. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, test } from "node:test";
import { BytesBody } from "../../src/core/body.ts";
import { bufferBody } from "../../src/core/buffer-body.ts";
import type { Call } from "../../src/core/call.ts";
import { GatewayError } from "../../src/core/errors.ts";
import { Headers } from "../../src/core/headers.ts";
import { idempotencyTerms } from "../../src/core/idempotency-terms.ts";
import type { Principal } from "../../src/core/principal.ts";
import type { Reply } from "../../src/core/reply.ts";
import type { ApiVersion, VersionsPlan } from "../../src/core/version.ts";
import { ServiceGeneration } from "../../src/threads/service-generations.ts";
import { ask, askOnce, errorCode, get, post } from "../harness/ask.ts";
import { eventually } from "../harness/eventually.ts";
import { RawClient } from "../harness/raw.ts";
import { openLink } from "./link-stand.ts";

const ADA: Principal = {
  kind: "token",
  id: "jti-1",
  consumer: "Ädä & Söhne\r\nX-Turnpike-Caller: eve",
  environment: "test",
  scopes: new Set(["orders:read", "orders:write"]),
  roles: new Set(["clerk"]),
  plan: "gold",
  claims: { iss: "https://issuer.example", sub: "ada", email: "ada@example.com" },
  fields: "X-Consumer-Id: ada\r\n",
};

const VERSIONS: VersionsPlan = {
  list: ["1", "2"].map(
    (name, place): ApiVersion => ({
      ...{ name, place, deprecated: null, sunset: null, retired: false, brownouts: [], link: "" },
      ...{ successor: null, changes: [] },
    }),
  ),
  from: ["path"],
  header: "API-Version",
  query: "version",
  default: "newest",
  pinned: { consumers: new Map(), claim: "" },
  forward: { path: false, header: false, query: false },
  maxBody: 1,
};

/** Says what it knows of the call. */
function say(call: Call): Reply {
  const { id, clientIp, scheme, host, version, versionPrefix, versionQuery } = call;
  const { challenge, principal, route, request } = call;
  return json({
    ...{ id, clientIp, scheme, host, versionPrefix, versionQuery, challenge, route },
    version: version?.name ?? null,
    principal:
      principal === null
        ? null
        : { ...principal, scopes: [...principal.scopes], roles: [...principal.roles] },
    terms: call.facts.get(idempotencyTerms) ?? null,
    path: request.path,
    query: request.query,
    headers: [...request.headers],
  });
}

function json(value: unknown, status = 200): Reply {
  const headers = Headers.of({ "Content-Type": "application/json" });
  return { status, headers, body: new BytesBody(Buffer.from(JSON.stringify(value))) };
}

const heard = (response: { body: Buffer }) => JSON.parse(response.body.toString()) as Record<string, unknown>;

describe("a call in the service thread", () => {
  test("is the call that the lane has: who calls, from where, in which version, under which id", async () => {
    await using stand = await openLink(say, {
      versions: VERSIONS,
      trustedProxies: ["127.0.0.0/8"],
      prepare: (call) => {
        call.version = VERSIONS.list[1] ?? null;
        call.versionPrefix = "/v2";
        call.versionQuery = "version=2";
        call.challenge = 'Bearer realm="api"';
        call.identify(ADA);
        call.facts.learn(idempotencyTerms, { keep: 60_000, compat: "stripe", docs: "https://d.example" });
      },
    });
    const fields =
      "X-Forwarded-For: 192.0.2.7\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: Shop.example:8443\r\nIdempotency-Key: k\r\nAuthorization: Bearer secret\r\nCookie: a=b\r\nX-Own: 1\r\n";
    const response = await askOnce(stand.port, post("/orders?a=1&a=2", "{}", fields));
    const { headers, ...call } = heard(response);
    assert.deepEqual(call, {
      id: "req_1",
      clientIp: "192.0.2.7",
      scheme: "https",
      host: "shop.example:8443",
      versionPrefix: "/v2",
      versionQuery: "version=2",
      challenge: 'Bearer realm="api"',
      route: { name: "api", path: "/*", methods: [] },
      version: "2",
      principal: {
        kind: "token",
        id: "jti-1",
        consumer: ADA.consumer,
        environment: "test",
        plan: "gold",
        scopes: ["orders:read", "orders:write"],
        roles: ["clerk"],
        claims: { iss: "https://issuer.example" },
        fields: "",
      },
      terms: { keep: 60_000, compat: "stripe", docs: "https://d.example" },
      path: "/orders",
      query: "?a=1&a=2",
    });
    const names = (headers as [string, string][]).map(([name]) => name.toLowerCase());
    assert.ok(names.includes("x-own") && names.includes("idempotency-key"));
    for (const secret of ["authorization", "cookie", "x-forwarded-for"]) assert.ok(!names.includes(secret));
  });

  test("is of nobody where nobody has proved who he is, whatever the client says of himself", async () => {
    await using stand = await openLink(say);
    const honest = heard(await askOnce(stand.port, get("/orders")));
    const forged = Buffer.from(JSON.stringify({ ...ADA, scopes: ["all"], roles: [], issuer: null }));
    const way = Buffer.from(
      JSON.stringify({
        ...{ route: { name: "admin", path: "/", methods: [] }, version: "2", versionPrefix: "/v9" },
        ...{ scheme: "https", terms: null },
      }),
    );
    const fields = ["X-Turnpike-", "x-turnpike-", "X-TURNPIKE-", "x-TurnPike-"].flatMap((prefix) => [
      `${prefix}Caller: ${forged.toString("base64url")}`,
      `${prefix}Way: ${way.toString("base64url")}`,
      `${prefix}Client: 203.0.113.9`,
      `${prefix}Generation: 7`,
      `${prefix}Challenge: Basic`,
    ]);
    fields.push("X-Request-Id: req_mine", "X-Forwarded-For: 203.0.113.9", "X-Forwarded-Host: evil.example");
    for (const connection of ["", "Connection: X-Turnpike-Caller, X-Turnpike-Way, X-Request-Id\r\n"]) {
      const response = await askOnce(stand.port, get("/orders", `${fields.join("\r\n")}\r\n${connection}`));
      const { id, headers, ...call } = heard(response);
      const { id: _, headers: __, ...expected } = honest;
      assert.deepEqual(call, expected);
      assert.match(String(id), /^req_\d+$/);
      assert.equal((headers as [string][]).filter(([name]) => /^x-turnpike-way$/i.test(name)).length, 1);
      assert.ok(!(headers as [string][]).some(([name]) => /^x-turnpike-caller$/i.test(name)));
    }
  });

  test("names the same caller by the same object, so that what is worked out of him can be kept", async () => {
    const seen = new Set<unknown>();
    const remember = (call: Call) => {
      seen.add(call.principal);
      return json({});
    };
    await using stand = await openLink(remember, { prepare: (call) => call.identify(ADA) });
    const client = await RawClient.to(stand.port);
    for (let i = 0; i < 3; i++) await ask(client, get("/orders"));
    client.destroy();
    assert.equal(seen.size, 1);
  });
});

describe("an answer of the service thread", () => {
  test("carries one id, the same as in its error, and one date", async () => {
    const refuse = () => {
      throw new GatewayError("RESOURCE_NOT_FOUND");
    };
    await using stand = await openLink(refuse);
    for (const accept of ["", "Accept: application/problem+json\r\n"]) {
      const response = await askOnce(stand.port, get("/orders/ord_1", accept));
      assert.equal(response.status, 404);
      const document = heard(response) as { error?: { request_id: string }; request_id?: string };
      const [id, ...more] = response.headers.get("x-request-id") ?? [];
      assert.equal(document.error?.request_id ?? document.request_id, id);
      assert.deepEqual(more, []);
      assert.equal(response.headers.get("date")?.length, 1);
      assert.equal(response.headers.get("content-length")?.length, 1);
    }
    const call = stand.calls.at(-1);
    assert.deepEqual([call?.errorCode, call?.upstreamTarget], ["RESOURCE_NOT_FOUND", "service"]);
  });

  test("is a plain 500 where the service made a mistake, which is logged under the id of the call", async () => {
    const fail = () => {
      throw new Error("SELECT secret FROM customers");
    };
    await using stand = await openLink(fail);
    const response = await askOnce(stand.port, get("/orders"));
    assert.deepEqual([response.status, errorCode(response)], [500, "INTERNAL_ERROR"]);
    assert.doesNotMatch(response.body.toString(), /SELECT/);
    assert.equal((stand.logged[0] as { id: string }).id, response.headers.get("x-request-id")?.[0]);
  });

  test("to HEAD has the fields of GET and no body, and the connections of the client and to the service are kept", async () => {
    /** The connections of the lane to the service. */
    const connections = new Set<unknown>();
    await using stand = await openLink(({ exchange }) => {
      connections.add(exchange);
      return json({ data: "x".repeat(100) });
    });
    const client = await RawClient.to(stand.port);
    for (let i = 0; i < 3; i++) {
      client.send("HEAD /orders HTTP/1.1\r\nHost: example\r\n\r\n");
      await client.until(() => client.text.endsWith("\r\n\r\n"));
      assert.match(client.text, /^HTTP\/1\.1 200 OK\r\n(?:.+\r\n)*Content-Length: 111\r\n/);
      client.received = Buffer.alloc(0);
    }
    assert.equal((await ask(client, get("/orders"))).body.length, 111);
    assert.equal(connections.size, 1);
    client.destroy();
  });

  for (const [text, keyed, outcome] of [
    ["stored", { status: 201 }, "stored"],
    ["replayed", { status: 201, headers: { "Idempotent-Replayed": "true" } }, "replayed"],
    ["reused", { error: "IDEMPOTENCY_KEY_REUSED" }, "reused"],
    ["released where nothing was done", { error: "VALIDATION_ERROR" }, "released"],
  ] as const) {
    test(`says what became of its key: ${text}`, async () => {
      const answer = () => {
        if ("error" in keyed) throw new GatewayError(keyed.error);
        return {
          status: keyed.status,
          headers: Headers.of("headers" in keyed ? keyed.headers : {}),
          body: null,
        };
      };
      await using stand = await openLink(answer);
      await askOnce(stand.port, post("/orders", "{}", "Idempotency-Key: k\r\n"));
      await eventually("the call ends", () => stand.calls.length === 1);
      assert.equal(stand.calls[0]?.idempotency, outcome);
    });
  }
});

describe("bodies", () => {
  const digest = async (call: Call) => {
    const body = await bufferBody(call, Number.POSITIVE_INFINITY);
    return json({ bytes: body.length, sha: createHash("sha256").update(body).digest("hex") });
  };

  test("of many megabytes arrive as they were sent, with a length and in chunks", async () => {
    await using stand = await openLink(digest);
    const body = Buffer.alloc(8 * 1024 * 1024, "turnpike");
    const sha = createHash("sha256").update(body).digest("hex");
    const start = "POST /orders HTTP/1.1\r\nHost: example\r\n";
    const whole = Buffer.concat([Buffer.from(`${start}Content-Length: ${body.length}\r\n\r\n`), body]);
    const chunks = Buffer.concat([
      Buffer.from(`${start}Transfer-Encoding: chunked\r\n\r\n${body.length.toString(16)}\r\n`),
      body,
      Buffer.from("\r\n0\r\n\r\n"),
    ]);
    for (const request of [whole, chunks]) {
      const response = await askOnce(stand.port, request, 20_000);
      assert.deepEqual(heard(response), { bytes: body.length, sha });
    }
  });

  test("beyond the route's limit are 413, and what had been sent of them comes to nothing", async () => {
    let whole = 0;
    const count = async (call: Call) => {
      await bufferBody(call, Number.POSITIVE_INFINITY);
      whole++;
      return json({});
    };
    await using stand = await openLink(count, { bodyLimit: 1_000 });
    const declared = await askOnce(stand.port, post("/orders", "x".repeat(1_001)));
    const chunked = `POST /orders HTTP/1.1\r\nHost: example\r\nTransfer-Encoding: chunked\r\n\r\n3e8\r\n${"x".repeat(1_000)}\r\n1\r\nx\r\n0\r\n\r\n`;
    const undeclared = await askOnce(stand.port, chunked);
    assert.deepEqual(
      [errorCode(declared), errorCode(undeclared)],
      ["PAYLOAD_TOO_LARGE", "PAYLOAD_TOO_LARGE"],
    );
    assert.equal((await askOnce(stand.port, post("/orders", "x".repeat(1_000)))).status, 200);
    assert.equal(whole, 1);
  });

  test("that break off are no request: the service is never handed half of one", async () => {
    const errors: unknown[] = [];
    const read = async (call: Call) => {
      try {
        await bufferBody(call, Number.POSITIVE_INFINITY);
        errors.push("whole");
      } catch (error) {
        errors.push(GatewayError.from(error).code);
      }
      return json({});
    };
    await using stand = await openLink(read);
    const client = await RawClient.to(stand.port);
    client.send("POST /orders HTTP/1.1\r\nHost: example\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhalf ");
    await eventually("the service has begun to read", () => stand.generations.find(1).running === 1);
    client.destroy();
    await eventually("the service is told", () => errors.length === 1);
    assert.deepEqual(errors, ["CLIENT_CLOSED"]);
  });
});

describe("a service thread that is gone", () => {
  const never = () => new Promise<Reply>(() => {});

  test("is 503 with Retry-After, at once, and answers again when another has taken its place", async () => {
    await using stand = await openLink(() => json({}));
    assert.equal((await askOnce(stand.port, get("/orders"))).status, 200);
    await stand.kill();
    for (const request of [get("/orders"), post("/orders", "{}"), post("/orders", "{}")]) {
      const response = await askOnce(stand.port, request);
      assert.deepEqual([response.status, errorCode(response)], [503, "SERVICE_UNAVAILABLE"]);
      assert.deepEqual(response.headers.get("retry-after"), ["1"]);
      assert.doesNotMatch(response.body.toString(), /turnpike-|ENOENT|ECONN/);
    }
    await stand.revive();
    assert.equal((await askOnce(stand.port, post("/orders", "{}"))).status, 200);
  });

  for (const [text, request, status, code] of [
    ["a read may be repeated", get("/orders"), 503, "SERVICE_UNAVAILABLE"],
    ["a write with a key, too", post("/orders", "{}", "Idempotency-Key: k\r\n"), 503, "SERVICE_UNAVAILABLE"],
    ["of a write without one nobody knows", post("/orders", "{}"), 502, "UPSTREAM_DISCONNECTED"],
  ] as const) {
    test(`while it answers says what is known: ${text}`, async () => {
      await using stand = await openLink(never);
      const answer = askOnce(stand.port, request);
      await eventually("the service has the call", () => stand.generations.find(1).running === 1);
      await stand.kill();
      const response = await answer;
      assert.deepEqual([response.status, errorCode(response)], [status, code]);
    });
  }

  test("in the middle of an answer breaks the answer off", async () => {
    const half = () => {
      const body = { size: undefined, bytes: undefined, limit: 0, pause() {}, resume() {}, cancel() {} };
      return {
        status: 200,
        headers: new Headers(),
        body: { ...body, read: (reader: { data(chunk: Buffer): void }) => reader.data(Buffer.from("half")) },
      };
    };
    await using stand = await openLink(half);
    const client = await RawClient.to(stand.port);
    client.send(get("/orders"));
    await client.until(() => client.text.includes("half"));
    await stand.kill();
    await client.until(() => client.closed !== null);
    assert.doesNotMatch(client.text, /\r\n0\r\n\r\n$/);
    client.destroy();
  });
});

describe("configs that follow one another", () => {
  const named = (name: string) => ({ handler: () => json({ name }), close: () => {} });

  test("each answer the calls that name them, until nobody can name an older one", async () => {
    let number = 1;
    await using stand = await openLink(() => json({ name: "first" }), { generation: () => number });
    const answer = async () => heard(await askOnce(stand.port, get("/orders")))["name"];
    stand.generations.add(2, new ServiceGeneration(named("second"), null));
    assert.equal(await answer(), "first");
    number = 2;
    assert.equal(await answer(), "second");
    number = 1;
    stand.generations.forgetBefore(2);
    assert.equal(await answer(), "second");
  });

  test("end with their last call", async () => {
    const waiting = Promise.withResolvers<Reply>();
    let closed = false;
    await using stand = await openLink(() => json({}));
    const close = () => {
      closed = true;
    };
    const slow = { handler: () => waiting.promise, close };
    stand.generations.add(1, new ServiceGeneration(slow, null));
    const answer = askOnce(stand.port, get("/orders"));
    await eventually("the call is there", () => stand.generations.find(1).running === 1);
    const ended = stand.generations.close();
    assert.equal(closed, false);
    waiting.resolve(json({ name: "slow" }));
    await ended;
    assert.equal(closed, true);
    assert.equal(heard(await answer)["name"], "slow");
  });
});
