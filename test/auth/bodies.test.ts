import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import { RawClient } from "../harness/raw.ts";
import { SECRET, startStand } from "./stand.ts";
import { AUDIENCE, claimsAt, hmac, ISSUER, token } from "./tokens.ts";

/** Verifying a token for the first time takes a while, and the body is on its way meanwhile. */
test("bodies come whole and in order through calls that wait for their token to be verified", async () => {
  const stand = await startStand([
    { jwt: { issuers: [{ issuer: ISSUER, audience: AUDIENCE, keys: [{ secret: SECRET }] }] } },
  ]);
  const bodies = [10, 5_000, 70_000, 300_000, 1, 0, 200_000].map((size) => randomBytes(size));
  const head = () => {
    const text = token({ alg: "HS256", typ: "at+jwt" }, claimsAt(stand.wall()), hmac(SECRET));
    return `POST / HTTP/1.1\r\nHost: example\r\nAuthorization: Bearer ${text}\r\n`;
  };
  const client = await RawClient.to(stand.gateway.port);
  try {
    for (const [i, body] of bodies.entries()) {
      const framed =
        i % 2 === 0
          ? [`Content-Length: ${body.length}\r\n\r\n`, body]
          : ["Transfer-Encoding: chunked\r\n\r\n", chunked(body), "0\r\n\r\n"];
      client.send(head());
      for (const part of framed) client.send(part);
    }
    const answers = await client.responses(bodies.length);
    assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set([200]));
    assert.equal(stand.origin.requests.length, bodies.length);
    for (const [i, body] of bodies.entries())
      assert.equal(stand.origin.requests[i]?.body.equals(body), true, `body ${i}`);
  } finally {
    client.destroy();
    await stand.stop();
  }
});

function chunked(body: Buffer): Buffer {
  const parts: Buffer[] = [];
  for (let at = 0; at < body.length; at += 4000) {
    const chunk = body.subarray(at, at + 4000);
    parts.push(Buffer.from(`${chunk.length.toString(16)}\r\n`), chunk, Buffer.from("\r\n"));
  }
  return Buffer.concat(parts);
}
