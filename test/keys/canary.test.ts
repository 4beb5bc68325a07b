/** A secret is in the answer that shows it once, and nowhere else: not in a log, a metric, an error or a file (OBS-7, KEY-4). */
import assert from "node:assert/strict";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { askOnce, get, post } from "../harness/ask.ts";
import { type ChildGateway, startChildGateway } from "../harness/child-gateway.ts";
import { lastLine, turnpike } from "../harness/cli.ts";
import { eventually } from "../harness/eventually.ts";

describe("the secret of a key", () => {
  let folder: string;
  let config: string;
  let gateway: ChildGateway;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "turnpike-canary-"));
    config = join(folder, "turnpike.yaml");
    const plan = {
      store: { records: `sqlite:${join(folder, "data/records.db")}` },
      limits: { body: "1kb" },
      routes: [
        {
          name: "all",
          path: "/*",
          to: { fixed: { body: "in" } },
          policies: [{ "api-key": { prefix: "acme", environment: "live" } }],
        },
        { name: "open", path: "/open/*", to: { upstream: "nowhere" } },
      ],
      upstreams: { nowhere: { targets: ["http://127.0.0.1:9"] } },
    };
    await writeFile(config, JSON.stringify(plan));
    gateway = await startChildGateway(plan);
  });
  after(async () => {
    await gateway.stop();
    await rm(folder, { recursive: true, force: true });
  });

  test("is in no log, metric, error, list or file, wherever a client puts it", async () => {
    const create = async (...args: string[]) =>
      lastLine(await turnpike("keys", "create", "-c", config, "--consumer", "canary", ...args));
    const good = await create();
    const testing = await create("--env", "test");
    const bound = await create("--ip", "10.0.0.0/8");
    const brief = await create("--expires", "1s");
    const revoked = await create();
    const list = JSON.parse((await turnpike("keys", "list", "-c", config, "--json")).stdout);
    await turnpike("keys", "revoke", list[0].id, "-c", config);
    const unknown = `${good.slice(0, -1)}${good.endsWith("a") ? "b" : "a"}`;
    const admin = /tpa_\w+/.exec(gateway.stderr())?.[0] ?? "";
    const secrets = [good, testing, bound, brief, revoked, unknown];

    const errors: string[] = [];
    for (const secret of secrets) {
      const fields = [
        `X-API-Key: ${secret}`,
        `Authorization: Bearer ${secret}`,
        `Authorization: Basic ${secret}`,
        `Authorization: Bearer ${secret} ${secret}`,
        `X-API-Key: ${secret}\r\nAuthorization: Bearer ${secret}`,
        `X-API-Key: ${secret}, ${secret}`,
        `Cookie: key=${secret}`,
        `User-Agent: ${secret}`,
        `X-Request-Id: ${secret}`,
        `X_API_KEY: ${secret}`,
        `X-API-Key: ${secret}\x01`,
      ];
      for (const field of fields)
        errors.push((await askOnce(gateway.port, get("/x", `${field}\r\n`))).body.toString());
      for (const path of [
        `/${secret}`,
        `/x?api_key=${secret}`,
        `/x?q=${secret}`,
        `/open/${secret}?k=${secret}`,
        `/%2f${secret}`,
      ])
        errors.push((await askOnce(gateway.port, get(path))).body.toString());
      errors.push((await askOnce(gateway.port, post("/open/x", secret))).body.toString());
      errors.push((await askOnce(gateway.port, post("/open/x", secret.repeat(40)))).body.toString());
      for (const path of [`/v1/keys/${secret}`, `/v1/keys?consumer=${secret}`, "/v1/keys", "/v1/audit"]) {
        const request = get(path, `Authorization: Bearer ${admin}\r\n`).replace("example", "localhost");
        errors.push((await askOnce(gateway.adminPort, request)).body.toString());
      }
      errors.push(
        (
          await askOnce(gateway.adminPort, get("/v1/keys", `Authorization: Bearer ${secret}\r\n`))
        ).body.toString(),
      );
    }
    await askOnce(gateway.port, get("/last"));
    await eventually("the log is written", async () => (await gateway.log()).includes('"/last"'));

    const metrics = (await askOnce(gateway.adminPort, get("/metrics"))).body.toString();
    assert.ok(metrics.includes("turnpike_api_key_refused_total"));
    const files = await Promise.all(
      (await readdir(join(folder, "data"))).map((name) => readFile(join(folder, "data", name), "latin1")),
    );
    const listed = (await turnpike("keys", "list", "-c", config)).stdout;
    const places: Readonly<Record<string, string>> = {
      log: await gateway.log(),
      stderr: gateway.stderr().replace(/tpa_\w+/, ""),
      metrics,
      errors: errors.join("\n"),
      files: files.join("\n"),
      list: listed,
    };
    for (const [place, text] of Object.entries(places)) {
      // The 30 random characters, however they are wrapped.
      for (const secret of secrets)
        assert.ok(!text.includes(secret.slice(-36, -6)), `${secret.slice(0, 12)}… is in the ${place}`);
      assert.ok(!text.includes(admin.slice(4)), `the admin token is in the ${place}`);
    }
  });
});
