import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { parse } from "yaml";
import { askOnce, errorCode, get, post } from "../../../test/harness/ask.ts";
import { startGateway, type TestGateway } from "../../../test/harness/gateway.ts";
import { ok, RecordingOrigin } from "../../../test/harness/origin.ts";
import { RawClient, type RawResponse } from "../../../test/harness/raw.ts";
import { configKey, rateOf } from "../../../test/limits/rate.ts";

type Options = Record<string, unknown>;

/** A route to the origin for each list of policies, at `/name`. */
function routes(policies: Readonly<Record<string, readonly Options[]>>): Options[] {
  return Object.entries(policies).map(([name, entries]) => ({
    name,
    path: `/${name}`,
    to: { upstream: "origin" },
    policies: entries,
    // A body that does not say its length may have so much.
    ...(name === "stream" ? { limits: { body: "80b" } } : {}),
  }));
}

const limit = (options: Options): Options => ({ "rate-limit": { window: "10s", by: "ip", ...options } });

async function statuses(count: number, once: () => Promise<RawResponse>): Promise<number[]> {
  const all: number[] = [];
  for (let i = 0; i < count; i++) all.push((await once()).status);
  return all;
}

describe("rate-limit", () => {
  let origin: RecordingOrigin;
  let gateway: TestGateway;
  const ask = (path: string, fields = "") => askOnce(gateway.port, get(path, fields));

  before(async () => {
    origin = await RecordingOrigin.start(({ target }) =>
      target.startsWith("/broken")
        ? Buffer.from("HTTP/1.1 500 Oops\r\nX-RateLimit-Remaining: 7\r\nContent-Length: 0\r\n\r\n")
        : ok("ok"),
    );
    const keyed = { "api-key": {} };
    gateway = await startGateway(
      {
        listen: { trustedProxies: ["127.0.0.1"] },
        keys: [
          configKey("acme", "secret-a"),
          configKey("beta", "secret-b"),
          configKey("gold", "secret-g", "gold"),
          configKey("inner", "secret-i", "internal"),
        ],
        upstreams: { origin: { targets: [origin.url] } },
        routes: [
          ...routes({
            bucket: [limit({ limit: 5 })],
            burst: [limit({ limit: 5, burst: 20 })],
            fixed: [limit({ limit: 2, algorithm: "fixed-window", name: "per-10s" })],
            sliding: [limit({ limit: 2, algorithm: "sliding-window" })],
            broken: [limit({ limit: 5 })],
            window: [limit({ limit: 3 })],
            behind: [
              limit({ limit: 4, name: "outer" }),
              keyed,
              limit({ limit: 2, by: "consumer", name: "inner" }),
            ],
            twice: [
              limit({ limit: 3, name: "outer" }),
              limit({ limit: 1, name: "inner", algorithm: "fixed-window" }),
            ],
            several: [
              {
                "rate-limit": {
                  algorithm: "fixed-window",
                  by: "ip",
                  limits: [
                    { name: "second", limit: 2, window: "1s" },
                    { name: "minute", limit: 3, window: "1m" },
                  ],
                },
              },
            ],
            consumers: [keyed, limit({ limit: 1, by: "consumer" })],
            callers: [{ "api-key": { optional: true } }, limit({ limit: 1, by: undefined })],
            guarded: [limit({ limit: 2 }), keyed],
            planned: [
              keyed,
              limit({ limit: 1, by: "consumer", plans: { gold: { limit: 3 }, internal: "unlimited" } }),
            ],
            tenants: [limit({ limit: 1, by: { header: "X-Tenant" } })],
            pairs: [limit({ limit: 1, by: ["ip", { header: "X-Tenant" }] })],
            addresses: [limit({ limit: 1 })],
            everybody: [limit({ limit: 1, by: "all" })],
            weighted: [limit({ limit: 10, cost: { query: "items" } })],
            priced: [limit({ limit: 10, cost: { header: "X-Cost", default: 2 } })],
            upload: [limit({ limit: 100, cost: "bytes" })],
            dry: [limit({ limit: 1, dryRun: true })],
            stream: [limit({ limit: 100, cost: "bytes" })],
            head: [limit({ limit: 5 })],
            writes: [{ ...limit({ limit: 1 }), when: { methods: ["POST"] } }],
          }),
        ],
      },
      { time: "by hand" },
    );
  });
  after(async () => {
    await gateway.stop();
    await origin.stop();
  });

  test("tells those whom somebody else refuses how the limits stand, and takes nothing from them (AUTH-14)", async () => {
    for (const path of ["/behind", "/behind"]) {
      const answer = await ask(path);
      assert.equal(answer.status, 401);
      assert.deepEqual(answer.headers.get("ratelimit-policy"), ['"outer";q=4;w=10, "inner";q=2;w=10']);
      assert.match(answer.headers.get("ratelimit")?.[0] ?? "", /^"outer";r=[23];t=\d+, "inner";r=2;t=0$/);
      assert.equal(answer.headers.get("x-ratelimit-limit")?.length, 1);
    }
    const fields = "X-API-Key: secret-a\r\n";
    const statusesOfAcme = await statuses(2, () => ask("/behind", fields));
    assert.deepEqual(statusesOfAcme, [200, 200]);
  });

  test("names the very second in which a fixed window ends, and the same one all through it", async () => {
    const resets = new Set<string | undefined>();
    for (let i = 0; i < 3; i++) resets.add((await ask("/fixed")).headers.get("x-ratelimit-reset")?.[0]);
    const [reset, ...others] = [...resets];
    assert.deepEqual(others, []);
    assert.equal(Number(reset) % 10, 0);
  });

  test("says on every answer what is left", async () => {
    const first = rateOf(await ask("/bucket"));
    const second = rateOf(await ask("/bucket"));
    const now = gateway.clock.wall() / 1000;
    assert.deepEqual(first, {
      limit: 5,
      remaining: 4,
      reset: Math.ceil(now + 2),
      policy: '"5-per-10s";q=5;w=10',
      items: '"5-per-10s";r=4;t=2',
      retryAfter: undefined,
    });
    assert.equal(second.remaining, 3);
  });

  test("answers 429 with the moment from which on the request passes, and is right", async () => {
    assert.deepEqual(await statuses(3, () => ask("/window")), [200, 200, 200]);
    gateway.clock.advance(1);
    const refused = await ask("/window");
    const rate = rateOf(refused);
    assert.equal(refused.status, 429);
    assert.equal(errorCode(refused), "RATE_LIMITED");
    assert.equal(rate.remaining, 0);
    assert.equal(rate.retryAfter, 4);
    assert.equal(rate.items, '"3-per-10s";r=0;t=4');
    const { error } = JSON.parse(refused.body.toString()) as { error: { details: { issue: string }[] } };
    assert.match(error.details[0]?.issue ?? "", /"3-per-10s"/);
    gateway.clock.advance(3_300);
    assert.equal((await ask("/window")).status, 429);
    gateway.clock.advance(700);
    assert.equal((await ask("/window")).status, 200);
  });

  test("never asks the upstream for what it refuses", async () => {
    origin.reset();
    const passed = (await statuses(6, () => ask("/sliding"))).filter((status) => status === 200).length;
    assert.equal(passed, 2);
    assert.equal(origin.requests.length, 2);
  });

  test("says it on HEAD, on answers of the upstream with an error, and in place of what the upstream says", async () => {
    const client = await RawClient.to(gateway.port);
    client.send("HEAD /head HTTP/1.1\r\nHost: example\r\nConnection: close\r\n\r\n");
    await client.untilClosed();
    client.destroy();
    assert.match(client.text, /^X-RateLimit-Remaining: 4\r$/m);
    const broken = await ask("/broken");
    assert.equal(broken.status, 500);
    assert.equal(rateOf(broken).remaining, 4);
  });

  test("says it on refusals of policies behind it, which count", async () => {
    const answers = [await ask("/guarded"), await ask("/guarded"), await ask("/guarded")];
    assert.deepEqual(
      answers.map(({ status }) => status),
      [401, 401, 429],
    );
    assert.equal(rateOf(answers[0] as RawResponse).remaining, 1);
  });

  test("names the limit in problem details", async () => {
    await statuses(2, () => ask("/fixed"));
    const answer = await ask("/fixed", "Accept: application/problem+json\r\n");
    const problem = JSON.parse(answer.body.toString()) as Record<string, unknown>;
    assert.equal(problem["type"], "https://iana.org/assignments/http-problem-types#quota-exceeded");
    assert.equal(problem["status"], 429);
    assert.deepEqual(problem["violated-policies"], ["per-10s"]);
  });

  test("lets a bucket hold more than a window's worth", async () => {
    const rate = rateOf(await ask("/burst"));
    assert.deepEqual([rate.limit, rate.remaining, rate.policy], [20, 19, '"5-per-10s";q=20;w=40']);
  });

  test("lists all limits, and tells of the one that is nearest to its end", async () => {
    const first = rateOf(await ask("/several"));
    assert.equal(first.policy, '"second";q=2;w=1, "minute";q=3;w=60');
    assert.match(first.items, /^"second";r=1;t=1, "minute";r=2;t=\d+$/);
    assert.equal(first.limit, 2);
    gateway.clock.advance(1000);
    const second = rateOf(await ask("/several"));
    assert.match(second.items, /^"second";r=1;t=1, "minute";r=1;t=\d+$/);
    assert.equal(second.limit, 3);
    await ask("/several");
    gateway.clock.advance(1000);
    const refused = await ask("/several");
    assert.equal(refused.status, 429);
    assert.equal(rateOf(refused).limit, 3);
    assert.ok((rateOf(refused).retryAfter ?? 0) > 10);
  });

  test("takes nothing from an outer limit where an inner one refuses", async () => {
    assert.deepEqual(await statuses(4, () => ask("/twice")), [200, 429, 429, 429]);
    const refused = rateOf(await ask("/twice"));
    assert.equal(refused.policy, '"outer";q=3;w=10, "inner";q=1;w=10');
    assert.match(refused.items, /^"outer";r=2;t=\d+, "inner";r=0;t=\d+$/);
    assert.deepEqual([refused.limit, refused.remaining], [1, 0]);
  });

  test("counts each consumer for itself, whatever his address", async () => {
    const key = (secret: string, from: string) => `X-API-Key: ${secret}\r\nX-Forwarded-For: ${from}\r\n`;
    assert.equal((await ask("/consumers", key("secret-a", "192.0.2.1"))).status, 200);
    assert.equal((await ask("/consumers", key("secret-a", "192.0.2.2"))).status, 429);
    assert.equal((await ask("/consumers", key("secret-b", "192.0.2.1"))).status, 200);
  });

  test("counts callers without a credential by address where a credential is optional", async () => {
    const from = (address: string) => `X-Forwarded-For: ${address}\r\n`;
    assert.equal((await ask("/callers", from("192.0.2.1"))).status, 200);
    assert.equal((await ask("/callers", from("192.0.2.1"))).status, 429);
    assert.equal((await ask("/callers", from("192.0.2.2"))).status, 200);
    assert.equal((await ask("/callers", `${from("192.0.2.1")}X-API-Key: secret-a\r\n`)).status, 200);
  });

  test("gives each plan its own limit, and some none", async () => {
    const by = (secret: string) => () => ask("/planned", `X-API-Key: ${secret}\r\n`);
    assert.deepEqual(await statuses(2, by("secret-a")), [200, 429]);
    assert.deepEqual(await statuses(4, by("secret-g")), [200, 200, 200, 429]);
    assert.deepEqual(await statuses(4, by("secret-i")), [200, 200, 200, 200]);
  });

  test("counts a /64 of IPv6 as one address, and IPv4 in IPv6 as IPv4", async () => {
    const from = (address: string) => ask("/addresses", `X-Forwarded-For: ${address}\r\n`);
    assert.equal((await from("2001:db8:0:1::1")).status, 200);
    assert.equal((await from("2001:DB8::1:ffff:0:0:1")).status, 429);
    assert.equal((await from("2001:db8:0:2::1")).status, 200);
    assert.equal((await from("198.51.100.7")).status, 200);
    assert.equal((await from("::ffff:198.51.100.7")).status, 429);
  });

  test("is not deceived by what a client writes into X-Forwarded-For", async () => {
    const client = (invented: string) => ask("/addresses", `X-Forwarded-For: ${invented}, 203.0.113.9\r\n`);
    const all: number[] = [];
    for (let i = 0; i < 100; i++) all.push((await client(`10.0.${i}.1`)).status);
    assert.equal(all.filter((status) => status === 200).length, 1);
  });

  test("counts by a header, and by address without it", async () => {
    const of = (tenant: string) => ask("/tenants", `X-Tenant: ${tenant}\r\n`);
    assert.deepEqual(
      [
        (await of("a")).status,
        (await of("a")).status,
        (await of("b")).status,
        (await ask("/tenants")).status,
      ],
      [200, 429, 200, 200],
    );
    assert.equal((await ask("/tenants")).status, 429);
  });

  test("counts each combination of a list", async () => {
    const of = (tenant: string, from: string) =>
      ask("/pairs", `X-Tenant: ${tenant}\r\nX-Forwarded-For: ${from}\r\n`);
    const answers = [of("a", "192.0.2.1"), of("a", "192.0.2.2"), of("b", "192.0.2.1")];
    for (const answer of answers) assert.equal((await answer).status, 200);
    assert.equal((await of("a", "192.0.2.1")).status, 429);
  });

  test("counts all together where it is told to", async () => {
    assert.equal((await ask("/everybody", "X-Forwarded-For: 192.0.2.1\r\n")).status, 200);
    assert.equal((await ask("/everybody", "X-Forwarded-For: 192.0.2.2\r\n")).status, 429);
  });

  test("charges what a parameter says, the larger where it is said twice", async () => {
    assert.equal(rateOf(await ask("/weighted?items=3")).remaining, 7);
    assert.equal(rateOf(await ask("/weighted")).remaining, 6);
    assert.equal(rateOf(await ask("/weighted?items=1&items=5")).remaining, 1);
    const refused = await ask("/weighted?items=4");
    assert.equal(refused.status, 429);
    assert.equal(rateOf(refused).remaining, 1);
    assert.equal(rateOf(refused).retryAfter, 3);
  });

  test("charges what a header says", async () => {
    assert.equal(rateOf(await ask("/priced", "X-Cost: 5\r\n")).remaining, 5);
    assert.equal(rateOf(await ask("/priced", "X-Cost: none\r\n")).remaining, 3);
  });

  test("answers 422 to what costs more than could ever be had, and takes nothing for it", async () => {
    const fields = "X-Forwarded-For: 192.0.2.77\r\n";
    const refused = await ask("/weighted?items=11", fields);
    assert.equal(refused.status, 422);
    assert.equal(errorCode(refused), "COST_EXCEEDS_LIMIT");
    assert.equal(rateOf(refused).remaining, 10);
  });

  test("charges the bytes of a body, and gives back what an undeclared one did not use", async () => {
    const declared = await askOnce(gateway.port, post("/upload", "x".repeat(40)));
    assert.equal(rateOf(declared).remaining, 60);
    assert.match(rateOf(declared).policy, /;qu="content-bytes"$/);
    const chunked = (path: string) =>
      askOnce(
        gateway.port,
        `POST ${path} HTTP/1.1\r\nHost: example\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n`,
      );
    const whole = await chunked("/stream");
    assert.equal(rateOf(whole).remaining, 20);
    await gateway.logged(({ route }) => route === "stream");
    assert.equal(rateOf(await chunked("/stream")).remaining, 15);
    assert.equal((await chunked("/upload")).status, 422);
  });

  test("refuses nothing in a dry run, but says what it would have refused", async () => {
    const answers = [await ask("/dry"), await ask("/dry")];
    assert.deepEqual(
      answers.map(({ status, headers }) => [status, headers.get("x-ratelimit-dry-run")]),
      [
        [200, undefined],
        [200, ["would-refuse"]],
      ],
    );
    const line = await gateway.logged(({ route, rate_limit }) => route === "dry" && rate_limit === "spared");
    assert.equal(line["rate_limit_remaining"], 0);
  });

  test("counts only the methods that it is for", async () => {
    assert.deepEqual(await statuses(3, () => ask("/writes")), [200, 200, 200]);
    assert.deepEqual(await statuses(2, () => askOnce(gateway.port, post("/writes", "x"))), [200, 429]);
  });

  test("keeps the connection of a client that it refuses", async () => {
    const client = await RawClient.to(gateway.port);
    client.send(get("/everybody") + get("/everybody"));
    assert.equal((await client.response()).status, 429);
    assert.equal(client.closed, null);
    client.destroy();
  });

  test("writes its decision into the log", async () => {
    await ask("/everybody");
    const line = await gateway.logged(({ route }) => route === "everybody");
    assert.equal(line["rate_limit"], "passed");
    await gateway.logged(({ rate_limit, error }) => rate_limit === "refused" && error === "RATE_LIMITED");
  });
});

