import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { askOnce, errorCode, get } from "../harness/ask.ts";
import { type ChildGateway, startChildGateway } from "../harness/child-gateway.ts";
import { turnpike } from "../harness/cli.ts";
import { eventually } from "../harness/eventually.ts";
import { SECRET } from "./stand.ts";
import { AUDIENCE, claimsAt, hmac, ISSUER, type Json, token } from "./tokens.ts";

const ADMIN_TOKEN = "an-admin-token-of-tests-that-is-long-enough";

describe("revoked tokens (JWT-12, AUTH-13)", () => {
  const folder = mkdtempSync(join(tmpdir(), "turnpike-revoked-"));
  const configFile = join(folder, "turnpike.yaml");
  const config = {
    lanes: 2,
    store: { records: `sqlite:${join(folder, "records.db")}` },
    routes: [
      {
        path: "/*",
        to: { fixed: { status: 200 } },
        policies: [
          { jwt: { issuers: [{ issuer: ISSUER, audience: AUDIENCE, keys: [{ secret: SECRET }] }] } },
        ],
      },
    ],
  };
  let gateway: ChildGateway;
  const start = () => startChildGateway(config, { env: { TURNPIKE_ADMIN_TOKEN: ADMIN_TOKEN } });

  before(async () => {
    writeFileSync(configFile, JSON.stringify(config));
    gateway = await start();
  });
  after(async () => {
    await gateway.stop();
    rmSync(folder, { recursive: true });
  });

  const newToken = (claims: Json = {}): string =>
    token({ alg: "HS256", typ: "at+jwt" }, claimsAt(Date.now(), claims), hmac(SECRET));

  /** On connections of their own, so that every lane is asked. */
  async function outcomes(text: string): Promise<Set<string>> {
    const request = get("/", `Authorization: Bearer ${text}\r\n`);
    const answers = await Promise.all(Array.from({ length: 24 }, () => askOnce(gateway.port, request)));
    return new Set(answers.map((answer) => errorCode(answer) ?? String(answer.status)));
  }

  const passes = async (text: string) => assert.deepEqual(await outcomes(text), new Set(["200"]));
  const REVOKED = new Set(["TOKEN_REVOKED"]);
  /** In every lane, and for good, within a second. */
  const revoked = (text: string) =>
    eventually("every lane refuses it", async () => (await outcomes(text)).isSubsetOf(REVOKED), 1000);

  async function admin(method: string, path: string, body?: Json): Promise<{ status: number; body: Json }> {
    const response = await fetch(`http://127.0.0.1:${gateway.adminPort}${path}`, {
      method,
      headers: { Authorization: `Bearer ${ADMIN_TOKEN}`, "Content-Type": "application/json" },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, body: text === "" ? {} : (JSON.parse(text) as Json) };
  }

  test("by jti, on the command line of another process: one is refused on every thread, others pass", async () => {
    const [one, other] = [newToken({ jti: "cli-1" }), newToken({ jti: "cli-2" })];
    await passes(one);
    const done = await turnpike("tokens", "revoke", "--jti", "cli-1", "--config", configFile);
    assert.equal(done.code, 0, done.stderr);
    await revoked(one);
    await passes(other);
    const challenge = await askOnce(gateway.port, get("/", `Authorization: Bearer ${one}\r\n`));
    assert.equal(challenge.status, 401);
    assert.equal(
      challenge.headers.get("www-authenticate")?.join(),
      'Bearer realm="api", error="invalid_token", error_description="The token has been revoked"',
    );
  });

  test("by subject: those issued so far are refused, one that is issued later passes", async () => {
    const now = Math.floor(Date.now() / 1000);
    const before = newToken({ sub: "ann", iat: now - 5 });
    await passes(before);
    assert.equal((await admin("POST", "/v1/revocations", { subject: "ann" })).status, 201);
    await revoked(before);
    await passes(newToken({ sub: "bob", iat: now - 5 }));
    // Within the skew of clocks: issued after the revocation, whatever the second is now.
    await passes(newToken({ sub: "ann", iat: now + 30 }));
  });

  test("over the admin API: created, found, listed, lifted, and once however often asked for", async () => {
    const text = newToken({ jti: "api-1" });
    await passes(text);
    const asked = { jti: "api-1", issuer: ISSUER, expires: "30d" };
    const created = await admin("POST", "/v1/revocations", asked);
    assert.equal(created.status, 201);
    const id = String(created.body["id"]);
    assert.equal(created.body["jti"], "api-1");
    await revoked(text);
    const again = await admin("POST", "/v1/revocations", asked);
    assert.deepEqual([again.status, again.body["id"]], [200, id]);
    assert.deepEqual((await admin("GET", `/v1/revocations/${id}`)).body, again.body);
    const list = (await admin("GET", "/v1/revocations?limit=1")).body["data"] as readonly Json[];
    assert.deepEqual(list, [again.body]);
    assert.equal((await admin("DELETE", `/v1/revocations/${id}`)).status, 204);
    assert.equal((await admin("DELETE", `/v1/revocations/${id}`)).status, 204);
    assert.equal((await admin("GET", `/v1/revocations/${id}`)).status, 404);
    await eventually(
      "it passes again",
      async () => (await outcomes(text)).isSubsetOf(new Set(["200"])),
      1000,
    );
  });

  test("are asked for in a way that can be meant", async () => {
    const rows: readonly (readonly [Json, readonly string[]])[] = [
      [{}, ["jti"]],
      [{ jti: "a", subject: "b" }, ["jti"]],
      [{ jti: "" }, ["jti"]],
      [{ jti: 1 }, ["jti"]],
      [{ jti: "a", before: "2026-01-01" }, ["before"]],
      [{ subject: "a", before: "2999-01-01" }, ["before"]],
      [{ subject: "a", before: "yesterday", expires: "1999-01-01" }, ["before", "expires"]],
      [{ subject: "a\nb" }, ["subject"]],
      [{ token: "a", jti: "a" }, ["token"]],
    ];
    for (const [body, fields] of rows) {
      const { status, body: answer } = await admin("POST", "/v1/revocations", body);
      const { details } = answer["error"] as { details: readonly { field: string }[] };
      assert.equal(status, 422, JSON.stringify(body));
      assert.deepEqual(
        details.map(({ field }) => field),
        fields,
        JSON.stringify(body),
      );
    }
    const refused = await turnpike("tokens", "revoke", "--config", configFile);
    assert.equal(refused.code, 2);
    assert.match(refused.stderr, /either a jti or a subject/);
  });

  test("stay refused when the gateway was killed and is started again", async () => {
    const text = newToken({ jti: "kill-1" });
    await passes(text);
    assert.equal((await admin("POST", "/v1/revocations", { jti: "kill-1" })).status, 201);
    gateway.signal("SIGKILL");
    await gateway.exited;
    await gateway.stop();
    gateway = await start();
    assert.deepEqual(await outcomes(text), REVOKED);
    const listed = await turnpike("tokens", "list", "--config", configFile, "--json");
    const found = (JSON.parse(listed.stdout) as readonly { id: string; jti: string }[]).find(
      ({ jti }) => jti === "kill-1",
    );
    assert.ok(found);
    assert.equal((await turnpike("tokens", "restore", found.id, "--config", configFile)).code, 0);
    await eventually(
      "it passes again",
      async () => (await outcomes(text)).isSubsetOf(new Set(["200"])),
      1000,
    );
    assert.equal((await turnpike("tokens", "restore", found.id, "--config", configFile)).code, 1);
  });
});
