import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { parse } from "yaml";
import { claimsAt, hmac, type Json, token } from "../../../test/auth/tokens.ts";
import { askOnce, errorCode, get } from "../../../test/harness/ask.ts";
import { startGateway } from "../../../test/harness/gateway.ts";
import { authorizeOptions } from "./authorize.options.ts";
import { rolesThatGive } from "./roles.ts";
import { verdictsOf } from "./verdicts.ts";

const clock = { now: () => 0, wall: () => 0 };

/** What the config's author reads; empty where there is nothing to say. */
function refusal(options: object): string {
  const result = authorizeOptions.safeParse(options);
  if (!result.success)
    return result.error.issues.map(({ path, message }) => `${path.join(".")}: ${message}`).join("; ");
  try {
    verdictsOf(result.data, clock);
    return "";
  } catch (thrown) {
    return (thrown as Error).message;
  }
}

describe("authorize: options", () => {
  const refused: readonly (readonly [string, object, RegExp])[] = [
    ["deny beside a rule", { deny: true, scopes: ["a"] }, /deny stands alone; put scopes/],
    ["public beside a rule", { public: true, roles: ["a"] }, /public stands alone; put roles/],
    ["deny and public", { deny: true, public: true }, /cannot be public/],
    ["an empty list", { scopes: [] }, /scopes/],
    ["a scope with a space", { scopes: ["a b"] }, /scope/],
    ["a scope twice", { scopes: ["a", "a"] }, /listed twice/],
    ["a method that is none", { methods: { FETCH: {} } }, /FETCH/],
    ["a method in lower case", { methods: { get: {} } }, /get/],
    ["a rule of a method that is none", { methods: { GET: { scope: ["a"] } } }, /scope/],
    ["a function in YAML", { allow: "call => true" }, /only a turnpike\.config\.ts/],
    ["a claim that is an object", { claims: { a: { b: 1 } } }, /claims\.a/],
    ["a claim that is null", { claims: { a: null } }, /claims\.a/],
    [
      "a role that includes itself",
      { roles: ["a"], inherits: { a: ["b"], b: ["a"] } },
      /"a" includes itself: a → b → a/,
    ],
    ["a loop that the rule does not use", { roles: ["x"], inherits: { a: ["a"] } }, /"a" includes itself/],
  ];
  for (const [name, options, expected] of refused) {
    test(`refuse ${name}`, () => assert.match(refusal(options), expected));
  }

  test("take everything that the page shows", () => {
    const all = {
      scopes: ["a"],
      anyScope: ["b", "c"],
      roles: ["r"],
      claims: { t: "x", l: [1, true] },
      consumers: ["{n}"],
    };
    assert.equal(
      refusal({
        ...all,
        methods: { GET: all, HEAD: {} },
        inherits: { a: ["r"] },
        acr: ["x"],
        maxAuthAge: "5m",
      }),
      "",
    );
    for (const options of [{}, { deny: true }, { public: true }, { allow: () => true }])
      assert.equal(refusal(options), "");
  });
});

describe("rolesThatGive", () => {
  const inherits = {
    owner: ["admin"],
    admin: ["editor", "auditor"],
    editor: ["viewer"],
    auditor: ["viewer"],
    guest: [],
  };

  test("finds a role at any distance, by any way, and no other", () => {
    assert.deepEqual(
      rolesThatGive(["viewer"], inherits),
      new Set(["viewer", "owner", "admin", "editor", "auditor"]),
    );
    assert.deepEqual(rolesThatGive(["auditor"], inherits), new Set(["auditor", "owner", "admin"]));
    assert.deepEqual(rolesThatGive(["owner"], inherits), new Set(["owner"]));
    assert.deepEqual(
      rolesThatGive(["guest", "editor"], inherits),
      new Set(["guest", "editor", "owner", "admin"]),
    );
  });

  test("takes names of objects for names", () => {
    assert.deepEqual(rolesThatGive(["constructor"], {}), new Set(["constructor"]));
    assert.deepEqual(rolesThatGive(["x"], { a: ["toString"] }), new Set(["x"]));
  });
});

describe("the example of authorize", () => {
  test("closes what no rule opens, and keeps tenants apart", async () => {
    const secret = "a secret of thirty-two bytes, or more";
    const text = readFileSync(join(import.meta.dirname, "authorize.example.yaml"), "utf8");
    const config = parse(text.replaceAll(/\$\{JWT_SECRET\}/g, secret)) as Record<string, unknown>;
    const gateway = await startGateway(config, { time: "by hand" });
    const ask = async (path: string, claims: Json): Promise<string | number> => {
      const wanted = { iss: "https://login.example.com", aud: "https://api.example.com", ...claims };
      const signed = token(
        { alg: "HS256", typ: "at+jwt" },
        claimsAt(gateway.clock.wall(), wanted),
        hmac(secret),
      );
      const response = await askOnce(gateway.port, get(path, `Authorization: Bearer ${signed}\r\n`));
      return errorCode(response) ?? response.status;
    };
    try {
      assert.equal(await ask("/orders/1", { scope: "orders:read" }), 200);
      assert.equal(await ask("/orders/1", {}), "INSUFFICIENT_SCOPE");
      assert.equal(await ask("/tenants/acme/x", { tenant: "acme", roles: ["admin"] }), 200);
      assert.equal(await ask("/tenants/beta/x", { tenant: "acme", roles: ["admin"] }), "FORBIDDEN");
      assert.equal(errorCode(await askOnce(gateway.port, get("/orders/1"))), "AUTHENTICATION_REQUIRED");
      assert.equal((await askOnce(gateway.port, get("/status"))).status, 200);
    } finally {
      await gateway.stop();
    }
  });
});