describe("a config with rate-limit", () => {
  test("is refused where two limits of an entry would be one count", async () => {
    const same = {
      limits: [
        { limit: 5, window: "1m" },
        { limit: 5, window: "60s", algorithm: "token-bucket" },
      ],
    };
    const starting = startGateway({
      policies: [{ "rate-limit": same }],
      routes: [{ path: "/a", to: { fixed: { status: 204 } } }],
    });
    await assert.rejects(starting, /two of its limits have the same numbers/);
  });

  test("may hold a function that says what a call costs", async () => {
    const gateway = await startGateway(
      {},
      { base: new URL("testdata/cost.config.ts", import.meta.url).href },
    );
    try {
      assert.equal(rateOf(await askOnce(gateway.port, get("/items/abc"))).remaining, 7);
      const wrong = await askOnce(gateway.port, get("/items/half"));
      assert.equal(errorCode(wrong), "INTERNAL_ERROR");
    } finally {
      await gateway.stop();
    }
  });
});

describe("rate-limit for the whole gateway", () => {
  test("counts the calls of all routes together", async () => {
    const gateway = await startGateway({
      policies: [limit({ limit: 2 })],
      routes: ["/a", "/b"].map((path) => ({ path, to: { fixed: { status: 204 } } })),
    });
    try {
      assert.equal((await askOnce(gateway.port, get("/a"))).status, 204);
      assert.equal((await askOnce(gateway.port, get("/b"))).status, 204);
      assert.equal((await askOnce(gateway.port, get("/a"))).status, 429);
    } finally {
      await gateway.stop();
    }
  });
});

describe("rate-limit's example", () => {
  test("limits as its comments say", async () => {
    const origin = await RecordingOrigin.start();
    const text = await readFile(join(import.meta.dirname, "rate-limit.example.yaml"), "utf8");
    const { listen: _, admin: __, ...config } = parse(text) as Options;
    const gateway = await startGateway({ ...config, upstreams: { shop: { targets: [origin.url] } } });
    try {
      const key = "X-API-Key: demo-secret\r\n";
      const first = await askOnce(gateway.port, get("/orders/1", key));
      assert.equal(first.status, 200);
      assert.deepEqual([rateOf(first).limit, rateOf(first).remaining], [20, 19]);
      const all = await Promise.all(
        Array.from({ length: 40 }, () => askOnce(gateway.port, get("/search?q=x", key))),
      );
      assert.equal(all.filter(({ status }) => status === 200).length, 10);
    } finally {
      await gateway.stop();
      await origin.stop();
    }
  });
});
