import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import type { RevocationRecord } from "../../core/records.ts";
import { RevocationList } from "./list.ts";

const ISSUER = "https://issuer.example";

const revocation = (changes: Partial<RevocationRecord>): RevocationRecord => ({
  id: "rev_1",
  issuer: "",
  tokenId: "",
  subject: "",
  before: 0,
  createdAt: 0,
  expiresAt: 1e15,
  liftedAt: null,
  ...changes,
});

function list(...news: Partial<RevocationRecord>[]): RevocationList {
  const made = new RevocationList();
  made.receive(news.map(revocation));
  return made;
}

const token = (changes: object = {}) => ({
  issuer: ISSUER,
  subject: "ann",
  id: "t-1",
  issuedAt: 100,
  ...changes,
});

describe("RevocationList", () => {
  test("holds nothing at first", () => assert.equal(list().has(token()), false));

  test("refuses one token by its jti, of one issuer or of any", () => {
    const one = list({ tokenId: "t-1", issuer: ISSUER });
    assert.equal(one.has(token()), true);
    assert.equal(one.has(token({ id: "t-2" })), false);
    assert.equal(one.has(token({ issuer: "https://other.example" })), false);
    assert.equal(list({ tokenId: "t-1" }).has(token({ issuer: "https://other.example" })), true);
  });

  test("refuses the tokens of a subject that were issued before, and later ones not", () => {
    const before = list({ subject: "ann", before: 100_001 });
    assert.equal(before.has(token()), true);
    assert.equal(before.has(token({ issuedAt: 101 })), false);
    assert.equal(before.has(token({ issuedAt: undefined })), true);
    assert.equal(before.has(token({ subject: "bob" })), false);
    assert.equal(list({ subject: "ann", before: 100_000 }).has(token()), false);
    assert.equal(list({ subject: "ann", before: 100_001, issuer: "x" }).has(token()), false);
  });

  test("goes by the later of two times, the issuer's own and that of any", () => {
    const both = list(
      { subject: "ann", before: 50_000, issuer: ISSUER },
      { id: "rev_2", subject: "ann", before: 100_001 },
    );
    assert.equal(both.has(token()), true);
  });

  test("never takes what a token does not say for what was revoked", () => {
    assert.equal(list({ tokenId: "t-1" }).has(token({ id: "" })), false);
    assert.equal(list({ subject: "ann", before: 1e15 }).has(token({ subject: "" })), false);
  });

  test("lets go of what is lifted", () => {
    const changed = list({ tokenId: "t-1" }, { id: "rev_2", subject: "ann", before: 1e9 });
    changed.receive([revocation({ tokenId: "t-1", liftedAt: 1 })]);
    assert.equal(changed.has(token({ issuedAt: 1e9 })), false);
    assert.equal(changed.has(token()), true);
    changed.receive([revocation({ id: "rev_2", subject: "ann", liftedAt: 1 })]);
    assert.equal(changed.has(token()), false);
  });

  test("says the same as a search through all that was told, in any order of news", () => {
    const names = fc.constantFrom("", "a", "b");
    const news = fc.record({
      issuer: names,
      target: fc.oneof(
        fc.record({ tokenId: fc.constantFrom("a", "b") }),
        fc.record({ subject: fc.constantFrom("a", "b"), before: fc.integer({ min: 1, max: 5000 }) }),
      ),
      liftedAt: fc.constantFrom(null, 1),
    });
    const asked = fc.record({
      issuer: fc.constantFrom("a", "b"),
      subject: names,
      id: names,
      issuedAt: fc.constantFrom(undefined, 0, 1, 2, 3, 4),
    });
    fc.assert(
      fc.property(fc.array(news, { maxLength: 12 }), asked, (all, wanted) => {
        const records = all.map(({ target, ...rest }) => revocation({ ...rest, ...target }));
        const last = new Map(
          records.map((one) => [JSON.stringify([one.issuer, one.tokenId, one.subject]), one]),
        );
        const expected = [...last.values()].some(
          ({ issuer, tokenId, subject, before, liftedAt }) =>
            liftedAt === null &&
            (issuer === "" || issuer === wanted.issuer) &&
            (tokenId !== ""
              ? tokenId === wanted.id
              : subject === wanted.subject &&
                (wanted.issuedAt === undefined || wanted.issuedAt * 1000 < before)),
        );
        assert.equal(list(...records).has(wanted), expected);
      }),
    );
  });
});
