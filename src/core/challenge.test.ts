import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { bearerChallenge, bearerToken, isJwtShaped } from "./challenge.ts";
import type { GatewayError } from "./errors.ts";
import { Headers } from "./headers.ts";

function read(...values: readonly string[]): string | null {
  const headers = new Headers();
  for (const value of values) headers.append("Authorization", value);
  try {
    return bearerToken(headers, "api");
  } catch (thrown) {
    return (thrown as GatewayError).code;
  }
}

describe("bearerToken (AUTH-3, AUTH-4)", () => {
  const rows: readonly (readonly [values: readonly string[], token: string | null])[] = [
    [[], null],
    [["Bearer abc"], "abc"],
    [["bearer abc"], "abc"],
    [["BEARER   abc"], "abc"],
    [["Bearer aA0-._~+/=="], "aA0-._~+/=="],
    [["Basic eDp5"], null],
    [["Bearers abc"], null],
    [["abc"], null],
    [[""], null],
    [["Bearer"], "MALFORMED_CREDENTIALS"],
    [["Bearer "], "MALFORMED_CREDENTIALS"],
    [["Bearer a b"], "MALFORMED_CREDENTIALS"],
    [["Bearer a,b"], "MALFORMED_CREDENTIALS"],
    [["Bearer =a"], "MALFORMED_CREDENTIALS"],
    [["Bearer a=b"], "MALFORMED_CREDENTIALS"],
    [["Bearer \u00e9"], "MALFORMED_CREDENTIALS"],
    [["Bearer a", "Bearer a"], "MULTIPLE_CREDENTIALS"],
    [["Basic eDp5", "Bearer a"], "MULTIPLE_CREDENTIALS"],
  ];
  for (const [values, token] of rows) {
    test(`reads ${token} from ${JSON.stringify(values)}`, () => assert.equal(read(...values), token));
  }
});

describe("bearerChallenge (AUTH-2, AUTH-7)", () => {
  test("names what is given, in order, and nothing else", () => {
    assert.equal(bearerChallenge({ realm: "api" }), 'Bearer realm="api"');
    assert.equal(
      bearerChallenge({ realm: "api", error: "insufficient_scope", scope: "a b" }),
      'Bearer realm="api", error="insufficient_scope", scope="a b"',
    );
  });

  test("quotes, and stays within ASCII", () => {
    assert.equal(bearerChallenge({ realm: 'a"b\\c\u00e9\r\n' }), 'Bearer realm="a\\"b\\\\c???"');
  });
});

describe("isJwtShaped", () => {
  const shaped = ["a.b.c", "eyJ.eyJ.sig", "a-_.b.c="];
  for (const token of shaped) test(`says yes to ${token}`, () => assert.equal(isJwtShaped(token), true));
  const others = ["", "a", "a.b", ".b.c", "a..c", "a.b.", "..", "a.b.c.d", "tp_live_abc", "a.b.c."];
  for (const token of others) test(`says no to "${token}"`, () => assert.equal(isJwtShaped(token), false));
});
