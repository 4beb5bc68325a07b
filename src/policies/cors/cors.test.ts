import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { parse } from "yaml";
import { askOnce } from "../../../test/harness/ask.ts";
import { startGateway, type TestGateway } from "../../../test/harness/gateway.ts";
import { corsOptions } from "./cors.options.ts";

/** What is said of options that do not go together, or null. */
function problem(options: Record<string, unknown>): string | null {
  const result = corsOptions.safeParse(options);
  return result.success
    ? null
    : result.error.issues.map(({ path, message }) => `${path.join(".")}: ${message}`).join("\n");
}

describe("the options of cors", () => {
  const origins = ["https://shop.example"];

  const sound: readonly Record<string, unknown>[] = [
    { origins },
    { origins: ["*"] },
    { origins: ["*"], headers: ["*"], expose: ["*"] },
    { origins: ["https://*.shop.example"], credentials: true },
    { origins, credentials: true, headers: ["*", "Authorization"] },
    { origins, nullOrigin: true },
    { origins, maxAge: "0s" },
    { origins, maxAge: "24h" },
    { origins, methods: ["GET", "PATCH"], headers: [] },
  ];
  for (const options of sound) {
    test(`may be ${JSON.stringify(options)}`, () => assert.equal(problem(options), null));
  }

  const unsound: readonly (readonly [options: Record<string, unknown>, message: RegExp])[] = [
    [{}, /^origins: /],
    [{ origins: [] }, /^origins: /],
    [{ origins: "*" }, /^origins: /],
    [{ origins: ["https://shop.example/"] }, /^origins\.0: .*has no path/],
    [{ origins: ["null"] }, /^origins\.0: .*nullOrigin: true/],
    [{ origins: ["https://shop.example", "HTTPS://SHOP.EXAMPLE:443"] }, /^origins\.1: .*listed twice/],
    [{ origins: ["*", "https://shop.example"] }, /^origins: .*leave the others out/],
    [{ origins: ["*"], credentials: true }, /^credentials: .*list the origins/],
    [{ origins, credentials: true, nullOrigin: true }, /^nullOrigin: .*never gets credentials/],
    [{ origins, credentials: true, expose: ["*"] }, /^expose: .*list the headers/],
    [{ origins, methods: ["get"] }, /^methods\.0: .*did you mean "GET"/],
    [{ origins, methods: [] }, /^methods: /],
    [{ origins, headers: ["X Trace"] }, /^headers\.0: expected the name of a header/],
    [{ origins, expose: ["X-A,X-B"] }, /^expose\.0: expected the name of a header/],
    [{ origins, maxAge: 600 }, /^maxAge: /],
    [{ origins, maxAge: "25h" }, /^maxAge: .*between 0s and 24h/],
    [{ origins, upstream: "merge" }, /^upstream: /],
    [{ origin: origins }, /^origins: /],
  ];
  for (const [options, message] of unsound) {
    test(`may not be ${JSON.stringify(options)}`, () => assert.match(problem(options) ?? "taken", message));
  }
});

describe("the example of cors", () => {
  let gateway: TestGateway;
  before(async () => {
    gateway = await startGateway(
      parse(readFileSync(join(import.meta.dirname, "cors.example.yaml"), "utf8")),
      { time: "by hand" },
    );
  });
  after(() => gateway.stop());

  async function allowed(path: string, origin: string, method = "GET"): Promise<string | undefined> {
    const head = `OPTIONS ${path} HTTP/1.1\r\nHost: e\r\nOrigin: ${origin}\r\nAccess-Control-Request-Method: ${method}\r\n\r\n`;
    return (await askOnce(gateway.port, head)).headers.get("access-control-allow-origin")?.[0];
  }

  test("lets the shop's pages in, with the methods of the route", async () => {
    for (const origin of [
      "https://shop.example",
      "https://pr-7.preview.shop.example",
      "http://localhost:5173",
    ])
      assert.equal(await allowed("/orders/7", origin, "POST"), origin);
    assert.equal(await allowed("/orders/7", "https://shop.example", "DELETE"), undefined);
  });

  test("keeps others out, and lets all see the status", async () => {
    assert.equal(await allowed("/orders/7", "https://evil.io"), undefined);
    assert.equal(await allowed("/status", "https://evil.io"), "*");
  });
});
