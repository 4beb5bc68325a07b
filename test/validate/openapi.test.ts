/** Validation by an OpenAPI document, through a real gateway (SEC-3). */
import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { askOnce, errorCode } from "../harness/ask.ts";
import { startGateway, type TestGateway } from "../harness/gateway.ts";
import type { RawResponse } from "../harness/raw.ts";

const ref = (name: string) => ({ $ref: `#/components/${name}` });
const query = (name: string, schema: object, more: object = {}) => ({ name, in: "query", schema, ...more });
const integers = { type: "array", items: { type: "integer" } };

const DOCUMENT = {
  openapi: "3.1.0",
  info: { title: "Pets", version: "1" },
  servers: [
    { url: "https://{host}/{base}", variables: { host: { default: "x.example" }, base: { default: "v1" } } },
  ],
  "x-anything": true,
  paths: {
    "/pets": {
      get: {
        parameters: [
          query("limit", { type: "integer", maximum: 10 }),
          query("ids", integers, { explode: false }),
          query("more", integers),
          query("piped", integers, { style: "pipeDelimited", explode: false }),
          query("spaced", integers, { style: "spaceDelimited", explode: false }),
          query(
            "filter",
            { type: "object", properties: { age: { type: "integer" } }, additionalProperties: false },
            { style: "deepObject" },
          ),
          query("range", {
            type: "object",
            properties: { from: { type: "integer" }, to: { type: "integer" } },
          }),
          query("when", {
            anyOf: [
              { type: "integer", maximum: 9 },
              { type: "string", pattern: "^\\d{4}$" },
            ],
          }),
          { name: "where", in: "query", content: { "application/json": { schema: { required: ["a"] } } } },
          { name: "session", in: "cookie", required: true, schema: { type: "string", minLength: 3 } },
          { name: "X-Flags", in: "header", schema: { type: "array", items: { enum: ["a", "b"] } } },
          { name: "Accept", in: "header", required: true, schema: { const: "never looked at" } },
          ref("parameters/page"),
        ],
      },
      post: { requestBody: ref("requestBodies/Pet") },
    },
    "/pets/mine": { get: { parameters: [] } },
    "/pets/{petId}": {
      parameters: [{ name: "petId", in: "path", required: true, schema: { type: "integer" } }],
      get: {},
      patch: {
        requestBody: { content: { "application/merge-patch+json": { schema: { minProperties: 1 } } } },
      },
      put: {
        parameters: [{ name: "petId", in: "path", required: true, schema: { type: "string", maxLength: 2 } }],
        requestBody: {
          content: {
            "application/x-www-form-urlencoded": { schema: ref("schemas/Cat") },
            "text/plain; charset=utf-8": { schema: { type: "string", maxLength: 3 } },
            "image/*": { schema: { type: "string", format: "binary" } },
          },
        },
      },
    },
  },
  components: {
    parameters: { page: query("page", ref("schemas/Page")) },
    requestBodies: {
      Pet: { required: true, content: { "application/json": { schema: ref("schemas/Pet") } } },
    },
    schemas: {
      Page: { type: "integer", minimum: 1 },
      Pet: {
        oneOf: [ref("schemas/Cat"), ref("schemas/Dog")],
        discriminator: {
          propertyName: "kind",
          mapping: { cat: "#/components/schemas/Cat", dog: "#/components/schemas/Dog" },
        },
      },
      Base: {
        type: "object",
        required: ["id", "kind", "name"],
        properties: {
          id: { type: "string", readOnly: true },
          kind: { type: "string" },
          name: { type: "string", examples: ["Tom"], "x-order": 1 },
          mother: ref("schemas/Pet"),
        },
      },
      Cat: {
        allOf: [ref("schemas/Base"), { required: ["lives"], properties: { lives: { type: "integer" } } }],
      },
      Dog: {
        allOf: [ref("schemas/Base"), { required: ["barks"], properties: { barks: { type: "boolean" } } }],
      },
    },
  },
};

