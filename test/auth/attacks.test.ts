import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { errorCode } from "../harness/ask.ts";
import { type Attack, good } from "./attack.ts";
import { attacksAt } from "./attacks.ts";
import { SIGNERS, type Stand, startSink, startStand } from "./stand.ts";
import { ISSUER } from "./tokens.ts";

describe("forged tokens (JWT-1, JWT-2, JWT-3, JWT-15, J-01, J-02)", () => {
  let stand: Stand;
  let sink: Awaited<ReturnType<typeof startSink>>;
  let attacks: readonly Attack[];

  before(async () => {
    stand = await startStand([{ jwt: { issuers: SIGNERS.map(({ config }) => config) } }]);
    sink = await startSink();
    attacks = attacksAt(stand.wall(), sink.port);
  });
  after(async () => {
    await stand.stop();
    await sink.stop();
  });

  test("are not the only ones: a good one passes with every algorithm", async () => {
    for (const signer of SIGNERS) {
      const response = await stand.bearer(good(signer, stand.wall()));
      assert.equal(response.status, 200, signer.alg);
    }
    assert.equal(stand.origin.requests.length, SIGNERS.length);
    stand.origin.reset();
  });

  test("are all refused with the same answer, and nothing of them leaves the gateway", async () => {
    assert.ok(attacks.length > 355, `${attacks.length} attacks`);
    const answers = new Map<string, string>();
    for (const { name, token } of attacks) {
      const response = await stand.bearer(token);
      const outcome = `${response.status} ${errorCode(response)}`;
      const unreadable = !/^[A-Za-z0-9\-._~+/]+=*$/.test(token);
      const expected = unreadable
        ? "400 MALFORMED_CREDENTIALS"
        : tooLong(token)
          ? "431 HEADERS_TOO_LARGE"
          : "401 INVALID_TOKEN";
      assert.equal(outcome, expected, name);
      if (outcome !== "401 INVALID_TOKEN") continue;
      const challenge = response.headers.get("www-authenticate")?.join();
      const body = response.body.toString().replace(/req_\w+/, "");
      answers.set(`${challenge} ${body}`, name);
    }
    assert.equal(answers.size, 1, [...answers].join("\n"));
    assert.equal(stand.origin.requests.length, 0);
    assert.equal(sink.connections(), 0);
  });

  test("are explained in the log, and only there", async () => {
    const line = await stand.gateway.logged(({ cause }) => String(cause).includes("canonical base64url"));
    assert.equal(line["error"], "INVALID_TOKEN");
  });

  test("leave the gateway as it was: a good one passes still", async () => {
    for (const signer of SIGNERS) assert.equal((await stand.bearer(good(signer, stand.wall()))).status, 200);
    assert.equal(
      (await stand.bearer(good({ ...(SIGNERS[0] as (typeof SIGNERS)[0]), issuer: ISSUER }, stand.wall())))
        .status,
      401,
    );
  });
});

/** `limits.header`. */
const tooLong = (token: string): boolean => "Authorization: Bearer ".length + token.length > 8192;
