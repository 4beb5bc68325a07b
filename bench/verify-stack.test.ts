import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { checkLine } from "./verify-stack.ts";

const line = {
  id: "req_1",
  method: "GET",
  path: "/100",
  status: 200,
  host: "127.0.0.1:8080",
  client_ip: "127.0.0.1",
  consumer: "acme",
};
const check = (change: Readonly<Record<string, unknown>>): void =>
  checkLine(JSON.stringify({ ...line, ...change }), "req_1", "/100");

describe("checkLine", () => {
  test("lets a line pass that tells who asked for what and what became of it", () => {
    check({});
  });

  test("refuses a line that tells less", () => {
    assert.throws(() => check({ consumer: undefined }), /no consumer/);
    assert.throws(() => check({ consumer: "" }), /no consumer/);
    assert.throws(() => check({ status: "200" }), /says status: "200"/);
    assert.throws(() => check({ client_ip: undefined }), /client_ip/);
  });

  test("refuses a line of another request", () => {
    assert.throws(() => check({ id: "req_2" }), /says id: "req_2"/);
    assert.throws(() => check({ path: "/" }), /says path/);
  });

  test("refuses what is not JSON", () => {
    assert.throws(() => checkLine("GET /100 200", "req_1", "/100"));
  });
});
