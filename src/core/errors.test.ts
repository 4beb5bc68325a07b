import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { STATUS_CODES } from "node:http";
import { join } from "node:path";
import { describe, test } from "node:test";
import { catalogue, type ErrorCode, GatewayError } from "./errors.ts";

const root = join(import.meta.dirname, "../..");
const codes = Object.keys(catalogue) as ErrorCode[];

describe("the catalogue of errors", () => {
  test("has one status for each code, and it is an error's", () => {
    for (const code of codes) {
      const { status } = catalogue[code];
      assert.ok(status === 499 || (status >= 400 && status in STATUS_CODES), `${code}: ${status}`);
    }
  });

  test("spells codes in UPPER_SNAKE", () => {
    for (const code of codes) assert.match(code, /^[A-Z]+(_[A-Z]+)*$/);
  });

  test("blames the client for 4xx and never for 5xx that it could not avoid", () => {
    for (const code of codes) {
      const { status, blame } = catalogue[code];
      // 501 and 505 are 5xx by RFC 9110 though it is the request that asks for what there is not.
      // RFC 9111 §5.2.1.7 has 504 for who forbade the only way to an answer.
      const clients = status < 500 || status === 501 || status === 505 || code === "NOT_CACHED";
      assert.equal(blame === "client", clients, code);
    }
  });

  test("is documented: every code has a section with its status, and no section is of a code that is gone", () => {
    const page = readFileSync(join(root, "docs/errors.md"), "utf8");
    const sections = [...page.matchAll(/^## ([A-Z_]+)\n\n(\d{3}) /gm)].map(([, code, status]) => [
      code,
      Number(status),
    ]);
    assert.deepEqual(
      sections,
      codes.map((code) => [code, catalogue[code].status]),
    );
  });

  test("has no dead codes: each is thrown or sent somewhere", () => {
    const sources = globSync("src/**/*.ts", { cwd: root })
      .filter((file) => !file.endsWith(".test.ts") && file !== "src/core/errors.ts")
      .map((file) => readFileSync(join(root, file), "utf8"))
      .join("\n");
    assert.deepEqual(
      codes.filter((code) => code !== "INTERNAL_ERROR" && !sources.includes(`"${code}"`)),
      [],
    );
  });
});

describe("GatewayError", () => {
  test("says the title of its code where nothing more precise is known", () => {
    assert.equal(new GatewayError("ROUTE_NOT_FOUND").message, catalogue.ROUTE_NOT_FOUND.title);
  });

  test("makes INTERNAL_ERROR of anything thrown, and keeps what it was for the log only", () => {
    const cause = new Error("password=hunter2");
    const error = GatewayError.from(cause);
    assert.equal(error.code, "INTERNAL_ERROR");
    assert.equal(error.status, 500);
    assert.equal(error.cause, cause);
    assert.ok(!error.message.includes("hunter2"));
  });

  test("stays what it is when it is one already", () => {
    const error = new GatewayError("OVERLOADED");
    assert.equal(GatewayError.from(error), error);
  });
});
