import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type PostgresAddress, readPostgresUrl, shownPostgresUrl } from "./postgres-url.ts";

const PLACE: PostgresAddress = {
  host: "db",
  port: 5432,
  user: "ann",
  password: "pw",
  database: "shop",
  tls: null,
};

describe("the URL of a PostgreSQL", () => {
  const good: readonly (readonly [url: string, place: Partial<PostgresAddress>])[] = [
    ["postgres://ann:pw@db/shop", {}],
    ["postgresql://ann:pw@db:6543/shop", { port: 6543 }],
    ["postgres://ann@db", { password: "", database: "ann" }],
    ["postgres://a%40b:p%3Aw%2F%25@db/a%20b", { user: "a@b", password: "p:w/%", database: "a b" }],
    ["postgres://ann:pw@[::1]:5433/shop", { host: "::1", port: 5433 }],
    ["postgres://ann:pw@%2Fvar%2Frun%2Fpostgresql/shop", { host: "/var/run/postgresql" }],
    ["postgres://ann:pw@db/shop?sslmode=disable", {}],
    ["postgres://ann:pw@db/shop?sslmode=require", { tls: { verify: "nothing" } }],
    [
      "postgres://ann:pw@db/shop?sslmode=verify-ca&sslrootcert=/ca.pem",
      { tls: { verify: "authority", authority: "/ca.pem" } },
    ],
    [
      "postgres://ann:pw@db/shop?sslmode=verify-full&sslcert=c.pem&sslkey=k.pem",
      { tls: { verify: "host", certificate: "c.pem", key: "k.pem" } },
    ],
  ];
  for (const [url, place] of good) {
    test(`is read: ${url}`, () => assert.deepEqual(readPostgresUrl(url), { ...PLACE, ...place }));
  }

  const bad: readonly (readonly [url: string, sentence: RegExp])[] = [
    ["postgres://db/shop", /expected a user/],
    ["postgres://ann:se/cret@db/shop", /cannot be read/],
    ["postgres://ann:s%ecret@db/shop", /cannot be read/],
    ["postgres://ann:se?cret@db/shop", /expected a user|cannot be read/],
    ["postgres://ann:12?secret@db/shop", /expected a user/],
    ["postgres://ann@db/shop?secret", /only these parameters/],
    ["postgres://ann:pw@db:99999/shop", /cannot be read/],
    ["postgres://ann:pw@db/shop?sslmode=allow", /sslmode "allow" is not known/],
    ["postgres://ann:pw@db/shop?sslmode=verify-ca", /needs sslrootcert/],
    ["postgres://ann:pw@db/shop?sslmode=require&sslcert=c", /go together/],
    ["postgres://ann:pw@db/shop?sslrootcert=c", /uses no certificates/],
  ];
  for (const [url, sentence] of bad) {
    test(`is refused, without what may be a password: ${url}`, () => {
      const problem = readPostgresUrl(url);
      assert.ok(typeof problem === "string");
      assert.match(problem, sentence);
      assert.doesNotMatch(problem + shownPostgresUrl(url), /cret|pw/);
    });
  }

  test("is shown without its password", () => {
    assert.equal(
      shownPostgresUrl("postgres://ann:pw@db/shop?sslmode=require"),
      "postgres://ann@db:5432/shop",
    );
    assert.equal(shownPostgresUrl("postgres://ann:pw@[::1]/shop"), "postgres://ann@[::1]:5432/shop");
  });
});
