/** What a reviewer would otherwise have to remember to run. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";

const root = join(import.meta.dirname, "..");

function run(command: string, ...args: string[]): { code: number | null; output: string } {
  const path = `${join(root, "node_modules/.bin")}:${process.env["PATH"]}`;
  const { status, stdout, stderr } = spawnSync(command, args, {
    cwd: root,
    encoding: "utf8",
    env: { ...process.env, PATH: path },
  });
  return { code: status, output: `${stdout}${stderr}` };
}

function succeeds(command: string, ...args: string[]): void {
  const { code, output } = run(command, ...args);
  assert.equal(code, 0, output.slice(-4000));
}

describe("the project", () => {
  test("type-checks", () => succeeds("tsc"));
  test("is formatted and free of lint", () => succeeds("biome", "ci", "."));
  test("leaves no promise unattended", () => succeeds("oxlint", "--type-aware"));
  test("has generated documents that are current", () =>
    succeeds(process.execPath, "docs/generate.ts", "--check"));

  test("names no registry host in its lock file", () => {
    assert.doesNotMatch(readFileSync(join(root, "package-lock.json"), "utf8"), /"resolved": "http/);
  });

  test("has at most ten direct runtime dependencies, each with a decision", () => {
    const { dependencies } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
    const names = Object.keys(dependencies);
    assert.ok(names.length > 0 && names.length <= 10, names.join(", "));
    const decision = readFileSync(join(root, "docs/decisions/0002-dependencies.md"), "utf8");
    assert.deepEqual(
      names.filter((name) => !decision.includes(`\`${name}\``)),
      [],
    );
  });

  test("has every document that the README points to", () => {
    const readme = readFileSync(join(root, "README.md"), "utf8");
    const links = [...readme.matchAll(/\]\((?!https?:)([^)#]+)/g)].map((match) => match[1] as string);
    assert.ok(links.length > 3);
    assert.deepEqual(
      links.filter((link) => !existsSync(join(root, link))),
      [],
    );
  });
});
