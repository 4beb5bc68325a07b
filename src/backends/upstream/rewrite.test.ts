import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Call, type Exchange, type Request } from "../../core/call.ts";
import { Headers } from "../../core/headers.ts";
import { compileRewrite } from "./rewrite.ts";

function call(path: string, params: Readonly<Record<string, string>>): Call {
  const peer = { address: "127.0.0.1", port: 1, localPort: 2, secure: false };
  const request: Request = {
    ...{ method: "GET", target: path, path, query: "?q", host: "a", version: "1.1" },
    ...{ headers: new Headers(), body: null, upgrade: null, peer },
  };
  const exchange: Exchange = { interim() {}, send() {} };
  const made = new Call("req_1", 0, request, exchange);
  made.params = params;
  return made;
}

function rewrite(
  template: string | null,
  params: Readonly<Record<string, string>> = {},
  path = "/asked",
): string {
  return compileRewrite(template)(call(path, params));
}

describe("the path that is forwarded", () => {
  test("is the one that was asked where nothing is rewritten", () => {
    assert.equal(rewrite(null, {}, "/a%20b/c"), "/a%20b/c");
  });

  const cases: readonly (readonly [
    template: string,
    params: Readonly<Record<string, string>>,
    path: string,
  ])[] = [
    ["/", {}, "/"],
    ["/fixed/path", { id: "1" }, "/fixed/path"],
    ["/users/{id}", { id: "7" }, "/users/7"],
    ["/{b}/{a}/{b}", { a: "1", b: "2" }, "/2/1/2"],
    ["/v1-{id}.json", { id: "7" }, "/v1-7.json"],
    ["/{missing}/x", {}, "//x"],
    ["/api/*", { "*": "" }, "/api/"],
    ["/api/*", { "*": "a/b%20c" }, "/api/a/b%20c"],
    ["/{id}/*", { id: "1", "*": "x/y" }, "/1/x/y"],
    ["/*", {}, "/"],
  ];
  for (const [template, params, path] of cases) {
    test(`is ${path} by ${template} with ${JSON.stringify(params)}`, () =>
      assert.equal(rewrite(template, params), path));
  }

  test("gets no segment, query or fragment more from what a parameter holds", () => {
    for (const value of [
      "a/b",
      "../x",
      "a?b=c",
      "a#b",
      "a\\b",
      "a b",
      "a%2Fb",
      "\r\nX: y",
      "é",
      "a;b",
      '"<>',
    ]) {
      const path = rewrite("/p/{id}/end", { id: value });
      assert.match(path, /^\/p\/[A-Za-z0-9\-._~%!$&'()*+,=:@]*\/end$/, path);
      assert.equal(decodeURIComponent(path.slice(3, -4)), value);
    }
  });

  test("keeps plain what a segment may hold plainly (RFC 3986 §3.3)", () => {
    const plain = "AZaz09-._~!$&'()*+,=:@";
    assert.equal(rewrite("/{id}", { id: plain }), `/${plain}`);
  });
});
