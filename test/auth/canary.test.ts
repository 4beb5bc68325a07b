import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { askOnce, errorCode, get } from "../harness/ask.ts";
import { startChildGateway } from "../harness/child-gateway.ts";
import { turnpike } from "../harness/cli.ts";
import { eventually } from "../harness/eventually.ts";
import { AUDIENCE, claimsAt, hmac, ISSUER, type Json, token } from "./tokens.ts";

const SECRET = "canary-of-the-shared-secret-0123456789";

test("neither a shared secret nor a token is in any log, metric, answer or output (OBS-7)", async () => {
  const folder = mkdtempSync(join(tmpdir(), "turnpike-canary-"));
  const config = {
    store: { records: `sqlite:${join(folder, "records.db")}` },
    routes: [
      {
        path: "/*",
        to: { fixed: { status: 200 } },
        policies: [
          { jwt: { issuers: [{ issuer: ISSUER, audience: AUDIENCE, keys: [{ secret: SECRET }] }] } },
          { authorize: { scopes: ["orders:read"] } },
        ],
      },
    ],
  };
  const gateway = await startChildGateway(config);
  try {
    const make = (claims: Json = {}, secret = SECRET) =>
      token({ alg: "HS256", typ: "at+jwt" }, claimsAt(Date.now(), claims), hmac(secret));
    const good = make({ scope: "orders:read" });
    const [weak, old, forged] = [make(), make({ exp: 1 }), make({}, "x".repeat(32))];
    const nonsense = "Canary1.Canary2.Canary3";
    const asks: readonly (readonly [path: string, fields: string, outcome: string])[] = [
      ["/", `Authorization: Bearer ${good}\r\n`, "200"],
      ["/", `Authorization: Bearer ${weak}\r\n`, "INSUFFICIENT_SCOPE"],
      ["/", `Authorization: Bearer ${old}\r\n`, "TOKEN_EXPIRED"],
      ["/", `Authorization: Bearer ${forged}\r\n`, "INVALID_TOKEN"],
      ["/", `Authorization: Bearer ${nonsense}\r\n`, "INVALID_TOKEN"],
      ["/", `Authorization: Bearer ${good} ${good}\r\n`, "MALFORMED_CREDENTIALS"],
      ["/", `Authorization: Bearer ${good}\r\nX-API-Key: ${good}\r\n`, "MULTIPLE_CREDENTIALS"],
      ["/", `User-Agent: ${good}\r\n`, "AUTHENTICATION_REQUIRED"],
      [`/?access_token=${good}&x=${good}`, "", "AUTHENTICATION_REQUIRED"],
      [`/${good}`, "", "AUTHENTICATION_REQUIRED"],
    ];
    let seen = "";
    for (const [path, fields, outcome] of asks) {
      const answer = await askOnce(gateway.port, get(path, fields));
      assert.equal(errorCode(answer) ?? String(answer.status), outcome);
      seen += answer.body.toString() + [...answer.headers].join("\n");
    }
    await eventually(
      "the log is written",
      async () => (await gateway.log()).split("\n").length > asks.length,
    );
    seen += await (await fetch(`http://127.0.0.1:${gateway.adminPort}/metrics`)).text();
    seen += (await gateway.log()) + gateway.stderr();
    const file = join(folder, "turnpike.yaml");
    writeFileSync(file, JSON.stringify(config));
    for (const command of [["explain"], ["explain", "--mermaid"], ["explain", "GET", "/"], ["check"]]) {
      const { stdout, stderr } = await turnpike(...command, "--config", file);
      seen += stdout + stderr;
    }
    assert.match(seen, /turnpike_jwt_refused_total\{[^}]*code="TOKEN_EXPIRED"[^}]*\} 1/);
    assert.match(seen, /issuer\.example/);
    for (const secret of [
      SECRET,
      nonsense,
      ...[good, weak, old, forged].flatMap((text) => [text, text.split(".")[2] ?? ""]),
    ])
      assert.equal(seen.includes(secret), false, secret);
    assert.doesNotMatch(seen, /eyJ[\w-]+\.eyJ/);
  } finally {
    await gateway.stop();
    rmSync(folder, { recursive: true });
  }
});
