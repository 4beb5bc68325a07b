/** Keys across threads, processes and crashes: gateways with two lanes each, and the command line beside them. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { askOnce, errorCode, get } from "../harness/ask.ts";
import { type ChildGateway, startChildGateway } from "../harness/child-gateway.ts";
import { lastLine, turnpike } from "../harness/cli.ts";
import { eventually } from "../harness/eventually.ts";

describe("keys that the command line issues", () => {
  let folder: string;
  let config: string;
  let gateways: ChildGateway[] = [];
  let plan: Record<string, unknown>;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "turnpike-keys-"));
    config = join(folder, "turnpike.yaml");
    plan = {
      lanes: 2,
      store: { records: `sqlite:${join(folder, "data/records.db")}` },
      routes: [
        {
          name: "all",
          path: "/*",
          to: { fixed: { body: "in" } },
          policies: [{ "api-key": { prefix: "shop" } }],
        },
      ],
    };
    await writeFile(config, JSON.stringify(plan));
    gateways = [await startChildGateway(plan), await startChildGateway(plan)];
  });
  after(async () => {
    for (const gateway of gateways) await gateway.stop();
    await rm(folder, { recursive: true, force: true });
  });

  /** What every thread of every process says, as far as that many new connections can tell. */
  async function everywhere(secret: string): Promise<string[]> {
    const asked = gateways.flatMap(({ port }) =>
      Array.from({ length: 16 }, async () => {
        const response = await askOnce(port, get("/x", `X-API-Key: ${secret}\r\n`));
        return errorCode(response) ?? String(response.status);
      }),
    );
    return [...new Set(await Promise.all(asked))];
  }
  const says = (expected: string, secret: string) =>
    eventually(`every thread says ${expected}`, async () => (await everywhere(secret)).join() === expected);

  test("work on every thread of every process, have the prefix of the config, and end when they are revoked", async () => {
    const created = await turnpike(
      "keys",
      "create",
      "--config",
      config,
      "--consumer",
      "acme",
      "--scopes",
      "a,b",
    );
    assert.deepEqual([created.code, created.stderr], [0, ""]);
    const secret = lastLine(created);
    assert.match(secret, /^shop_live_[0-9A-Za-z]{36}$/);
    await says("200", secret);
    const [{ id }] = JSON.parse((await turnpike("keys", "list", "--config", config, "--json")).stdout);
    const revoked = await turnpike("keys", "revoke", id, "--config", config);
    assert.equal(revoked.code, 0);
    await says("KEY_REVOKED", secret);
    assert.equal((await turnpike("keys", "revoke", id, "--config", config)).code, 0);
  });

  test("have two secrets that work after a rotation, and one without an overlap", async () => {
    const old = lastLine(await turnpike("keys", "create", "--config", config, "--consumer", "turn"));
    const [{ id }] = JSON.parse(
      (await turnpike("keys", "list", "-c", config, "--consumer", "turn", "--json")).stdout,
    );
    const fresh = lastLine(await turnpike("keys", "rotate", id, "--config", config));
    await says("200", fresh);
    await says("200", old);
    const sharp = lastLine(await turnpike("keys", "rotate", id, "--overlap", "0s", "--config", config));
    await says("200", sharp);
    await says("KEY_EXPIRED", old);
    await says("KEY_EXPIRED", fresh);
  });

  test("that were revoked stay revoked when a process is killed and another one starts", async () => {
    const secret = lastLine(await turnpike("keys", "create", "--config", config, "--consumer", "gone"));
    const [{ id }] = JSON.parse(
      (await turnpike("keys", "list", "-c", config, "--consumer", "gone", "--json")).stdout,
    );
    await turnpike("keys", "revoke", id, "--config", config);
    await gateways.pop()?.stop();
    gateways.push(await startChildGateway(plan));
    await says("KEY_REVOKED", secret);
  });

  test("are listed for people, without their secrets", async () => {
    const created = await turnpike(
      ...["keys", "create", "-c", config, "--consumer", "listed", "--name", "the till", "--plan", "gold"],
      ...[
        "--env",
        "test",
        "--expires",
        "90d",
        "--ip",
        "10.0.0.0/8,192.0.2.7",
        "--methods",
        "GET",
        "--routes",
        "all",
      ],
    );
    assert.equal(created.code, 0);
    const list = await turnpike("keys", "list", "-c", config, "--consumer", "listed", "--env", "test");
    const [headings = "", row = ""] = list.stdout.split("\n");
    assert.match(headings, /^ID +CONSUMER +NAME +KEY +SCOPES +PLAN +STATUS +LAST USED +EXPIRES$/);
    assert.match(row, /^key_\w{20} +listed +the till +shop_test_….{4} +gold +active +never +20\d\d-/);
    assert.ok(!list.stdout.includes(lastLine(created)));
    const [shown] = JSON.parse(
      (await turnpike("keys", "list", "-c", config, "--consumer", "listed", "--json")).stdout,
    );
    assert.deepEqual(
      [shown.ip_ranges, shown.methods, shown.routes],
      [["10.0.0.0/8", "192.0.2.7/32"], ["GET"], ["all"]],
    );
  });

  const wrong: [args: string[], code: number, sentence: RegExp][] = [
    [["create"], 2, /^--consumer is needed/],
    [["create", "--consumer", "a\nb"], 2, /^--consumer: expected a name/],
    [["create", "--consumer", "a", "--scopes", 'a"b'], 2, /^--scopes: expected a scope/],
    [["create", "--consumer", "a", "--expires", "soon"], 2, /^--expires: expected a duration such as 90d/],
    [["create", "--consumer", "a", "--expires", "2020-01-01"], 2, /^--expires: 2020-01-01 is in the past/],
    [["create", "--consumer", "a", "--env", "prod"], 2, /^--env: /],
    [["create", "--consumer", "a", "--ip", "10.0.0.0/99"], 2, /^--ip: expected a network/],
    [["rotate", "key_none"], 1, /^there is no key "key_none"/],
    [["rotate", "key_none", "--overlap", "8d"], 2, /^--overlap: must be between 0s and 7d/],
    [["revoke", "key_none"], 1, /^there is no key "key_none"/],
    [["revoke"], 2, /^the id is needed/],
    [["crate"], 2, /unknown command "crate"; did you mean "create"/],
  ];
  for (const [args, code, sentence] of wrong) {
    test(`says in one sentence what is wrong with: keys ${args.join(" ").replace("\n", "\\n")}`, async () => {
      const result = await turnpike("keys", ...args, ...(args[0] === "crate" ? [] : ["--config", config]));
      assert.deepEqual([result.code, result.stdout], [code, ""]);
      assert.match(result.stderr, sentence);
      assert.equal(result.stderr.trimEnd().split("\n").length, 1);
    });
  }

  test("need a store, and say so", async () => {
    const none = join(folder, "none.yaml");
    await writeFile(none, JSON.stringify({ ...plan, store: { records: "none" } }));
    const result = await turnpike("keys", "create", "--config", none, "--consumer", "a");
    assert.equal(result.code, 1);
    assert.match(result.stderr, /store\.records is none/);
  });
});

