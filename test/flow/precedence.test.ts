/** ERR-18: a request with several faults is refused for the first of them, in a fixed order. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { after, before, describe, test } from "node:test";
import { askOnce, errorCode } from "../harness/ask.ts";
import { startGateway, type TestGateway } from "../harness/gateway.ts";

const hash = (secret: string): string => `sha256:${createHash("sha256").update(secret).digest("hex")}`;

/** Each step of the road, with what makes a request fail there; `good` passes it. */
interface Step {
  readonly code: string;
  readonly status: number;
  readonly spoil: (request: Wanted) => unknown;
}

interface Wanted {
  method: string;
  path: string;
  query: string;
  host: string;
  fields: Map<string, string>;
  body: string;
}

const good = (): Wanted => ({
  method: "POST",
  path: "/orders/7",
  query: "",
  host: "api.example",
  fields: new Map([
    ["X-API-Key", "writer"],
    ["X-Visitor", "fresh"],
    ["Content-Type", "application/json"],
  ]),
  body: '{"quantity":1}',
});

const STEPS: readonly Step[] = [
  {
    code: "MALFORMED_REQUEST",
    status: 400,
    spoil: (request) => request.fields.set("Bad Name", "x"),
  },
  {
    code: "ROUTE_NOT_FOUND",
    status: 404,
    spoil: (request) => Object.assign(request, { path: "/nowhere/7" }),
  },
  {
    code: "METHOD_NOT_ALLOWED",
    status: 405,
    spoil: (request) => Object.assign(request, { method: "DELETE" }),
  },
  {
    code: "ADDRESS_NOT_ALLOWED",
    status: 403,
    spoil: (request) => request.fields.set("X-Forwarded-For", "203.0.113.9"),
  },
  {
    code: "RATE_LIMITED",
    status: 429,
    spoil: (request) => request.fields.set("X-Visitor", "exhausted"),
  },
  { code: "INVALID_API_KEY", status: 401, spoil: (request) => request.fields.set("X-API-Key", "nobody") },
  { code: "INSUFFICIENT_SCOPE", status: 403, spoil: (request) => request.fields.set("X-API-Key", "reader") },
  { code: "RATE_LIMITED", status: 429, spoil: (request) => request.fields.set("X-API-Key", "busy writer") },
  {
    code: "IDEMPOTENCY_KEY_INVALID",
    status: 400,
    spoil: (request) => request.fields.set("Idempotency-Key", "a b"),
  },
  { code: "UNSUPPORTED_VERSION", status: 400, spoil: (request) => request.fields.set("API-Version", "9") },
  {
    code: "UNSUPPORTED_MEDIA_TYPE",
    status: 415,
    spoil: (request) => request.fields.set("Content-Type", "text/csv"),
  },
  {
    code: "VALIDATION_ERROR",
    status: 422,
    spoil: (request) => Object.assign(request, { body: '{"quantity":0}' }),
  },
];

/** Steps that are spoilt by the same header cannot be spoilt together. */
const sameHeader = (a: Step, b: Step): boolean => {
  const [one, two] = [good(), good()];
  a.spoil(one);
  b.spoil(two);
  const changed = (request: Wanted) =>
    [...request.fields].filter(([name, value]) => good().fields.get(name) !== value).map(([name]) => name);
  return changed(one).some((name) => changed(two).includes(name));
};

describe("a request with two faults", () => {
  let gateway: TestGateway;
  before(async () => {
    gateway = await startGateway(
      {
        listen: { trustedProxies: ["127.0.0.0/8"] },
        store: { records: "sqlite:./records.db" },
        keys: [
          { id: "writer", hash: hash("writer"), consumer: "acme", scopes: ["write"] },
          { id: "reader", hash: hash("reader"), consumer: "acme", scopes: ["read"] },
          { id: "busy", hash: hash("busy writer"), consumer: "busy", scopes: ["write"] },
        ],
        versions: { from: ["header"], default: "1", list: { "1": {} } },
        routes: [
          {
            name: "orders",
            path: "/orders/{id}",
            methods: ["POST"],
            to: { fixed: { body: "done" } },
            policies: [
              { "ip-allow": { deny: ["203.0.113.0/24"] } },
              {
                "rate-limit": {
                  name: "visitor",
                  limit: 1000,
                  window: "1h",
                  by: { header: "X-Visitor" },
                  cost: { header: "X-Visitor-Cost" },
                },
              },
              { "api-key": {} },
              { authorize: { scopes: ["write"] } },
              {
                "rate-limit": {
                  name: "consumer",
                  limit: 1000,
                  window: "1h",
                  by: "consumer",
                  cost: { header: "X-Cost" },
                },
              },
              { idempotency: {} },
              {
                validate: {
                  body: {
                    type: "object",
                    properties: { quantity: { type: "integer", minimum: 1 } },
                    required: ["quantity"],
                  },
                },
              },
            ],
          },
        ],
      },
      { time: "by hand" },
    );
    // One visitor and one consumer have used up what they may.
    await send({
      ...good(),
      fields: new Map([...good().fields, ["X-Visitor", "exhausted"], ["X-Visitor-Cost", "999"]]),
    });
    await send({
      ...good(),
      fields: new Map([...good().fields, ["X-Visitor", "exhausted"], ["X-API-Key", "nobody"]]),
    });
    await send({
      ...good(),
      fields: new Map([
        ...good().fields,
        ["X-API-Key", "busy writer"],
        ["X-Cost", "999"],
        ["X-Visitor", "a"],
      ]),
    });
    await send({
      ...good(),
      fields: new Map([...good().fields, ["X-API-Key", "busy writer"], ["X-Visitor", "b"]]),
    });
  });
  after(() => gateway.stop());

  function send({ method, path, query, host, fields, body }: Wanted) {
    const lines = [...fields].map(([name, value]) => `${name}: ${value}\r\n`).join("");
    return askOnce(
      gateway.port,
      `${method} ${path}${query} HTTP/1.1\r\nHost: ${host}\r\n${lines}Content-Length: ${body.length}\r\n\r\n${body}`,
    );
  }

  test("or none, passes", async () => {
    assert.equal((await send(good())).status, 200);
  });

  for (const [position, first] of STEPS.entries()) {
    for (const second of STEPS.slice(position + 1)) {
      if (sameHeader(first, second)) continue;
      test(`${first.code} (${first.status}) and ${second.code} (${second.status}) is refused for the former`, async () => {
        const request = good();
        second.spoil(request);
        first.spoil(request);
        const answer = await send(request);
        assert.deepEqual([answer.status, errorCode(answer)], [first.status, first.code]);
      });
    }
  }
});
