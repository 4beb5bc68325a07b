import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { IssuerServer } from "../../../test/auth/issuer-server.ts";
import { ecKeys, jwkOf } from "../../../test/auth/tokens.ts";
import { HandClock } from "../../../test/harness/hand-clock.ts";
import { noMetrics } from "../../core/metrics.ts";
import type { PolicyTools } from "../../core/tools.ts";
import { issuerKeys } from "./issuer-keys.ts";
import { jwtOptions } from "./jwt.options.ts";

describe("issuerKeys", () => {
  test("keeps published keys from one plan to the next, and lets go of them with the last", async () => {
    const server = await IssuerServer.start();
    server.keys = [jwkOf(ecKeys().publicKey, { kid: "k" })];
    const jwks = { url: server.url, allowPrivate: true, allowHttp: true };
    const [options] = jwtOptions.parse({ issuers: [{ issuer: "i", audience: "a", jwks }] }).issuers;
    assert.ok(options);
    const clock = new HandClock();
    const closes: (() => void)[] = [];
    const log = { info: () => {}, warn: () => {}, error: () => {} };
    const parts = { clock, ticker: clock, log, metrics: noMetrics };
    const plan = () =>
      issuerKeys(options, {
        ...parts,
        onClose: (close: () => void) => closes.push(close),
      } as unknown as PolicyTools);
    try {
      const first = plan();
      await first.find("ES256", "k");
      const second = plan();
      closes.shift()?.();
      server.answer = (_, response) => response.writeHead(500).end();
      assert.equal(second.find("ES256", "k") instanceof Promise, false);
      closes.shift()?.();
      const third = plan();
      await assert.rejects(async () => third.find("ES256", "k"), { code: "AUTH_UNAVAILABLE" });
      assert.equal(server.fetches, 2);
      clock.advance(60_000);
      closes.shift()?.();
      const { fetches } = server;
      clock.advance(60_000);
      assert.equal(server.fetches, fetches);
    } finally {
      await server.stop();
    }
  });
});