let folder: string;
let gateway: TestGateway;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "turnpike-openapi-"));
  const openapi = join(folder, "api.json");
  await writeFile(openapi, JSON.stringify(DOCUMENT));
  const to = { fixed: { status: 200, body: "passed" } };
  const strict = { openapi, unknownFields: "reject", unknownQuery: "reject" };
  gateway = await startGateway({
    routes: [
      { name: "strict", path: "/v1/*", to, policies: [{ validate: strict }] },
      {
        name: "loose",
        path: "/loose/*",
        to,
        policies: [{ validate: { openapi, basePath: "/loose", undeclared: "allow" } }],
      },
    ],
  });
});
after(async () => {
  await gateway.stop();
  await rm(folder, { recursive: true, force: true });
});

async function send(method: string, path: string, body = "", fields = ""): Promise<RawResponse> {
  const length = body === "" ? "" : `Content-Length: ${Buffer.byteLength(body)}\r\n`;
  return askOnce(
    gateway.port,
    `${method} ${path} HTTP/1.1\r\nHost: example\r\n${length}${fields}\r\n${body}`,
  );
}

const postPet = (pet: object) =>
  send("POST", "/v1/pets", JSON.stringify(pet), "Content-Type: application/json\r\n");

/** `passed`, or what is wrong. */
async function verdict(response: Promise<RawResponse>): Promise<string | string[]> {
  const text = (await response).body.toString();
  if (text === "passed") return text;
  const { error } = JSON.parse(text) as {
    error: { code: string; details: { field: string; issue: string }[] };
  };
  return error.code === "VALIDATION_ERROR"
    ? error.details.map(({ field, issue }) => `${field}: ${issue}`)
    : error.code;
}

const COOKIE = "Cookie: a=b; session=abc; c\r\n";