describe("the admin token", () => {
  test("is printed at the first start of a store and never again, and `turnpike admin token` makes another", async () => {
    const folder = await mkdtemp(join(tmpdir(), "turnpike-token-"));
    const plan = {
      store: { records: `sqlite:${join(folder, "records.db")}` },
      routes: [{ path: "/*", to: { fixed: { body: "in" } }, policies: [{ "api-key": {} }] }],
    };
    await writeFile(join(folder, "turnpike.yaml"), JSON.stringify(plan));
    const first = await startChildGateway(plan);
    const second = await startChildGateway(plan);
    try {
      const token = /^tpa_[0-9A-Za-z]{36}$/m.exec(first.stderr())?.[0] ?? "";
      assert.notEqual(token, "");
      assert.ok(!second.stderr().includes("tpa_"));
      const ask = async (bearer: string) =>
        (
          await askOnce(
            second.adminPort,
            get("/v1/keys", `Authorization: Bearer ${bearer}\r\n`).replace("example", "localhost"),
          )
        ).status;
      assert.equal(await ask(token), 200);
      const renewed = lastLine(await turnpike("admin", "token", "--config", join(folder, "turnpike.yaml")));
      assert.deepEqual([await ask(token), await ask(renewed)], [401, 200]);
    } finally {
      await first.stop();
      await second.stop();
      await rm(folder, { recursive: true, force: true });
    }
  });

  for (const taken of ["admin", "listen"]) {
    test(`is not spent on a start that fails because ${taken}.port is taken: the next one prints it`, async () => {
      const folder = await mkdtemp(join(tmpdir(), "turnpike-token-"));
      const plan = {
        store: { records: `sqlite:${join(folder, "records.db")}` },
        routes: [{ path: "/*", to: { fixed: { body: "in" } }, policies: [{ "api-key": {} }] }],
      };
      const config = join(folder, "turnpike.yaml");
      const other = createServer().listen(0, "127.0.0.1");
      await once(other, "listening");
      const { port } = other.address() as AddressInfo;
      const ports = { admin: { port: 0 }, listen: { port: 0, host: "127.0.0.1" } };
      await writeFile(
        config,
        JSON.stringify({ ...plan, ...ports, [taken]: { ...ports[taken as "admin"], port } }),
      );
      try {
        const failed = await turnpike("start", "--config", config);
        assert.equal(failed.code, 1);
        assert.match(failed.stderr, /is in use by another program/);
        assert.ok(!failed.stderr.includes("tpa_"), failed.stderr);
        const started = await startChildGateway(plan);
        await started.stop();
        assert.match(started.stderr(), /^tpa_[0-9A-Za-z]{36}$/m);
      } finally {
        other.close();
        await rm(folder, { recursive: true, force: true });
      }
    });
  }
});
