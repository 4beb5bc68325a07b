import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { parse } from "yaml";
import { askOnce, errorCode, post } from "../../../test/harness/ask.ts";
import { startGateway, type TestGateway } from "../../../test/harness/gateway.ts";
import { RecordingOrigin } from "../../../test/harness/origin.ts";
import { RawClient } from "../../../test/harness/raw.ts";
import { bodyLimitOptions } from "./body-limit.options.ts";

describe("body-limit", () => {
  let gateway: TestGateway;
  let origin: RecordingOrigin;
  before(async () => {
    origin = await RecordingOrigin.start();
    const to = { upstream: "origin" };
    gateway = await startGateway(
      {
        limits: { body: "20b" },
        upstreams: { origin: { targets: [origin.url] } },
        routes: [
          { path: "/ten", to, policies: [{ "body-limit": { max: "10b" } }] },
          { path: "/none", to, policies: [{ "body-limit": { max: "0b" } }] },
          { path: "/more", to, policies: [{ "body-limit": { max: "1kb" } }] },
          {
            path: "/twice",
            to,
            policies: [{ "body-limit": { max: "5b" } }, { "body-limit": { max: "10b" } }],
          },
          {
            path: "/unlimited",
            to,
            limits: { body: "unlimited" },
            policies: [{ "body-limit": { max: "10b" } }],
          },
          { path: "/puts", to, policies: [{ "body-limit": { max: "10b" }, when: { methods: ["PUT"] } }] },
        ],
      },
      { time: "by hand" },
    );
  });
  after(async () => {
    await gateway.stop();
    await origin.stop();
  });

  const chunked = (path: string, body: string, method = "POST"): string =>
    `${method} ${path} HTTP/1.1\r\nHost: e\r\nTransfer-Encoding: chunked\r\n\r\n${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`;
  const declared = (path: string, body: string, method = "POST"): string =>
    post(path, body).replace("POST", method);

  const rows: readonly (readonly [path: string, largest: number, method?: string])[] = [
    ["/ten", 10],
    ["/more", 20],
    ["/twice", 5],
    ["/unlimited", 10],
    ["/puts", 10, "PUT"],
    ["/puts", 20, "POST"],
  ];
  for (const [path, largest, method = "POST"] of rows) {
    for (const [how, message] of [
      ["declared", declared],
      ["flowing", chunked],
    ] as const) {
      test(`lets ${how} bodies of ${largest} bytes pass at ${method} ${path}, and none larger`, async () => {
        const passed = await askOnce(gateway.port, message(path, "x".repeat(largest), method));
        assert.equal(passed.status, 200);
        assert.equal(origin.requests.at(-1)?.body.length, largest);
        const refused = await askOnce(gateway.port, message(path, "x".repeat(largest + 1), method));
        assert.equal(refused.status, 413);
        assert.equal(errorCode(refused), "PAYLOAD_TOO_LARGE");
      });
    }
  }

  test("of none lets requests without a body pass, and empty ones", async () => {
    assert.equal((await askOnce(gateway.port, "POST /none HTTP/1.1\r\nHost: e\r\n\r\n")).status, 200);
    assert.equal((await askOnce(gateway.port, declared("/none", ""))).status, 200);
    assert.equal((await askOnce(gateway.port, declared("/none", "x"))).status, 413);
  });

  test("refuses a declared size before a byte of the body has come, and nothing reaches the upstream", async () => {
    origin.reset();
    const client = await RawClient.to(gateway.port);
    client.send("POST /ten HTTP/1.1\r\nHost: e\r\nContent-Length: 11\r\nExpect: 100-continue\r\n\r\n");
    assert.equal((await client.response()).status, 413);
    assert.doesNotMatch(client.text, /100 Continue/);
    client.destroy();
    assert.equal(origin.requests.length, 0);
  });
});

describe("the options of body-limit", () => {
  for (const options of [
    {},
    { max: 10 },
    { max: "10" },
    { max: "unlimited" },
    { max: "-1b" },
    { limit: "1mb" },
  ]) {
    test(`may not be ${JSON.stringify(options)}`, () =>
      assert.equal(bodyLimitOptions.safeParse(options).success, false));
  }
});

describe("the example of body-limit", () => {
  let gateway: TestGateway;
  before(async () => {
    gateway = await startGateway(
      parse(readFileSync(join(import.meta.dirname, "body-limit.example.yaml"), "utf8")),
      { time: "by hand" },
    );
  });
  after(() => gateway.stop());

  test("takes short comments and long pictures, and no long comments", async () => {
    const status = async (path: string, size: number) =>
      (await askOnce(gateway.port, post(path, "x".repeat(size)))).status;
    assert.equal(await status("/comments", 1024), 201);
    assert.equal(await status("/comments", 1025), 413);
    assert.equal(await status("/pictures", 100_000), 201);
  });
});
