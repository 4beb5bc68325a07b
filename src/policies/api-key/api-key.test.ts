import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { parse } from "yaml";
import { askOnce, errorCode, get } from "../../../test/harness/ask.ts";
import { startGateway, type TestGateway } from "../../../test/harness/gateway.ts";
import { HandClock } from "../../../test/harness/hand-clock.ts";
import { Call, type Exchange, type Request } from "../../core/call.ts";
import { GatewayError } from "../../core/errors.ts";
import { Headers } from "../../core/headers.ts";
import { keySecret } from "../../core/key-format.ts";
import { type Key, type KeyStanding, keyPrincipal, secretDigest } from "../../core/keys.ts";
import { noMetrics } from "../../core/metrics.ts";
import { emptyReply } from "../../core/reply.ts";
import type { PolicyTools } from "../../core/tools.ts";
import { apiKeyOptions } from "./api-key.options.ts";
import { apiKey } from "./api-key.ts";

// What every kind of credential gets over the wire is in test/keys/credentials.test.ts.

const secret = keySecret("tp", "live", Buffer.alloc(32, 9));

/** A directory that counts how often it is asked, and whether its one key was used. */
class OneKey {
  readonly generation = 0;
  lookUps = 0;
  uses = 0;
  standing: KeyStanding = "active";
  find(digest: string): Key | null {
    this.lookUps++;
    if (digest !== secretDigest(secret)) return null;
    return {
      principal: keyPrincipal("key_1", "acme", "a b", ""),
      environment: "live",
      restrictions: null,
      standing: () => this.standing,
      markUsed: () => {
        this.uses++;
      },
    };
  }
}

function handlerOf(keys: OneKey, options: object = {}) {
  const tools = { keys, clock: new HandClock(), metrics: noMetrics } as unknown as PolicyTools;
  return apiKey.create(apiKeyOptions.parse(options), tools)(() => emptyReply(200));
}

function callWith(fields: Readonly<Record<string, string>>): Call {
  const request = { method: "GET", headers: Headers.of(fields) } as Request;
  return new Call("req_1", 0, request, {} as Exchange);
}

const codeOf = (act: () => unknown): string => {
  try {
    act();
    return "passed";
  } catch (thrown) {
    return GatewayError.from(thrown).code;
  }
};

describe("api-key", () => {
  test("looks nothing up for a key of our form with a wrong checksum", () => {
    const keys = new OneKey();
    const handler = handlerOf(keys);
    for (let i = 8; i < secret.length; i++) {
      const other = secret[i] === "x" ? "y" : "x";
      const broken = secret.slice(0, i) + other + secret.slice(i + 1);
      assert.equal(
        codeOf(() => handler(callWith({ "X-API-Key": broken }))),
        "INVALID_API_KEY",
      );
    }
    assert.equal(keys.lookUps, 0);
    assert.equal(
      codeOf(() => handler(callWith({ "X-API-Key": secret }))),
      "passed",
    );
    assert.equal(keys.lookUps, 1);
  });

  test("answers at once: a call that passes makes no promise", () => {
    assert.equal(handlerOf(new OneKey())(callWith({ "X-API-Key": secret })) instanceof Promise, false);
  });

  test("counts only uses that were let in", () => {
    const keys = new OneKey();
    const handler = handlerOf(keys);
    const ask = () => codeOf(() => handler(callWith({ "X-API-Key": secret })));
    assert.deepEqual([ask(), keys.uses], ["passed", 1]);
    keys.standing = "revoked";
    assert.deepEqual([ask(), keys.uses], ["KEY_REVOKED", 1]);
    keys.standing = "expired";
    assert.deepEqual([ask(), keys.uses], ["KEY_EXPIRED", 1]);
  });

  test("leaves the challenge, and a bearer that may be a JWT, to those behind where keys are optional", () => {
    const handler = handlerOf(new OneKey(), { optional: true });
    const nobody = callWith({});
    assert.equal(
      codeOf(() => handler(nobody)),
      "passed",
    );
    assert.equal(nobody.challenge, 'Bearer realm="api"');
    const jwt = callWith({ Authorization: "Bearer a.b.c" });
    assert.equal(
      codeOf(() => handler(jwt)),
      "passed",
    );
    assert.equal(jwt.unclaimed, "INVALID_API_KEY");
    assert.match(jwt.challenge, /error="invalid_token"/);
    assert.equal(
      codeOf(() => handler(callWith({ Authorization: "Bearer junk" }))),
      "INVALID_API_KEY",
    );
  });

  test("takes who is known already as known, and a key besides as one credential too many", () => {
    const handler = handlerOf(new OneKey(), { optional: true });
    const known = callWith({ Authorization: "Bearer a.b.c" });
    known.identify(keyPrincipal("token_1", "somebody", "", ""));
    assert.equal(
      codeOf(() => handler(known)),
      "passed",
    );
    assert.equal(known.principal?.consumer, "somebody");
    const two = callWith({ "X-API-Key": secret });
    two.identify(keyPrincipal("token_1", "somebody", "", ""));
    assert.equal(
      codeOf(() => handler(two)),
      "MULTIPLE_CREDENTIALS",
    );
  });

  test("refuses options that would let keys leak or clash", () => {
    for (const wrong of [
      { header: "Authorization" },
      { header: "Cookie" },
      { header: "Host" },
      { prefix: "a_b" },
      { prefix: "" },
      { realm: "" },
      { environment: "prod" },
      { secret: "x" },
    ])
      assert.equal(apiKeyOptions.safeParse(wrong).success, false, JSON.stringify(wrong));
  });
});

describe("the example of api-key", () => {
  let gateway: TestGateway;
  before(async () => {
    const file = join(import.meta.dirname, "api-key.example.yaml");
    gateway = await startGateway({ ...parse(readFileSync(file, "utf8")), store: { records: "none" } });
  });
  after(() => gateway.stop());

  test("lets the partner in, and everybody into the catalogue who shows no wrong key", async () => {
    const ask = async (path: string, fields = "") => {
      const response = await askOnce(gateway.port, get(path, fields));
      return errorCode(response) ?? response.status;
    };
    const partner = "X-API-Key: a-secret-that-a-partner-chose\r\n";
    assert.deepEqual(
      [
        await ask("/orders/1"),
        await ask("/orders/1", partner),
        await ask("/catalogue/1"),
        await ask("/catalogue/1", "X-API-Key: x\r\n"),
      ],
      ["AUTHENTICATION_REQUIRED", 200, 200, "INVALID_API_KEY"],
    );
  });
});
