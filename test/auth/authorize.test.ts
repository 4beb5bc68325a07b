import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { askOnce, errorCode, get } from "../harness/ask.ts";
import { startGateway } from "../harness/gateway.ts";
import { RawClient, type RawResponse } from "../harness/raw.ts";
import { SECRET as ALLOW_SECRET } from "./allow-secret.ts";
import { SECRET, type Stand, startStand } from "./stand.ts";
import { AUDIENCE, claimsAt, hmac, ISSUER, type Json, token } from "./tokens.ts";

const jwt = (options: Json = {}): Json => ({
  jwt: { issuers: [{ issuer: ISSUER, audience: AUDIENCE, keys: [{ secret: SECRET }] }], ...options },
});
const to = { fixed: { status: 200 } };

async function call(stand: Stand, claims: Json | null, path: string, method = "GET"): Promise<RawResponse> {
  const text = token({ alg: "HS256", typ: "at+jwt" }, claimsAt(stand.wall(), claims ?? {}), hmac(SECRET));
  const credential = claims === null ? "" : `Authorization: Bearer ${text}\r\n`;
  return askOnce(
    stand.gateway.port,
    `${method} ${path} HTTP/1.1\r\nHost: example\r\nConnection: close\r\n${credential}\r\n`,
  );
}

/** The answer has no content, whatever its header says of it. */
async function head(stand: Stand, claims: Json, path: string): Promise<string> {
  const text = token({ alg: "HS256", typ: "at+jwt" }, claimsAt(stand.wall(), claims), hmac(SECRET));
  const client = await RawClient.to(stand.gateway.port);
  client.send(
    `HEAD ${path} HTTP/1.1\r\nHost: example\r\nConnection: close\r\nAuthorization: Bearer ${text}\r\n\r\n`,
  );
  await client.untilClosed();
  return client.text;
}

const outcome = (response: RawResponse): string =>
  [response.status, errorCode(response)].filter(Boolean).join(" ");

describe("authorize, role by method by route (AUTH-11, Z-02)", () => {
  const inherits = { admin: ["editor"], editor: ["viewer"], auditor: ["viewer"] };
  const METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "QUERY"] as const;
  const ROLES = ["admin", "editor", "viewer", "auditor", "stranger", "Admin", "viewer "] as const;
  type Role = (typeof ROLES)[number];
  const viewers: readonly Role[] = ["admin", "editor", "viewer", "auditor"];
  const editors: readonly Role[] = ["admin", "editor"];

  /** What the config declares, and who may do what by it, said a second time in another way. */
  const routes: Readonly<Record<string, { authorize: Json; may: (method: string) => readonly Role[] }>> = {
    "/open": { authorize: {}, may: () => ROLES },
    "/read": { authorize: { roles: ["viewer"], inherits }, may: () => viewers },
    "/flat": { authorize: { roles: ["viewer"] }, may: () => ["viewer"] },
    "/either": { authorize: { roles: ["auditor", "editor"], inherits }, may: () => ["auditor", ...editors] },
    "/split": {
      authorize: {
        inherits,
        methods: { GET: { roles: ["viewer"] }, POST: { roles: ["editor"] }, DELETE: { roles: ["admin"] } },
      },
      may: (method) => ({ GET: viewers, POST: editors, DELETE: ["admin"] as const })[method] ?? [],
    },
    "/both": {
      authorize: { inherits, roles: ["viewer"], methods: { DELETE: { roles: ["editor", "auditor"] } } },
      may: (method) => (method === "DELETE" ? [...editors, "auditor"] : viewers),
    },
    "/listed": { authorize: { methods: { GET: {} } }, may: (method) => (method === "GET" ? ROLES : []) },
  };

  let stand: Stand;
  before(async () => {
    stand = await startStand([], {
      routes: Object.entries(routes).map(([path, { authorize }]) => ({
        path,
        to,
        policies: [jwt(), { authorize }],
      })),
    });
  });
  after(() => stand.stop());

  for (const [path, { may }] of Object.entries(routes)) {
    test(`${path} lets pass whom it declares, and nobody else`, async () => {
      for (const method of METHODS) {
        for (const role of ROLES) {
          const response = await call(stand, { roles: [role] }, path, method);
          const expected = may(method).includes(role) ? "200" : "403 FORBIDDEN";
          assert.equal(outcome(response), expected, `${role} ${method} ${path}`);
        }
        assert.equal(outcome(await call(stand, null, path, method)), "401 AUTHENTICATION_REQUIRED");
      }
    });
  }

  test("HEAD is GET, and no header makes one method into another", async () => {
    assert.match(await head(stand, { roles: ["viewer"] }, "/split"), /^HTTP\/1\.1 200 /);
    assert.match(await head(stand, { roles: ["stranger"] }, "/split"), /^HTTP\/1\.1 403 /);
    const text = token(
      { alg: "HS256", typ: "at+jwt" },
      claimsAt(stand.wall(), { roles: ["viewer"] }),
      hmac(SECRET),
    );
    const override = ["X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"]
      .map((name) => `${name}: GET\r\n`)
      .join("");
    const request = `DELETE /split HTTP/1.1\r\nHost: example\r\nAuthorization: Bearer ${text}\r\n${override}\r\n`;
    assert.equal(outcome(await askOnce(stand.gateway.port, request)), "403 FORBIDDEN");
  });

  test("says nothing of what would have done, and asks for no credential (AUTH-1)", async () => {
    const response = await call(stand, { roles: ["stranger"] }, "/read");
    assert.equal(response.headers.get("www-authenticate"), undefined);
    assert.doesNotMatch(response.body.toString(), /viewer|role/);
  });
});

