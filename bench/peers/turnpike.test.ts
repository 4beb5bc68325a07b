import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { parse } from "yaml";
import { plain, type Setting } from "../cases.ts";
import { hashOf, secretOf, strict } from "../stack.ts";
import { commandOf, type Surroundings, turnpikeConfig } from "./turnpike.ts";

const surroundings: Surroundings = {
  port: 1,
  adminPort: 2,
  originPort: 3,
  setting: plain,
  logPath: null,
  records: null,
};
const configOf = (change: Partial<Surroundings>) => parse(turnpikeConfig({ ...surroundings, ...change }));

describe("turnpikeConfig", () => {
  test("is the pinned config and nothing more in the bare case", () => {
    assert.deepEqual(configOf({}), {
      listen: { host: "127.0.0.1", port: 1 },
      admin: { port: 2 },
      lanes: 1,
      log: { requests: false },
      upstreams: { origin: { targets: ["http://127.0.0.1:3"] } },
      routes: [{ name: "bare", path: "/*", to: { upstream: "origin" } }],
    });
  });

  test("pipelines only when asked to", () => {
    const { upstreams } = configOf({ setting: { ...plain, pipelining: 8 } });
    assert.equal(upstreams.origin.pipelining, 8);
  });

  test("has as many routes as asked for", () => {
    const { routes } = configOf({ setting: { ...plain, routes: 100 } });
    assert.equal(routes.length, 100);
    assert.deepEqual(routes[42], {
      name: "r00042",
      path: "/t42/svc-00042/items/{id}",
      to: { upstream: "origin" },
    });
  });
});

describe("turnpikeConfig of policies", () => {
  const stacked: Setting = { ...plain, stack: { limit: strict, issuedKeys: 0 } };

  test("guards every route, with CORS outermost and the limit by consumer", () => {
    const { policies } = configOf({ setting: stacked });
    assert.deepEqual(policies, [
      { cors: { origins: ["https://shop.example"] } },
      { "api-key": {} },
      { "rate-limit": { algorithm: "token-bucket", limit: 5, window: "60s", by: "consumer" } },
    ]);
  });

  test("writes a line for each request to its file", () => {
    assert.deepEqual(configOf({ setting: stacked, logPath: "/tmp/access.log" }).log, {
      to: "/tmp/access.log",
    });
  });

  test("has its key in the config, or issued keys in the records and none in the config", () => {
    assert.deepEqual(configOf({ setting: stacked }).keys, [
      { id: "bench", hash: hashOf(secretOf(0)), consumer: "acme" },
    ]);
    const { keys, store } = configOf({ setting: stacked, records: "sqlite:/tmp/keys.db" });
    assert.equal(keys, undefined);
    assert.deepEqual(store, { records: "sqlite:/tmp/keys.db" });
  });
});

describe("commandOf", () => {
  const commandFor = (script: string): string[] => {
    const folder = mkdtempSync(join(tmpdir(), "turnpike-command-"));
    writeFileSync(join(folder, "package.json"), JSON.stringify({ scripts: { turnpike: script } }));
    const command = commandOf(folder).map((word) => word.replace(folder, "REPO"));
    rmSync(folder, { recursive: true });
    return command;
  };

  test("runs the script of package.json with this very Node, from anywhere", () => {
    assert.deepEqual(commandFor("node src/cli/turnpike.ts"), [process.execPath, "REPO/src/cli/turnpike.ts"]);
  });

  test("keeps the flags of the script", () => {
    assert.deepEqual(commandFor("node --no-warnings bin/turnpike.js"), [
      process.execPath,
      "--no-warnings",
      "REPO/bin/turnpike.js",
    ]);
  });
});
