/** Validation as clients see it: ERR-4 to ERR-8, ERR-12, HTTP-5, HTTP-6 and D-03 over a raw socket. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { ask, askOnce, errorCode } from "../harness/ask.ts";
import { startGateway, type TestGateway } from "../harness/gateway.ts";
import { RecordingOrigin } from "../harness/origin.ts";
import { RawClient, type RawResponse } from "../harness/raw.ts";

const ITEM = {
  type: "object",
  required: ["sku"],
  properties: {
    sku: { type: "string", pattern: "^[A-Z]{3}-\\d+$" },
    price: { type: "number", exclusiveMinimum: 0 },
  },
};
const ORDER = {
  type: "object",
  required: ["email", "items"],
  properties: {
    email: { type: "string", format: "email" },
    items: { type: "array", minItems: 1, items: ITEM },
    count: { type: "integer" },
    "a.b": { type: "integer" },
    query: { type: "string" },
  },
};
const STRICT = {
  params: { type: "object", properties: { id: { type: "integer" } } },
  query: {
    type: "object",
    required: ["limit"],
    properties: {
      limit: { type: "integer", minimum: 1, maximum: 100 },
      on: { type: "boolean" },
      tag: { type: "array", items: { type: "string", maxLength: 3 } },
      price: { type: "number" },
    },
  },
  headers: {
    type: "object",
    required: ["X-Tenant"],
    properties: { "X-Tenant": { type: "string", minLength: 2 } },
  },
  body: ORDER,
  unknownFields: "reject",
  unknownQuery: "reject",
};

let origin: RecordingOrigin;
let gateway: TestGateway;
before(async () => {
  origin = await RecordingOrigin.start();
  const to = { upstream: "origin" };
  gateway = await startGateway({
    upstreams: { origin: { targets: [origin.url] } },
    routes: [
      { name: "orders", path: "/orders/{id}", to, policies: [{ validate: STRICT }] },
      { name: "loose", path: "/loose", to, policies: [{ validate: { body: ORDER } }] },
      { name: "small", path: "/small", to, policies: [{ validate: { body: {}, maxBody: "1kb" } }] },
      {
        name: "optional",
        path: "/optional",
        to,
        policies: [{ validate: { body: ORDER, bodyRequired: false } }],
      },
      { name: "report", path: "/report", to, policies: [{ validate: { body: ORDER, mode: "report" } }] },
      {
        name: "map",
        path: "/map",
        to,
        policies: [{ validate: { body: { additionalProperties: { type: "integer" } } } }],
      },
      {
        name: "fields",
        path: "/fields",
        to,
        policies: [
          {
            validate: {
              query: { type: "object", properties: { limit: { type: "integer" } } },
              body: { type: "object", properties: { a: { type: "integer" } } },
              unknownFields: "reject",
            },
          },
        ],
      },
      {
        name: "form",
        path: "/query",
        to,
        policies: [{ validate: { query: { type: "object", additionalProperties: { maxLength: 2 } } } }],
      },
    ],
  });
});
after(async () => {
  await gateway.stop();
  await origin.stop();
});

const VALID = '{"email":"a@b.example","items":[{"sku":"ABC-1","price":0.5}]}';
const JSON_TYPE = "Content-Type: application/json\r\n";

function request(method: string, path: string, body: string | Buffer | null, fields = JSON_TYPE): Buffer {
  const bytes = Buffer.from(body ?? "");
  const length = body === null ? "" : `Content-Length: ${bytes.length}\r\n`;
  return Buffer.concat([
    Buffer.from(`${method} ${path} HTTP/1.1\r\nHost: example\r\n${length}${fields}\r\n`),
    bytes,
  ]);
}

const post = (path: string, body: string | Buffer | null, fields?: string) =>
  askOnce(gateway.port, request("POST", path, body, fields));

interface Detail {
  readonly field: string;
  readonly issue: string;
}

function detailsOf(response: RawResponse): Detail[] {
  return (JSON.parse(response.body.toString()) as { error: { details: Detail[] } }).error.details;
}

const fieldsOf = (response: RawResponse) => detailsOf(response).map(({ field }) => field);

describe("a request that is not valid", () => {
  test("is told everything at once, in the order path, query, header, body (ERR-4, ERR-5)", async () => {
    const body = '{"zz":1,"items":[{"sku":"ABC-1"},{"price":-1,"q":1},3],"a.b":1.5,"query":3,"email":"x"}';
    const response = await post("/orders/x?tag=a&z=1&on=yes&limit=0&tag=long", body);
    assert.equal(response.status, 422);
    assert.equal(errorCode(response), "VALIDATION_ERROR");
    assert.deepEqual(
      detailsOf(response).map(({ field, issue }) => `${field}: ${issue}`),
      [
        "path.id: must be an integer",
        "query.limit: must be at least 1",
        "query.on: must be true or false",
        "query.tag[1]: must have at most 3 characters",
        "query.z: is not a known parameter",
        "header.X-Tenant: is required",
        "zz: is not a known field",
        "items[1].price: must be more than 0",
        "items[1].q: is not a known field",
        "items[1].sku: is required",
        "items[2]: must be an object",
        '["a.b"]: must be an integer',
        '["query"]: must be a string',
        "email: must be an email address",
      ],
    );
  });

  test("never reaches the origin, and leaves the connection to the next request", async () => {
    origin.reset();
    const client = await RawClient.to(gateway.port);
    const bad = request("POST", "/loose", '{"email":1}');
    const chunked = `POST /loose HTTP/1.1\r\nHost: example\r\n${JSON_TYPE}Transfer-Encoding: chunked\r\n\r\n5\r\n{"a":\r\n3\r\n1}}\r\n0\r\n\r\n`;
    client.send(Buffer.concat([bad, Buffer.from(chunked), request("POST", "/loose", VALID)]));
    const responses = await client.responses(3);
    assert.deepEqual(
      responses.map(({ status }) => status),
      [422, 400, 200],
    );
    assert.deepEqual(
      origin.requests.map(({ body }) => body.toString()),
      [VALID],
    );
    client.destroy();
  });

  test("is pointed at in problem details: in the body by JSON Pointer, elsewhere by name (ERR-12)", async () => {
    const fields = `${JSON_TYPE}X-Tenant: ab\r\nAccept: application/problem+json\r\n`;
    const response = await post(
      "/orders/1?limit=x",
      '{"email":"a@b.example","items":[{"sku":1}],"a.b":"x"}',
      fields,
    );
    assert.equal(response.headers.get("content-type")?.[0], "application/problem+json");
    assert.deepEqual((JSON.parse(response.body.toString()) as { errors: unknown }).errors, [
      { field: "query.limit", detail: "must be an integer" },
      { field: "items[0].sku", pointer: "#/items/0/sku", detail: "must be a string" },
      { field: '["a.b"]', pointer: "#/a.b", detail: "must be an integer" },
    ]);
  });

  test("gets a hundred details, and is told that there are more", async () => {
    const response = await post("/map", `{${Array.from({ length: 5_000 }, (_, i) => `"k${i}":"x"`).join()}}`);
    const { error } = JSON.parse(response.body.toString()) as {
      error: { details: unknown[]; truncated: boolean };
    };
    assert.deepEqual([error.details.length, error.truncated], [100, true]);
    assert.deepEqual(fieldsOf(response).slice(0, 2), ["k0", "k1"]);
  });

  test("does not get its own values back", async () => {
    const response = await post(
      "/orders/hunter2?limit=hunter2",
      '{"email":"hunter2","items":"hunter2","count":"hunter2"}',
    );
    assert.equal(response.status, 422);
    assert.doesNotMatch(response.body.toString(), /hunter2/);
  });

  test("of the wrong type altogether fails at its root, whose name is empty (ERR-7)", async () => {
    for (const body of ["[]", "1", '"x"', "null", "true"]) {
      assert.deepEqual(
        detailsOf(await post("/loose", body)),
        [{ field: "", issue: "must be an object" }],
        body,
      );
    }
  });

  test("with an unknown field passes where these are ignored, and not where they are rejected (ERR-6)", async () => {
    const body = VALID.replace("{", '{"x":1,');
    assert.equal((await post("/loose", body)).status, 200);
    const strict = await post("/orders/1?limit=1", body, `${JSON_TYPE}X-Tenant: ab\r\n`);
    assert.deepEqual(detailsOf(strict), [{ field: "x", issue: "is not a known field" }]);
  });
});

describe("types (ERR-8)", () => {
  test("of a body are what they are", async () => {
    const withCount = (count: string) => VALID.replace("{", `{"count":${count},`);
    for (const count of ["1", "1.0", "1e3", "-0", "9007199254740993", "123456789012345678901234567890"]) {
      assert.equal((await post("/loose", withCount(count))).status, 200, count);
    }
    for (const count of ['"1"', "1.5", "true", "null", "[1]"]) {
      assert.deepEqual(fieldsOf(await post("/loose", withCount(count))), ["count"], count);
    }
  });

  test("of parameters are read from their text, strictly", async () => {
    const statusOf = async (query: string, id = "1") => {
      const fields = `${JSON_TYPE}X-Tenant: ab\r\n`;
      return (await askOnce(gateway.port, request("GET", `/orders/${id}?${query}`, null, fields))).status;
    };
    const passes = [
      "limit=1",
      "limit=1.0",
      "limit=1e1",
      "limit=1&on=true",
      "limit=1&tag=a&tag=b",
      "limit=1&tag=a",
      "limit=1&price=1.5",
      "limit=%31",
    ];
    for (const query of passes) assert.equal(await statusOf(query), 200, query);
    const fails = [
      "",
      "limit=",
      "limit=01",
      "limit=+1",
      "limit=0x1",
      "limit=1.5",
      "limit=one",
      "limit=101",
      "limit=1&limit=1",
      "limit=%201",
    ];
    for (const query of [
      ...fails,
      "limit=1&on=TRUE",
      "limit=1&on=1",
      "limit=1&price=1,5",
      "limit=1&price=1e999",
      "limit=%zz",
      "limit=%ff",
    ]) {
      assert.equal(await statusOf(query), 422, query);
    }
    assert.equal(await statusOf("limit=1", "-5"), 200);
    assert.equal(await statusOf("limit=1", "5x"), 422);
  });

  test("of a parameter that is given twice or badly encoded are none", async () => {
    const fields = `${JSON_TYPE}X-Tenant: ab\r\n`;
    const response = await post("/orders/1?limit=1&limit=2&price=%zz", VALID, fields);
    assert.deepEqual(detailsOf(response), [
      { field: "query.limit", issue: "must be given once" },
      { field: "query.price", issue: "is not percent-encoded UTF-8" },
    ]);
  });

  test("leave the bytes that go upstream as they were sent", async () => {
    const body = `${VALID.slice(0, -1)} ,\n "count": 9007199254740993, "big": 1.10, "z":"\\u00e9" }`;
    origin.reset();
    for (const fields of [JSON_TYPE, "Content-Type: application/vnd.order+json; v=1\r\n"]) {
      assert.equal((await post("/loose?a=1&&b=%41+", body, fields)).status, 200);
    }
    const chunks = [...body].map(
      (character) => `${Buffer.byteLength(character).toString(16)}\r\n${character}\r\n`,
    );
    const chunked = `POST /loose HTTP/1.1\r\nHost: example\r\n${JSON_TYPE}Transfer-Encoding: chunked\r\n\r\n${chunks.join("")}0\r\n\r\n`;
    assert.equal((await askOnce(gateway.port, chunked)).status, 200);
    for (const { body: arrived } of origin.requests) assert.equal(arrived.toString(), body);
    assert.equal(origin.requests[0]?.target, "/loose?a=1&&b=%41+");
  });
});

describe("a body (ERR-7, HTTP-5, HTTP-6)", () => {
  test("that is not JSON is a 400 with line and column", async () => {
    const places: readonly [body: string, place: RegExp][] = [
      ['{"a": 1,\n "b": }', /line 2, column 7/],
      ['{"a": 1', /line 1, column 8/],
      ['{"a":1,"a":2}', /line 1, column 8: a name stands twice/],
      ['{"__proto__":{"admin":true}}', /line 1, column 2: a name that changes prototypes/],
      ['{"constructor":{"prototype":{"admin":true}}}', /prototypes/],
      ["[".repeat(100_000), /nested more than 64 levels/],
      [`{${Array.from({ length: 10_001 }, (_, i) => `"${i}":1`).join()}}`, /more than 10000 names/],
      ['"\\ud800"', /surrogate/],
      ["\ufeff{}", /byte order mark/],
      ["1e400", /too large/],
    ];
    for (const [body, place] of places) {
      const response = await post("/loose", body);
      assert.equal(response.status, 400, body.slice(0, 50));
      assert.equal(errorCode(response), "INVALID_JSON");
      assert.match(
        (JSON.parse(response.body.toString()) as { error: { message: string } }).error.message,
        place,
      );
    }
    const latin = await post("/loose", Buffer.from('{"a":"\xe9"}', "latin1"));
    assert.equal(errorCode(latin), "INVALID_JSON");
    assert.equal(({} as { admin?: unknown }).admin, undefined);
  });

  test("that is required and missing is a 400", async () => {
    const chunked = `POST /loose HTTP/1.1\r\nHost: example\r\n${JSON_TYPE}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n`;
    for (const bytes of [request("POST", "/loose", null, ""), request("PUT", "/loose", ""), chunked]) {
      const response = await askOnce(gateway.port, bytes);
      assert.deepEqual([response.status, errorCode(response)], [400, "BODY_REQUIRED"]);
    }
  });

  test("may be missing where it is optional, or where the method has none", async () => {
    for (const [method, path] of [
      ["POST", "/optional"],
      ["GET", "/loose"],
      ["HEAD", "/loose"],
      ["DELETE", "/loose"],
    ] as const) {
      const client = await RawClient.to(gateway.port);
      client.send(request(method, path, null, ""));
      await client.until(() => client.text.startsWith("HTTP/1.1 200"));
      client.destroy();
    }
    assert.equal((await askOnce(gateway.port, request("DELETE", "/loose", "{}"))).status, 422);
  });

  test("of a type that is not taken, or without one, is a 415 that says which are", async () => {
    const types = [
      "",
      "Content-Type: text/plain\r\n",
      "Content-Type: application/xml\r\n",
      "Content-Type: json\r\n",
    ];
    const charset = "Content-Type: application/json; charset=iso-8859-1\r\n";
    for (const fields of [...types, charset, JSON_TYPE + JSON_TYPE]) {
      const response = await post("/loose", VALID, fields);
      assert.deepEqual([response.status, errorCode(response)], [415, "UNSUPPORTED_MEDIA_TYPE"], fields);
      assert.equal(response.headers.get("accept")?.[0], "application/json");
      assert.equal(response.headers.get("accept-post")?.[0], "application/json");
    }
    const patch = await askOnce(
      gateway.port,
      request("PATCH", "/loose", VALID, "Content-Type: text/plain\r\n"),
    );
    assert.equal(patch.headers.get("accept-patch")?.[0], "application/json");
  });

  test("is JSON whatever the case and the parameters of its type", async () => {
    const types = [
      "Application/JSON",
      "application/json;charset=UTF-8",
      'application/json; charset="utf-8"',
      "application/problem+json",
    ];
    for (const type of types)
      assert.equal((await post("/loose", VALID, `Content-Type: ${type}\r\n`)).status, 200, type);
  });

  test("that is encoded is a 415, and never decompressed (D-04)", async () => {
    const response = await post("/loose", VALID, `${JSON_TYPE}Content-Encoding: gzip\r\n`);
    assert.equal(response.status, 415);
    assert.equal(response.headers.get("accept-encoding")?.[0], "identity");
    assert.equal((await post("/loose", VALID, `${JSON_TYPE}Content-Encoding: identity\r\n`)).status, 200);
  });

  test("that is larger than what is checked is a 413, declared or chunked", async () => {
    assert.equal((await post("/small", `"${"x".repeat(1022)}"`)).status, 200);
    assert.equal((await post("/small", `"${"x".repeat(1023)}"`)).status, 413);
    const chunked = `POST /small HTTP/1.1\r\nHost: example\r\n${JSON_TYPE}Transfer-Encoding: chunked\r\n\r\n401\r\n${"1".repeat(1025)}\r\n0\r\n\r\n`;
    assert.equal((await askOnce(gateway.port, chunked)).status, 413);
  });

  test("of a client that waits for 100 is asked for only if the request can still be valid (HTTP-25)", async () => {
    const expect = (fields: string) =>
      request("POST", "/loose", null, `${fields}Content-Length: ${VALID.length}\r\nExpect: 100-continue\r\n`);
    const refused = await askOnce(gateway.port, expect("Content-Type: text/plain\r\n"));
    assert.equal(refused.status, 415);
    const client = await RawClient.to(gateway.port);
    client.send(expect(JSON_TYPE));
    await client.until(() => client.text.includes("100 Continue"));
    assert.equal((await ask(client, VALID)).status, 200);
    client.destroy();
  });
});

describe("a client that goes away in the middle of its body", () => {
  test("leaves nothing at the origin, and a 499 in the log", async () => {
    origin.reset();
    const client = await RawClient.to(gateway.port);
    client.send(
      `POST /loose?gone HTTP/1.1\r\nHost: example\r\n${JSON_TYPE}Content-Length: ${VALID.length}\r\n\r\n{"em`,
    );
    client.destroy();
    const line = await gateway.logged(({ status }) => status === 499);
    assert.equal(line["route"], "loose");
    assert.deepEqual(origin.requests, []);
  });
});

describe("report mode", () => {
  test("passes everything on as it is, and logs nothing of what it holds", async () => {
    origin.reset();
    const bodies = ['{"email":1}', "{not json", ""];
    for (const body of bodies) assert.equal((await post("/report", body)).status, 200, body);
    assert.equal((await post("/report", "x", "Content-Type: text/plain\r\n")).status, 200);
    assert.deepEqual(
      origin.requests.map(({ body }) => body.toString()),
      [...bodies, "x"],
    );
  });
});

describe("a query", () => {
  test("may have unknown parameters where only unknown fields of bodies are rejected", async () => {
    const response = await post("/fields?limit=1&other=2", '{"a":1,"b":2}');
    assert.deepEqual(detailsOf(response), [{ field: "b", issue: "is not a known field" }]);
    assert.equal((await post("/fields?limit=1&other=2", '{"a":1}')).status, 200);
  });
});

describe("a query without declared names", () => {
  test("is checked all the same, whatever its names are", async () => {
    const get = (query: string) => askOnce(gateway.port, request("GET", `/query?${query}`, null, ""));
    assert.equal((await get("a=1&__proto__=2&constructor=3&=4")).status, 200);
    assert.deepEqual(fieldsOf(await get("a=abc&__proto__=abc&constructor=abc&x.y=abc")), [
      "query.a",
      "query.__proto__",
      "query.constructor",
      'query["x.y"]',
    ]);
  });
});
