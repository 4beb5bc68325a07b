import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { AUDIENCE, claimsAt, ecdsa, ecKeys, ISSUER, jwkOf, token } from "../../../test/auth/tokens.ts";
import type { PolicyTools } from "../../core/tools.ts";
import { jwtOptions } from "./jwt.options.ts";
import { TokenRefusal } from "./refusal.ts";
import { VerifiedTokens } from "./verified-tokens.ts";
import { type VerifiedToken, Verifier } from "./verify.ts";

const NOW = Date.UTC(2026, 10, 22);
const { publicKey, privateKey } = ecKeys();
const options = jwtOptions.parse({
  issuers: [{ issuer: ISSUER, audience: AUDIENCE, keys: [{ jwk: jwkOf(publicKey) }] }],
});
// A token that lives long is said so in the log.
const verifier = new Verifier(options, {
  clock: { wall: () => NOW, now: () => 0 },
  log: { warn: () => {} },
} as unknown as PolicyTools);
const good = () => token({ alg: "ES256", typ: "at+jwt" }, claimsAt(NOW), ecdsa(privateKey));

describe("Verifier", () => {
  test("refuses a token in which any one character is another, was left out or put in", async () => {
    const text = good();
    await verifier.verify(text);
    const character = fc.constantFrom(
      ..."ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=+/ ",
    );
    await fc.assert(
      fc.asyncProperty(fc.nat(text.length - 1), character, fc.nat(2), async (at, put, kind) => {
        const changed = text.slice(0, at) + (kind === 0 ? "" : put) + text.slice(kind === 2 ? at : at + 1);
        fc.pre(changed !== text);
        await assert.rejects(verifier.verify(changed), TokenRefusal);
      }),
      { numRuns: 2000 },
    );
  });

  test("refuses every text, and throws nothing else", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(
          fc.string(),
          fc.array(fc.base64String(), { maxLength: 5 }).map((parts) => parts.join(".")),
        ),
        async (text) => {
          await assert.rejects(verifier.verify(text), TokenRefusal);
        },
      ),
    );
  });

  test("refuses every header and every claims that are JSON but not right, and throws nothing else", async () => {
    await fc.assert(
      fc.asyncProperty(fc.jsonValue(), fc.jsonValue(), async (header, claims) => {
        await assert.rejects(
          verifier.verify(token(header as never, claims as never, ecdsa(privateKey))),
          TokenRefusal,
        );
      }),
    );
    const name = fc.constantFrom(
      "iss",
      "aud",
      "sub",
      "exp",
      "iat",
      "nbf",
      "jti",
      "client_id",
      "scope",
      "roles",
    );
    await fc.assert(
      fc.asyncProperty(name, fc.jsonValue(), async (claim, value) => {
        const text = token(
          { alg: "ES256", typ: "at+jwt" },
          claimsAt(NOW, { [claim]: value }),
          ecdsa(privateKey),
        );
        try {
          const { principal } = await verifier.verify(text);
          assert.match(principal.fields, /^(?:[A-Za-z-]+: [ -~]+\r\n)+$/);
        } catch (thrown) {
          assert.ok(thrown instanceof TokenRefusal, String(thrown));
        }
      }),
    );
  });

  test("is not troubled by objects that cannot be shown as text", async () => {
    const hostile = { toString: 1, valueOf: 1, toJSON: 1 };
    for (const [header, claims] of [
      [{}, { iss: hostile }],
      [{}, { sub: hostile }],
      [{}, { aud: [hostile] }],
      [{}, { scope: hostile }],
      [{}, { roles: [hostile] }],
      [{ cty: hostile }, {}],
      [{ kid: hostile }, {}],
      [{ typ: hostile }, {}],
      [{ alg: hostile }, {}],
    ]) {
      const text = token(
        { alg: "ES256", typ: "at+jwt", ...header },
        claimsAt(NOW, claims),
        ecdsa(privateKey),
      );
      await assert.rejects(verifier.verify(text), TokenRefusal);
    }
  });
});

describe("VerifiedTokens", () => {
  const keys = { generation: 0, find: () => assert.fail() };
  const verified = (id: number) => ({ expires: id, keys, generation: 0 }) as unknown as VerifiedToken;

  test("verifies a token once, also for calls that come together", async () => {
    let calls = 0;
    const verify = async () => verified(++calls);
    const tokens = new VerifiedTokens(10);
    const together = await Promise.all([
      tokens.get("a", verify),
      tokens.get("a", verify),
      tokens.get("a", verify),
    ]);
    assert.equal(calls, 1);
    assert.equal(new Set(together).size, 1);
    assert.equal(tokens.get("a", verify), together[0]);
  });

  test("remembers no refusal, so that a key that was missing may come", async () => {
    let calls = 0;
    const refuse = async (): Promise<VerifiedToken> => {
      calls += 1;
      throw new TokenRefusal("no");
    };
    const tokens = new VerifiedTokens(10);
    await assert.rejects(async () => tokens.get("a", refuse));
    await assert.rejects(async () => tokens.get("a", refuse));
    assert.equal(calls, 2);
  });

  test("holds as many as it may, and lets the oldest go", async () => {
    const seen: string[] = [];
    const verify = async (text: string) => {
      seen.push(text);
      return verified(0);
    };
    const tokens = new VerifiedTokens(2);
    for (const text of ["a", "b", "c", "b", "c", "a"]) await tokens.get(text, verify);
    assert.deepEqual(seen, ["a", "b", "c", "a"]);
    const none = new VerifiedTokens(0);
    for (const text of ["x", "x"]) await none.get(text, verify);
    assert.deepEqual(seen.slice(4), ["x", "x"]);
  });

  test("verifies again when the issuer's keys have changed", async () => {
    const changing = { generation: 0, find: () => assert.fail() };
    let calls = 0;
    const verify = async () => {
      calls += 1;
      return { keys: changing, generation: changing.generation } as unknown as VerifiedToken;
    };
    const tokens = new VerifiedTokens(2);
    await tokens.get("a", verify);
    await tokens.get("a", verify);
    changing.generation += 1;
    await tokens.get("a", verify);
    assert.equal(calls, 2);
  });
});
