import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { GatewayError } from "../../../core/errors.ts";
import { Headers } from "../../../core/headers.ts";
import { checkMediaType } from "./media.ts";

describe("the type of a body", () => {
  const check = (method: string, fields: Readonly<Record<string, string>>) =>
    checkMediaType(method, Headers.of(fields));
  const refused = (method: string, fields: Readonly<Record<string, string>>) => {
    try {
      check(method, fields);
    } catch (error) {
      assert.ok(error instanceof GatewayError && error.code === "UNSUPPORTED_MEDIA_TYPE");
      return error.headers;
    }
    return assert.fail(`${method} ${JSON.stringify(fields)} was accepted`);
  };

  test("is JSON, whatever its case, parameters and vendor", () => {
    for (const type of [
      "application/json",
      "Application/JSON; charset=UTF-8",
      'application/json;charset="utf-8"',
      "application/vnd.shop+json",
    ]) {
      for (const method of ["POST", "PUT", "PATCH"]) check(method, { "Content-Type": type });
    }
    check("PATCH", { "Content-Type": "application/merge-patch+json" });
    check("POST", { "Content-Type": "application/json", "Content-Encoding": "identity" });
  });

  test("is refused otherwise, with the types that are taken", () => {
    for (const type of [
      "text/plain",
      "application/xml",
      "application/jsonp",
      "json",
      "",
      "application/json, text/plain",
      "application/json-patch+json",
      "application/merge-patch+json",
      "application/x-www-form-urlencoded",
    ]) {
      assert.deepEqual(refused("POST", { "Content-Type": type }), {
        Accept: "application/json",
        "Accept-Post": "application/json",
      });
    }
    const types = "application/merge-patch+json, application/json";
    assert.deepEqual(refused("PATCH", { "Content-Type": "application/json-patch+json" }), {
      Accept: types,
      "Accept-Patch": types,
    });
    assert.deepEqual(refused("PUT", {}), { Accept: "application/json" });
    refused("POST", { "Content-Type": "application/json; charset=utf-16" });
    refused("POST", { "Content-Type": "application/json; charset=iso-8859-1" });
    assert.deepEqual(refused("POST", { "Content-Type": "application/json", "Content-Encoding": "gzip" }), {
      "Accept-Encoding": "identity",
    });
  });
});
