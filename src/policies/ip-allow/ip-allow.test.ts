import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { parse } from "yaml";
import { askOnce, errorCode, get } from "../../../test/harness/ask.ts";
import { startGateway, type TestGateway } from "../../../test/harness/gateway.ts";
import { ipAllowOptions } from "./ip-allow.options.ts";

const answer = { fixed: { body: "in" } };

describe("ip-allow", () => {
  let gateway: TestGateway;
  /** By what a trusted proxy says: the test's own address. */
  const status = async (path: string, from?: string): Promise<number> =>
    (await askOnce(gateway.port, get(path, from === undefined ? "" : `X-Forwarded-For: ${from}\r\n`))).status;

  before(async () => {
    gateway = await startGateway(
      {
        listen: { trustedProxies: ["127.0.0.1"] },
        routes: [
          {
            path: "/allow",
            to: answer,
            policies: [{ "ip-allow": { allow: ["10.0.0.0/8", "2001:db8::/32", "192.0.2.1"] } }],
          },
          {
            path: "/deny",
            to: answer,
            policies: [{ "ip-allow": { deny: ["10.0.0.0/8", "2001:db8::/32"] } }],
          },
          {
            path: "/both",
            to: answer,
            policies: [{ "ip-allow": { allow: ["10.0.0.0/8"], deny: ["10.1.0.0/16"] } }],
          },
          {
            path: "/writes",
            to: answer,
            policies: [{ "ip-allow": { allow: ["10.0.0.0/8"] }, when: { methods: ["POST"] } }],
          },
        ],
      },
      { time: "by hand" },
    );
  });
  after(() => gateway.stop());

  const rows: readonly (readonly [path: string, inside: readonly string[], outside: readonly string[]])[] = [
    [
      "/allow",
      [
        "10.0.0.0",
        "10.255.255.255",
        "2001:db8::1",
        "2001:DB8:0:0::1",
        "192.0.2.1",
        "::ffff:10.1.2.3",
        "::ffff:0a01:0203",
      ],
      ["9.255.255.255", "11.0.0.0", "192.0.2.2", "2001:db9::1", "::ffff:11.0.0.1", "::1"],
    ],
    ["/deny", ["11.0.0.1", "2001:db9::1", "127.0.0.1"], ["10.1.2.3", "::ffff:10.1.2.3", "2001:db8:ffff::1"]],
    ["/both", ["10.0.0.1", "10.2.0.1"], ["10.1.0.1", "::ffff:10.1.0.1", "192.0.2.1"]],
  ];
  for (const [path, inside, outside] of rows) {
    for (const address of inside) {
      test(`${path} lets ${address} in`, async () => assert.equal(await status(path, address), 200));
    }
    for (const address of outside) {
      test(`${path} keeps ${address} out`, async () => assert.equal(await status(path, address), 403));
    }
  }

  test("says in its answer what it refused for, and not whom", async () => {
    const response = await askOnce(gateway.port, get("/allow", "X-Forwarded-For: 192.0.2.77\r\n"));
    assert.equal(errorCode(response), "ADDRESS_NOT_ALLOWED");
    assert.doesNotMatch(response.body.toString(), /192\.0\.2|10\.0\.0/);
  });

  test("looks at the last address that a trusted proxy vouches for, not at what the client put before it", async () => {
    assert.equal(await status("/allow", "10.0.0.1, 192.0.2.77"), 403);
    assert.equal(await status("/allow", "192.0.2.77, 10.0.0.1"), 200);
    // Without anything to go by it is the proxy itself.
    assert.equal(await status("/allow", "garbage"), 403);
    assert.equal(await status("/allow"), 403);
  });

  test("may be for some methods only", async () => {
    assert.equal(await status("/writes", "192.0.2.77"), 200);
  });
});

describe("the options of ip-allow", () => {
  const refused: readonly Record<string, unknown>[] = [
    {},
    { allow: [] },
    { deny: [] },
    { allow: ["10.0.0.0/33"] },
    { allow: ["fe80::1%eth0"] },
    { deny: ["::ffff:0:0/90"] },
    { allow: ["10.0.0.1", "10.0.0.1"] },
    { allow: ["office.example"] },
    { allow: "10.0.0.0/8" },
  ];
  for (const options of refused) {
    test(`may not be ${JSON.stringify(options)}`, () =>
      assert.equal(ipAllowOptions.safeParse(options).success, false));
  }
});

test("the example of ip-allow lets this machine read reports, by IPv4", async () => {
  const gateway = await startGateway(
    parse(readFileSync(join(import.meta.dirname, "ip-allow.example.yaml"), "utf8")),
  );
  try {
    assert.equal((await askOnce(gateway.port, get("/reports/1"))).status, 200);
    assert.equal((await askOnce(gateway.port, get("/"))).status, 200);
  } finally {
    await gateway.stop();
  }
});