describe("authorize: scopes, claims, consumers", () => {
  type Row = readonly [claims: Json, path: string, outcome: string, scope?: string];
  const policies: Readonly<Record<string, Json>> = {
    "/all": { scopes: ["orders:read", "orders:write"] },
    "/any": { anyScope: ["a", "b"] },
    "/mixed": { scopes: ["x"], anyScope: ["a", "b"] },
    "/method": { scopes: ["r"], methods: { GET: { scopes: ["g"] } } },
    "/tenants/{tenant}": { claims: { tenant: "{tenant}" } },
    "/own/{name}": { consumers: ["{name}", "root"] },
    "/claims": { claims: { tenant: ["acme", "beta"], amr: "mfa", level: 3, verified: true } },
    "/path": { claims: { "realm_access.roles": "x" } },
    "/missing": { claims: { tenant: "{nothing}" } },
  };
  const good = { tenant: "acme", amr: ["pwd", "mfa"], level: 3, verified: true };
  const rows: readonly Row[] = [
    [{ scope: "orders:read orders:write more" }, "/all", "200"],
    [{ scp: ["orders:write", "orders:read"] }, "/all", "200"],
    [{ scope: "orders:read" }, "/all", "403 INSUFFICIENT_SCOPE", "orders:read orders:write"],
    [{ scope: "orders:read orders:writer" }, "/all", "403 INSUFFICIENT_SCOPE", "orders:read orders:write"],
    [{ scope: "ORDERS:READ orders:write" }, "/all", "403 INSUFFICIENT_SCOPE", "orders:read orders:write"],
    [{ scope: "orders:read,orders:write" }, "/all", "403 INSUFFICIENT_SCOPE", "orders:read orders:write"],
    [
      { scope: "", scp: "orders:read orders:write" },
      "/all",
      "403 INSUFFICIENT_SCOPE",
      "orders:read orders:write",
    ],
    [{}, "/all", "403 INSUFFICIENT_SCOPE", "orders:read orders:write"],
    [{ scope: "b" }, "/any", "200"],
    [{ scope: "c" }, "/any", "403 INSUFFICIENT_SCOPE", "a"],
    [{ scope: "x b" }, "/mixed", "200"],
    [{ scope: "x" }, "/mixed", "403 INSUFFICIENT_SCOPE", "x a"],
    [{ scope: "r g" }, "/method", "200"],
    [{ scope: "g" }, "/method", "403 INSUFFICIENT_SCOPE", "r"],
    [{ scope: "r" }, "/method", "403 INSUFFICIENT_SCOPE", "g"],
    [{ tenant: "acme" }, "/tenants/acme", "200"],
    [{ tenant: "acm\u00e9" }, "/tenants/acm%C3%A9", "200"],
    [{ tenant: ["beta", "acme"] }, "/tenants/acme", "200"],
    [{ tenant: "acme" }, "/tenants/beta", "403 FORBIDDEN"],
    [{ tenant: "acme" }, "/tenants/ACME", "403 FORBIDDEN"],
    [{ tenant: "1" }, "/tenants/1", "200"],
    [{ tenant: 1 }, "/tenants/1", "403 FORBIDDEN"],
    [{}, "/tenants/undefined", "403 FORBIDDEN"],
    [{ tenant: null }, "/tenants/null", "403 FORBIDDEN"],
    [{ sub: "ann" }, "/own/ann", "200"],
    [{ sub: "ann" }, "/own/bob", "403 FORBIDDEN"],
    [{ sub: "root" }, "/own/bob", "200"],
    [good, "/claims", "200"],
    [{ ...good, tenant: "beta" }, "/claims", "200"],
    [{ ...good, tenant: "gamma" }, "/claims", "403 FORBIDDEN"],
    [{ ...good, amr: "mfa" }, "/claims", "200"],
    [{ ...good, amr: ["pwd"] }, "/claims", "403 FORBIDDEN"],
    [{ ...good, amr: "mfa pwd" }, "/claims", "403 FORBIDDEN"],
    [{ ...good, level: "3" }, "/claims", "403 FORBIDDEN"],
    [{ ...good, verified: "true" }, "/claims", "403 FORBIDDEN"],
    [{ ...good, verified: undefined }, "/claims", "403 FORBIDDEN"],
    [{ realm_access: { roles: ["x"] } }, "/path", "200"],
    [{ "realm_access.roles": "x" }, "/path", "200"],
    [{ realm_access: "roles" }, "/path", "403 FORBIDDEN"],
    [{ tenant: undefined }, "/missing", "403 FORBIDDEN"],
    [{ tenant: "{nothing}" }, "/missing", "403 FORBIDDEN"],
  ];
  let stand: Stand;
  before(async () => {
    stand = await startStand([], {
      routes: Object.entries(policies).map(([path, authorize]) => ({
        path,
        to,
        policies: [jwt(), { authorize }],
      })),
    });
  });
  after(() => stand.stop());

  for (const [claims, path, expected, scope] of rows) {
    test(`${JSON.stringify(claims)} at ${path}: ${expected}`, async () => {
      const response = await call(stand, claims, path);
      assert.equal(outcome(response), expected);
      const challenge =
        scope === undefined ? undefined : `Bearer realm="api", error="insufficient_scope", scope="${scope}"`;
      assert.equal(response.headers.get("www-authenticate")?.join(), challenge);
    });
  }
});

