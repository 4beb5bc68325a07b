import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Headers } from "../../../core/headers.ts";
import { clientPatience } from "./deadline.ts";

const NEVER = Number.POSITIVE_INFINITY;

describe("the patience of a client", () => {
  for (const [fields, patience] of [
    [{}, NEVER],
    [{ "grpc-timeout": "2H" }, 7_200_000],
    [{ "grpc-timeout": "3M" }, 180_000],
    [{ "grpc-timeout": "10S" }, 10_000],
    [{ "grpc-timeout": "250m" }, 250],
    [{ "grpc-timeout": "5000u" }, 5],
    [{ "grpc-timeout": "99999999n" }, 99.999999],
    [{ "Connect-Timeout-Ms": "1500" }, 1_500],
    [{ "Connect-Timeout-Ms": "0" }, 0],
    [{ "grpc-timeout": "1S", "Connect-Timeout-Ms": "900" }, 900],
    // What breaks its own rules is not heeded.
    [{ "grpc-timeout": "123456789m" }, NEVER],
    [{ "grpc-timeout": "10" }, NEVER],
    [{ "grpc-timeout": "10s" }, NEVER],
    [{ "grpc-timeout": "-1S" }, NEVER],
    [{ "Connect-Timeout-Ms": "12345678901" }, NEVER],
    [{ "Connect-Timeout-Ms": "1.5" }, NEVER],
  ] as const) {
    test(`that sends ${JSON.stringify(fields)} is ${patience} ms`, () => {
      const sent = Headers.of(fields as Readonly<Record<string, string>>);
      assert.ok(Math.abs(clientPatience(sent) - patience) < 1e-6 || clientPatience(sent) === patience);
    });
  }
});
