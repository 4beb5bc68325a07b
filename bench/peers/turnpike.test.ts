import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { parse } from "yaml";
import { commandOf, turnpikeConfig } from "./turnpike.ts";

const ports = { port: 1, adminPort: 2, originPort: 3 };

describe("turnpikeConfig", () => {
  test("is the pinned config and nothing more in the bare case", () => {
    assert.deepEqual(parse(turnpikeConfig({ ...ports, setting: { routes: 0, pipelining: 1 } })), {
      listen: { host: "127.0.0.1", port: 1 },
      admin: { port: 2 },
      log: { requests: false },
      upstreams: { origin: { targets: ["http://127.0.0.1:3"] } },
      routes: [{ name: "bare", path: "/*", to: { upstream: "origin" } }],
    });
  });

  test("pipelines only when asked to", () => {
    const { upstreams } = parse(turnpikeConfig({ ...ports, setting: { routes: 0, pipelining: 8 } }));
    assert.equal(upstreams.origin.pipelining, 8);
  });

  test("has as many routes as asked for", () => {
    const { routes } = parse(turnpikeConfig({ ...ports, setting: { routes: 100, pipelining: 1 } }));
    assert.equal(routes.length, 100);
    assert.deepEqual(routes[42], {
      name: "r00042",
      path: "/t42/svc-00042/items/{id}",
      to: { upstream: "origin" },
    });
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
