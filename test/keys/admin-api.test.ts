/** The admin API from outside: who may ask, and what it does with keys (KEY-3, KEY-6, KEY-7, KEY-12, OBS-9). */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { createAdminToken } from "../../src/identity/admin-token.ts";
import { askOnce, errorCode, get } from "../harness/ask.ts";
import { startGateway, type TestGateway } from "../harness/gateway.ts";
import { RawClient, type RawResponse } from "../harness/raw.ts";
import { type TempStore, tempStore } from "../harness/store.ts";

// biome-ignore lint/suspicious/noExplicitAny: answers are looked into by the tests themselves.
type Json = any;

describe("the admin API", () => {
  let store: TempStore;
  let gateway: TestGateway;
  let token: string;
  before(async () => {
    store = await tempStore();
    token = await createAdminToken((await store.open()).adminToken, 0, "test");
    gateway = await startGateway({
      store: { records: `sqlite:${store.file}` },
      routes: [{ name: "all", path: "/*", to: { fixed: { body: "in" } }, policies: [{ "api-key": {} }] }],
    });
  });
  after(async () => {
    await gateway.stop();
    await store.remove();
  });

  interface Ask {
    readonly body?: unknown;
    readonly fields?: string;
    readonly host?: string;
    readonly auth?: string;
    readonly type?: string;
  }
  async function ask(
    method: string,
    path: string,
    { body, fields = "", host, auth, type = "application/json" }: Ask = {},
  ) {
    const text = body === undefined ? "" : typeof body === "string" ? body : JSON.stringify(body);
    const content =
      body === undefined ? "" : `Content-Type: ${type}\r\nContent-Length: ${Buffer.byteLength(text)}\r\n`;
    const response = await askOnce(
      gateway.adminPort,
      Buffer.from(
        `${method} ${path} HTTP/1.1\r\nHost: ${host ?? `127.0.0.1:${gateway.adminPort}`}\r\n${auth ?? `Authorization: Bearer ${token}\r\n`}${content}${fields}\r\n${text}`,
      ),
    );
    return { response, status: response.status, json: parse(response) };
  }
  const parse = (response: RawResponse): Json =>
    response.body.length === 0 ? null : JSON.parse(response.body.toString());
  const create = (body: unknown, fields = "") => ask("POST", "/v1/keys", { body, fields });
  const use = async (secret: string): Promise<string> => {
    const response = await askOnce(gateway.port, get("/x", `X-API-Key: ${secret}\r\n`));
    return errorCode(response) ?? String(response.status);
  };

  describe("lets in", () => {
    const refusals: [who: string, asked: Ask, status: number, code: string, challenge?: string][] = [
      [
        "nobody without a token",
        { auth: "" },
        401,
        "AUTHENTICATION_REQUIRED",
        'Bearer realm="turnpike-admin"',
      ],
      ["nobody with a wrong token", { auth: "Authorization: Bearer tpa_wrong\r\n" }, 401, "INVALID_TOKEN"],
      ["nobody with Basic", { auth: "Authorization: Basic eA==\r\n" }, 401, "AUTHENTICATION_REQUIRED"],
      [
        "nobody with two tokens",
        { auth: "Authorization: Bearer a\r\nAuthorization: Bearer b\r\n" },
        400,
        "MULTIPLE_CREDENTIALS",
      ],
      ["nobody with a broken one", { auth: "Authorization: Bearer a b\r\n" }, 400, "MALFORMED_CREDENTIALS"],
      ["no name that a page could have taken", { host: "evil.example" }, 421, "MISDIRECTED_REQUEST"],
      [
        "no name that looks like localhost",
        { host: "localhost.evil.example:80" },
        421,
        "MISDIRECTED_REQUEST",
      ],
      ["no page of another origin", { fields: "Origin: https://evil.example\r\n" }, 403, "FORBIDDEN"],
      ["no page without an origin", { fields: "Origin: null\r\n" }, 403, "FORBIDDEN"],
      ["no request that a foreign page made", { fields: "Sec-Fetch-Site: cross-site\r\n" }, 403, "FORBIDDEN"],
    ];
    for (const [who, asked, status, code, challenge] of refusals) {
      test(`${who}: ${status} ${code}`, async () => {
        const { response } = await ask("GET", "/v1/keys", asked);
        assert.deepEqual([response.status, errorCode(response)], [status, code]);
        if (challenge !== undefined) assert.deepEqual(response.headers.get("www-authenticate"), [challenge]);
      });
    }

    test("whoever has the token, by address or as localhost", async () => {
      for (const host of ["127.0.0.1", "[::1]:8081", "localhost:9", "LOCALHOST"]) {
        assert.equal((await ask("GET", "/v1/keys", { host })).status, 200);
      }
      const origin = `Origin: http://127.0.0.1:${gateway.adminPort}\r\n`;
      assert.equal((await ask("GET", "/v1/keys", { fields: origin })).status, 200);
    });

    test("tells nobody without the token which paths there are", async () => {
      const answers = await Promise.all(
        ["/v1/keys", "/v1/nothing", "/v1/keys/key_1"].map(
          async (path) => (await ask("GET", path, { auth: "" })).status,
        ),
      );
      assert.deepEqual(answers, [401, 401, 401]);
    });

    test("nobody with the token before, as soon as there is a new one", async () => {
      const before = token;
      token = await createAdminToken((await store.open()).adminToken, 1, "test");
      assert.equal(
        (await ask("GET", "/v1/keys", { auth: `Authorization: Bearer ${before}\r\n` })).status,
        401,
      );
      assert.equal((await ask("GET", "/v1/keys")).status, 200);
    });
  });

  test("answers 404 for other paths, and 405 with the methods that a path has", async () => {
    assert.equal(errorCode((await ask("GET", "/v1/nothing")).response), "ROUTE_NOT_FOUND");
    const { response } = await ask("PUT", "/v1/keys");
    assert.deepEqual([response.status, response.headers.get("allow")], [405, ["GET, HEAD, POST"]]);
    assert.deepEqual((await ask("PATCH", "/v1/keys/x")).response.headers.get("allow"), ["GET, HEAD, DELETE"]);
  });

  test("answers HEAD as GET, without the body", async () => {
    const client = await RawClient.to(gateway.adminPort);
    client.send(
      `HEAD /v1/audit HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${token}\r\nConnection: close\r\n\r\n`,
    );
    await client.untilClosed();
    assert.match(client.text, /^HTTP\/1\.1 200 OK\r\n/);
    assert.ok(client.text.endsWith("\r\n\r\n"));
  });

  describe("a key that is created", () => {
    test("works at once; its secret is in this one answer and in no other", async () => {
      const { response, json } = await create({
        consumer: "acme",
        scopes: ["a", "b"],
        name: "é",
        plan: "gold",
        expires: "90d",
      });
      assert.equal(response.status, 201);
      assert.deepEqual(response.headers.get("cache-control"), ["no-store"]);
      assert.deepEqual(response.headers.get("location"), [`/v1/keys/${json.id}`]);
      assert.match(json.secret, /^tp_live_[0-9A-Za-z]{36}$/);
      assert.equal(await use(json.secret), "200");
      const shown = await ask("GET", `/v1/keys/${json.id}`);
      const { secret, ...rest } = json;
      assert.deepEqual(
        { ...rest, last_used_at: null, secrets: null },
        { ...shown.json, last_used_at: null, secrets: null },
      );
      assert.equal(shown.json.last4, secret.slice(-4));
      assert.equal(shown.json.prefix, "tp_live_");
      assert.ok(shown.json.last_used_at !== null, "used a moment ago");
      for (const path of [`/v1/keys/${json.id}`, "/v1/keys", "/v1/audit"]) {
        const text = (await ask("GET", path)).response.body.toString();
        assert.ok(!text.includes(secret) && !text.includes("digest") && !text.includes("hash"));
      }
    });

    test("is refused with every field that is wrong", async () => {
      const { status, json } = await create({
        consumer: "new\nline",
        scopes: ["ok", 'no"quotes'],
        environment: "prod",
        expires: "yesterday",
        ip_ranges: ["10.0.0.0/33"],
        colour: "red",
      });
      assert.equal(status, 422);
      assert.equal(json.error.code, "VALIDATION_ERROR");
      assert.deepEqual(json.error.details.map(({ field }: Json) => field).sort(), [
        "colour",
        "consumer",
        "environment",
        "expires",
        "ip_ranges[0]",
        "scopes[1]",
      ]);
      const missing = await create({});
      assert.deepEqual(missing.json.error.details, [{ field: "consumer", issue: "is missing" }]);
      const past = await create({ consumer: "a", expires: "2020-01-01" });
      assert.deepEqual(past.json.error.details, [{ field: "expires", issue: "2020-01-01 is in the past" }]);
    });

    const bad: [what: string, body: unknown, fields: string, status: number, code: string][] = [
      ["that is not JSON", "{", "", 400, "INVALID_JSON"],
      ["with a name twice", '{"consumer":"a","consumer":"b"}', "", 400, "INVALID_JSON"],
      ["that is a list", "[]", "", 422, "VALIDATION_ERROR"],
      ["that is too large", `{"name":"${"x".repeat(70_000)}"}`, "", 413, "PAYLOAD_TOO_LARGE"],
    ];
    for (const [what, body, fields, status, code] of bad) {
      test(`answers ${status} to a body ${what}`, async () => {
        const { response } = await create(body, fields);
        assert.deepEqual([response.status, errorCode(response)], [status, code]);
      });
    }

    test("answers 415 to a body of another type", async () => {
      for (const type of ["text/plain", "application/jsonp", "multipart/form-data"]) {
        const { response } = await ask("POST", "/v1/keys", { body: { consumer: "a" }, type });
        assert.deepEqual([response.status, errorCode(response)], [415, "UNSUPPORTED_MEDIA_TYPE"]);
      }
    });

    test("is made once for one Idempotency-Key, and shown again with its secret", async () => {
      const once = 'Idempotency-Key: "first-try"\r\n';
      const body = { consumer: "once" };
      const [one, two] = await Promise.all([create(body, once), create(body, once)]);
      const three = await create(body, "Idempotency-Key: first-try\r\n");
      assert.deepEqual([one.status, two.status, three.status], [201, 201, 201]);
      assert.equal(new Set([one, two, three].map(({ json }) => json.secret)).size, 1);
      assert.equal(three.response.headers.get("idempotent-replayed")?.[0], "true");
      const list = await ask("GET", "/v1/keys?consumer=once");
      assert.equal(list.json.data.length, 1);
      assert.equal(await use(one.json.secret), "200");
      const other = await create({ consumer: "other" }, once);
      assert.deepEqual([other.status, errorCode(other.response)], [422, "IDEMPOTENCY_KEY_REUSED"]);
      for (const key of ["", "x".repeat(256), '"half', "sp ace"]) {
        assert.equal(
          errorCode((await create(body, `Idempotency-Key: ${key}\r\n`)).response),
          "IDEMPOTENCY_KEY_INVALID",
        );
      }
      assert.equal((await create(body, once + once)).status, 400);
    });

    test("that was refused may be sent again with the same Idempotency-Key", async () => {
      const once = "Idempotency-Key: corrected\r\n";
      assert.equal((await create({}, once)).status, 422);
      assert.equal((await create({ consumer: "a" }, once)).status, 201);
    });
  });

  test("rotates a key: both secrets work, the new one is shown, the id stays", async () => {
    const { json: made } = await create({ consumer: "rotating", environment: "test" });
    const { status, json } = await ask("POST", `/v1/keys/${made.id}/rotate`, { body: { overlap: "1h" } });
    assert.equal(status, 201);
    assert.equal(json.id, made.id);
    assert.match(json.secret, /^tp_test_/);
    assert.deepEqual([await use(made.secret), await use(json.secret)], ["200", "200"]);
    assert.equal(json.secrets.length, 2);
    const sharp = await ask("POST", `/v1/keys/${made.id}/rotate`, { body: { overlap: "0s" } });
    assert.deepEqual(
      [await use(made.secret), await use(json.secret), await use(sharp.json.secret)],
      ["KEY_EXPIRED", "KEY_EXPIRED", "200"],
    );
    const wrong = await ask("POST", `/v1/keys/${made.id}/rotate`, { body: { overlap: "8d" } });
    assert.deepEqual([wrong.status, wrong.json.error.details[0].field], [422, "overlap"]);
    assert.equal((await ask("POST", "/v1/keys/key_none/rotate")).json.error.code, "KEY_NOT_FOUND");
    const once = { body: { overlap: "1h" }, fields: "Idempotency-Key: rotate-1\r\n" };
    const first = await ask("POST", `/v1/keys/${made.id}/rotate`, once);
    const again = await ask("POST", `/v1/keys/${made.id}/rotate`, once);
    assert.equal(first.json.secret, again.json.secret);
    assert.equal(again.json.secrets.length, first.json.secrets.length);
  });

  test("revokes a key at once and for good, however often it is asked", async () => {
    const { json: made } = await create({ consumer: "leaving" });
    assert.equal(await use(made.secret), "200");
    assert.equal((await ask("DELETE", `/v1/keys/${made.id}`)).status, 204);
    assert.equal(await use(made.secret), "KEY_REVOKED");
    assert.equal((await ask("DELETE", `/v1/keys/${made.id}`)).status, 204);
    assert.equal((await ask("DELETE", "/v1/keys/key_none")).json.error.code, "KEY_NOT_FOUND");
    assert.equal((await ask("GET", `/v1/keys/${made.id}`)).json.status, "revoked");
    assert.equal((await ask("POST", `/v1/keys/${made.id}/rotate`)).json.error.code, "CONFLICT");
  });

  test("lists keys page by page, each once, newest first, whatever is created meanwhile", async () => {
    const made: string[] = [];
    for (let i = 0; i < 5; i++) made.unshift((await create({ consumer: "many" })).json.id);
    const seen: string[] = [];
    let cursor: string | null = null;
    do {
      const next: string = cursor === null ? "" : `&cursor=${cursor}`;
      const { json } = await ask("GET", `/v1/keys?consumer=many&limit=2${next}`);
      seen.push(...json.data.map(({ id }: Json) => id));
      assert.equal(json.has_more, json.next_cursor !== null);
      cursor = json.next_cursor;
      await create({ consumer: "many" });
    } while (cursor !== null);
    assert.deepEqual(seen, made);
    assert.equal((await ask("GET", "/v1/keys?limit=5000")).json.limit, 100);
    const { json } = await ask("GET", "/v1/keys?consumer=many&limit=1");
    const refused: [query: string, status: number, code: string][] = [
      [`consumer=other&cursor=${json.next_cursor}`, 400, "INVALID_CURSOR"],
      [`cursor=${json.next_cursor}x`, 400, "INVALID_CURSOR"],
      ["cursor=nonsense", 400, "INVALID_CURSOR"],
      ["cursor=", 400, "INVALID_CURSOR"],
      ["limit=0", 422, "VALIDATION_ERROR"],
      ["limit=-1", 422, "VALIDATION_ERROR"],
      ["limit=1e2", 422, "VALIDATION_ERROR"],
      ["limit=1&limit=2", 422, "VALIDATION_ERROR"],
      ["colour=red", 422, "VALIDATION_ERROR"],
    ];
    for (const [query, status, code] of refused) {
      const { response } = await ask("GET", `/v1/keys?${query}`);
      assert.deepEqual([query, response.status, errorCode(response)], [query, status, code]);
    }
  });

  test("remembers who did what and when", async () => {
    const { json: made } = await create({ consumer: "audited" });
    await ask("POST", `/v1/keys/${made.id}/rotate`);
    await ask("DELETE", `/v1/keys/${made.id}`);
    const { json } = await ask("GET", "/v1/audit?limit=3");
    assert.deepEqual(
      json.data.map(({ actor, action, subject }: Json) => [actor, action, subject]),
      ["key.revoke", "key.rotate", "key.create"].map((action) => ["admin@127.0.0.1", action, made.id]),
    );
    assert.match(json.data[0].at, /^\d{4}-\d\d-\d\dT/);
    assert.equal(json.data[0].before.revoked_at, null);
    const older = await ask("GET", `/v1/audit?limit=3&cursor=${json.next_cursor}`);
    assert.ok(Number(older.json.data[0].id) < Number(json.data[2].id));
  });

  test("leaves health checks open to whoever asks, by whatever name", async () => {
    assert.equal((await ask("GET", "/livez", { auth: "", host: "pod.cluster.local" })).status, 200);
  });
});