describe("authorize: stronger and fresher sign-ins (AUTH-15)", () => {
  test("are asked for with 401 and what would do", async () => {
    const authorize = { acr: ["urn:mfa", "urn:hwk"], maxAuthAge: "5m" };
    const stand = await startStand([jwt(), { authorize }]);
    const now = Math.floor(stand.wall() / 1000);
    try {
      assert.equal(outcome(await call(stand, { acr: "urn:hwk", auth_time: now - 300 }, "/")), "200");
      for (const claims of [
        { acr: "urn:pwd", auth_time: now },
        { auth_time: now },
        { acr: "urn:mfa", auth_time: now - 301 },
        { acr: "urn:mfa" },
        { acr: "urn:mfa", auth_time: String(now) },
      ]) {
        const response = await call(stand, claims, "/");
        assert.equal(outcome(response), "401 STEP_UP_REQUIRED", JSON.stringify(claims));
        assert.equal(
          response.headers.get("www-authenticate")?.join(),
          'Bearer realm="api", error="insufficient_user_authentication", acr_values="urn:mfa urn:hwk", max_age="300"',
        );
      }
    } finally {
      await stand.stop();
    }
  });
});

describe("authorize: deny for the whole gateway", () => {
  test("closes every route that no rule opens", async () => {
    const stand = await startStand([], {
      policies: [{ authorize: { deny: true } }],
      routes: [
        { path: "/nothing", to },
        { path: "/known", to, policies: [jwt()] },
        { path: "/maybe", to, policies: [jwt({ optional: true })] },
        { path: "/ruled", to, policies: [jwt(), { authorize: { scopes: ["a"] } }] },
        { path: "/public", to, policies: [{ authorize: { public: true } }] },
        { path: "/part", to, policies: [jwt(), { authorize: {}, when: { methods: ["GET"] } }] },
      ],
    });
    try {
      const rows: readonly (readonly [Json | null, string, string, string?])[] = [
        [null, "/nothing", "403 FORBIDDEN"],
        [{}, "/nothing", "403 FORBIDDEN"],
        [null, "/known", "401 AUTHENTICATION_REQUIRED"],
        [{}, "/known", "403 FORBIDDEN"],
        [null, "/maybe", "401 AUTHENTICATION_REQUIRED"],
        [{}, "/maybe", "403 FORBIDDEN"],
        [{ scope: "a" }, "/ruled", "200"],
        [{ scope: "b" }, "/ruled", "403 INSUFFICIENT_SCOPE"],
        [null, "/public", "200"],
        [{}, "/part", "200"],
        [{}, "/part", "403 FORBIDDEN", "POST"],
        [null, "/elsewhere", "404 ROUTE_NOT_FOUND"],
      ];
      for (const [claims, path, expected, method] of rows)
        assert.equal(outcome(await call(stand, claims, path, method)), expected, `${method} ${path}`);
    } finally {
      await stand.stop();
    }
  });
});

describe("authorize: allow, in a TypeScript config", () => {
  test("lets pass for true alone; what it throws is an error of ours that tells nothing", async () => {
    const base = new URL("./allow-config.ts", import.meta.url).href;
    const gateway = await startGateway({}, { time: "by hand", base });
    try {
      const claims = claimsAt(gateway.clock.wall());
      const text = token({ alg: "HS256", typ: "at+jwt" }, claims, hmac(ALLOW_SECRET));
      const ask = (what: string): Promise<RawResponse> =>
        askOnce(gateway.port, get(`/${what}`, `Authorization: Bearer ${text}\r\n`));
      for (const what of ["yes", "later"]) assert.equal(outcome(await ask(what)), "200", what);
      for (const what of ["no", "never", "truthy", "object", "nothing"])
        assert.equal(outcome(await ask(what)), "403 FORBIDDEN", what);
      for (const what of ["throws", "rejects"]) {
        const response = await ask(what);
        assert.equal(outcome(response), "500 INTERNAL_ERROR", what);
        assert.doesNotMatch(response.body.toString(), /canary/);
      }
    } finally {
      await gateway.stop();
    }
  });
});