describe("an operation of an OpenAPI document", () => {
  test("takes parameters in the styles that it declares", async () => {
    const queries = [
      "limit=10&ids=1,2,3&more=1&more=2&piped=1|2&piped=3&spaced=1%202&page=2",
      "ids=&filter[age]=3&range=ignored".replace("&range=ignored", "&from=1&to=2"),
      "filter%5Bage%5D=3&where=%7B%22a%22%3A1%7D&piped=1%7C2&spaced=1+2",
      "when=5&more=7",
      "when=2026",
    ];
    for (const text of queries) {
      assert.equal(
        await verdict(send("GET", `/v1/pets?${text}`, "", `${COOKIE}X-Flags: a, b\r\nX-Flags: a\r\n`)),
        "passed",
        text,
      );
    }
  });

  test("says everything that is wrong with them, as declared", async () => {
    const text =
      "limit=11&ids=1,x&more=y&piped=1|z&filter[age]=old&filter[b]=1&from=q&where=%7B%7D&page=0&nope=1&when=12";
    assert.deepEqual(await verdict(send("GET", `/v1/pets?${text}`, "", "X-Flags: a, c\r\n")), [
      "query.limit: must be at most 10",
      "query.ids[1]: must be an integer",
      "query.more[0]: must be an integer",
      "query.piped[1]: must be an integer",
      "query.filter.age: must be an integer",
      "query.filter.b: is not a known field",
      "query.range.from: must be an integer",
      "query.when: must be at most 9",
      "query.where.a: is required",
      "query.page: must be at least 1",
      "query.nope: is not a known parameter",
      'header.X-Flags[1]: must be one of "a", "b"',
      "cookie.session: is required",
    ]);
    assert.deepEqual(await verdict(send("GET", "/v1/pets?where=%7B", "", COOKIE)), [
      "query.where: is not JSON",
    ]);
  });

  test("is found by its path, written out before templated, its own parameters before those of the path", async () => {
    assert.equal(await verdict(send("GET", "/v1/pets/7")), "passed");
    assert.equal(await verdict(send("GET", "/v1/pets/7/")), "passed");
    assert.equal(await verdict(send("GET", "/v1/pets/mine")), "passed");
    assert.deepEqual(await verdict(send("GET", "/v1/pets/yours")), ["path.petId: must be an integer"]);
    assert.equal(await verdict(send("PUT", "/v1/pets/ab")), "passed");
    assert.deepEqual(await verdict(send("PUT", "/v1/pets/abc")), [
      "path.petId: must have at most 2 characters",
    ]);
  });

  test("takes bodies by their schema, through references, and blames the alternative that is meant", async () => {
    assert.equal(await verdict(postPet({ kind: "cat", name: "Tom", lives: 9 })), "passed");
    assert.equal(await verdict(postPet({ id: "sent back", kind: "cat", name: "Tom", lives: 9 })), "passed");
    assert.deepEqual(await verdict(postPet({ kind: "cat", name: 1 })), [
      "name: must be a string",
      "lives: is required",
    ]);
    assert.deepEqual(
      await verdict(
        postPet({ kind: "dog", name: "Rex", barks: true, mother: { kind: "cat", name: "x", y: 1 } }),
      ),
      ["mother.y: is not a known field", "mother.lives: is required"],
    );
    assert.deepEqual(await verdict(postPet([])), [": must be an object"]);
  });

  test("takes the types that it declares, and looks into those that it can read", async () => {
    const put = (type: string, body: string) =>
      verdict(send("PUT", "/v1/pets/1", body, `Content-Type: ${type}\r\n`));
    const form = "application/x-www-form-urlencoded";
    assert.equal(await put(form, "name=Tom+Cat&kind=cat&lives=9"), "passed");
    assert.deepEqual(await put(form, "name=Tom&kind=cat&lives=nine&kind=dog"), [
      "kind: must be given once",
      "lives: must be an integer",
    ]);
    assert.equal(await put("text/plain", "abc"), "passed");
    assert.deepEqual(await put("text/plain", "abcd"), [": must have at most 3 characters"]);
    assert.equal(await put("image/png", "\x89PNG"), "passed");
    assert.equal(await put("application/json", "{}"), "UNSUPPORTED_MEDIA_TYPE");
    const patch = (type: string) => send("PATCH", "/v1/pets/1", "{}", `Content-Type: ${type}\r\n`);
    assert.deepEqual(await verdict(patch("application/merge-patch+json")), [": must have at least 1 field"]);
    const refused = await patch("application/json");
    assert.equal(refused.headers.get("accept-patch")?.[0], "application/merge-patch+json");
  });
});

describe("what an OpenAPI document does not declare", () => {
  test("is not there: paths 404, methods 405 with Allow, bodies 415", async () => {
    for (const path of ["/v1/pet", "/v1/", "/v1/pets/1/2", "/v1/Pets"]) {
      const response = await send("GET", path);
      assert.deepEqual([response.status, errorCode(response)], [404, "ROUTE_NOT_FOUND"], path);
    }
    const method = await send("DELETE", "/v1/pets");
    assert.deepEqual([method.status, method.headers.get("allow")?.[0]], [405, "GET, HEAD, POST"]);
    assert.equal(
      await verdict(send("GET", "/v1/pets/1", "{}", "Content-Type: application/json\r\n")),
      "UNSUPPORTED_MEDIA_TYPE",
    );
    assert.equal(await verdict(send("OPTIONS", "/v1/pets")), "passed");
  });

  test("passes where that is asked for, and what is declared is checked all the same", async () => {
    for (const path of ["/loose/pet", "/loose/pets/1/2"])
      assert.equal(await verdict(send("GET", path)), "passed");
    assert.equal(await verdict(send("DELETE", "/loose/pets")), "passed");
    assert.equal(await verdict(send("GET", "/loose/pets?nope=1", "", COOKIE)), "passed");
    assert.deepEqual(await verdict(send("GET", "/loose/pets/x")), ["path.petId: must be an integer"]);
    assert.deepEqual(await verdict(send("GET", "/loose/pets/x/")), ["path.petId: must be an integer"]);
  });
});
