/** What is kept of answers to callers with credentials, and for whom (RFC 9111 §3.5, HTTP-33). */
import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import { cacheControl, counting, keeps, type Stand, startStand, text } from "./stand.ts";

const MINUTE = cacheControl("max-age=60");

describe("answers to callers with credentials (§3.5, HTTP-33)", () => {
  const AUTH = "Authorization: Bearer one\r\n";
  let stand: Stand;
  let sharing: Stand;
  before(async () => {
    stand = await startStand({ defaultTtl: "60s" });
    sharing = await startStand({ share: true });
  });

  for (const credential of [AUTH, "Cookie: session=1\r\n", "X-API-Key: k\r\n"]) {
    const name = credential.split(":")[0];
    test(`are not kept where the request has ${name} and nothing allows it`, async () => {
      assert.equal(await keeps(stand, MINUTE, credential), false);
      assert.equal(await keeps(stand, "", credential), false, "nor does a default lifetime allow it");
    });
    for (const allowing of ["public", "s-maxage=60", "must-revalidate"]) {
      test(`are kept for the one caller with ${name} where they say ${allowing}`, async () => {
        const fields = cacheControl(`max-age=60, ${allowing}`);
        assert.equal(await keeps(stand, fields, credential), true);
        assert.equal(await keeps(stand, fields, credential, credential.replace(/.\r\n/, "x\r\n")), false);
        assert.equal(await keeps(stand, fields, credential, ""), false);
        assert.equal(await keeps(stand, fields, "", credential), false);
      });
    }
  }

  test("are shared with share: true where they say that they are for everybody", async () => {
    for (const allowing of ["public", "s-maxage=60"]) {
      assert.equal(await keeps(sharing, cacheControl(`max-age=60, ${allowing}`), AUTH, ""), true);
      assert.equal(await keeps(sharing, cacheControl(`max-age=60, ${allowing}`), "", AUTH), true);
    }
    assert.equal(await keeps(sharing, cacheControl("max-age=60, must-revalidate"), AUTH, ""), false);
    assert.equal(await keeps(sharing, MINUTE, "", AUTH), false);
  });

  test("are not shared where they vary by who is calling, whatever they say", async () => {
    for (const name of ["Authorization", "Cookie", "X-Consumer-Id"]) {
      const fields = `${cacheControl("public, max-age=60")}Vary: ${name}\r\n`;
      assert.equal(await keeps(sharing, fields, AUTH, ""), false, name);
      assert.equal(await keeps(sharing, fields, AUTH), true, name);
    }
  });
});

describe("a cache in front of who finds out the caller", () => {
  test("keeps nothing of what was answered to him", async () => {
    const hash = "sha256:cd577fe2561ebff23505db0bb006300c7cdecbd46bc0e03c449afafaca2c25bf";
    const stand = await startStand(
      {},
      {
        keys: [{ id: "demo", hash, consumer: "acme" }],
        routes: [
          {
            path: "/*",
            to: { upstream: "origin" },
            policies: [{ cache: { share: true } }, { "api-key": { header: "X-Other" } }],
          },
        ],
      },
    );
    stand.origin.answer = counting(cacheControl("public, max-age=60"));
    const key = "X-Other: demo-secret\r\n";
    assert.equal(text(await stand.get("/a", key)), "answer 1");
    assert.equal(text(await stand.get("/a", key)), "answer 2");
    assert.equal((await stand.get("/a")).status, 401);
  });
});
