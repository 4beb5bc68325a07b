import assert from "node:assert/strict";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { checkConfig, loadConfig, readSource } from "./load.ts";
import { ConfigError, type Problem } from "./problem.ts";
import { sourceOf } from "./source.ts";

const folder = mkdtempSync(join(tmpdir(), "turnpike-config-"));
after(() => rmSync(folder, { recursive: true }));

function file(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

/** The one problem of a config that has exactly one. */
async function problem(path: string): Promise<Problem> {
  const error = await loadConfig(path, {}).then(
    () => assert.fail("the config was taken"),
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof ConfigError, String(error));
  assert.equal(error.problems.length, 1, error.message);
  return error.problems[0] as Problem;
}

const ROUTES = 'routes: [{ path: "/", to: { fixed: {} } }]';

describe("a config file", () => {
  test("that is not there is named with the place where it was looked for", async () => {
    const path = join(folder, "nowhere.yaml");
    assert.equal((await problem(path)).message, `there is no such file (looked for ${path})`);
  });

  test("that is a directory is refused", async () => {
    mkdirSync(join(folder, "dir.yaml"));
    assert.match((await problem(join(folder, "dir.yaml"))).message, /^this is a directory/);
  });

  test("that may not be read is refused", {
    skip: process.getuid?.() === 0 && "root may read everything",
  }, async () => {
    const path = file("locked.yaml", ROUTES);
    chmodSync(path, 0);
    assert.match((await problem(path)).message, /permission denied/);
  });

  test("is told by its name from what is no config", async () => {
    assert.match(
      (await problem(file("config.toml", "a = 1"))).message,
      /ends in \.yaml, \.yml, \.json or \.ts/,
    );
  });

  test("may begin with a byte order mark and have Windows line ends", async () => {
    const { config } = await loadConfig(
      file("windows.yaml", `\uFEFFlisten:\r\n  port: 1\r\n${ROUTES}\r\n`),
      {},
    );
    assert.equal(config.listen.port, 1);
  });

  test("gives lines and columns from 1, also behind characters of several bytes", async () => {
    const { line, column } = await problem(
      file("places.yaml", `${ROUTES}\nlog: { to: "ü☃😀", levle: info }\n`),
    );
    assert.deepEqual({ line, column }, { line: 2, column: 20 });
  });

  test("sees the environment at the time it is read", async () => {
    const path = file("env.yaml", `listen: { port: "\${PORT}" }\n${ROUTES}`);
    assert.equal((await loadConfig(path, { PORT: "7" })).config.listen.port, 7);
    assert.equal((await loadConfig(path, { PORT: "8" })).config.listen.port, 8);
  });

  test("knows the folder that its relative names start from", async () => {
    assert.equal((await readSource(file("here.yaml", ROUTES))).folder, folder);
  });
});

describe("a TypeScript config", () => {
  const good = "{ listen: { port: 7 }, routes: [{ path: '/', to: { fixed: {} } }] }";

  test("is the module's default export", async () => {
    const { config } = await loadConfig(
      file("default.config.ts", `const port: number = 1;\nexport default ${good};`),
    );
    assert.equal(config.listen.port, 7);
  });

  test("is the module's export `config` where there is no default", async () => {
    const { config } = await loadConfig(file("named.config.ts", `export const config = ${good};`));
    assert.equal(config.listen.port, 7);
  });

  test("is read anew each time", async () => {
    const path = file("fresh.config.ts", `export default ${good};`);
    await loadConfig(path);
    writeFileSync(path, `export default ${good.replace("7", "8")};`);
    assert.equal((await loadConfig(path)).config.listen.port, 8);
  });

  test("imports this very turnpike, wherever it lies", async () => {
    const text = `import { defineConfig, GatewayError } from "turnpike";
      const thrown = new GatewayError("CONFLICT");
      export default defineConfig({ ...${good}, routes: [{ path: "/", to: { fixed: { body: { code: thrown.code } } } }] });`;
    const { config } = await loadConfig(file("elsewhere.config.ts", text));
    assert.deepEqual(config.routes[0]?.to, {
      fixed: { status: 200, headers: {}, body: { code: "CONFLICT" } },
    });
  });

  test("may have a name with spaces and percent signs", async () => {
    const { config } = await loadConfig(file("my 100% config.ts", `export default ${good};`));
    assert.equal(config.listen.port, 7);
  });

  test("has its problems named by path, without a line", async () => {
    const { path, line } = await problem(file("path.config.ts", `export default { ...${good}, lsten: {} };`));
    assert.deepEqual({ path, line }, { path: "lsten", line: undefined });
  });

  const broken: [what: string, text: string, message: RegExp, place?: [line: number, column: number]][] = [
    ["throws", "\nthrow new Error('no PORT\\nis set');", /^throws while it is read: no PORT$/, [2, 7]],
    ["throws what is no error", "throw 'x';", /^throws x while it is read$/],
    ["names what is not there", "\n\nexport default { a: nothere };", /nothere is not defined$/, [3, 21]],
    ["is not TypeScript", "export default {\n  a: 1 2\n};", /^not valid TypeScript: Expected/, [2, 8]],
    [
      "uses TypeScript that cannot be erased",
      "  enum A { B }\nexport default {};",
      /enum is not supported/,
      [1, 3],
    ],
    [
      "imports what is not there",
      "import './gone.ts';\nexport default {};",
      /^imports something that is not there: Cannot find module/,
    ],
    ["exports nothing", "const a = 1;", /^exports no config; write `export default/],
    ["exports a function", "export default () => ({});", /^exports a function/],
    ["exports a promise", "export default Promise.resolve({});", /^exports a promise/],
    ["is empty", " \n", /^this file is empty/],
  ];
  for (const [index, [what, text, message, place]] of broken.entries()) {
    test(`that ${what} is refused in one sentence`, async () => {
      const found = await problem(file(`broken-${index}.config.ts`, text));
      assert.match(found.message, message);
      assert.ok(!found.message.includes("\n"));
      assert.deepEqual([found.line, found.column], place ?? [undefined, undefined]);
    });
  }
});

describe("a config that is a value", () => {
  const routes = [{ path: "/", to: { fixed: {} } }];

  test("is checked like a file", () => {
    assert.equal(checkConfig(sourceOf({ routes })).config.listen.port, 8080);
    assert.throws(
      () => checkConfig(sourceOf({ routes, listne: {} })),
      /listne: unknown key; did you mean "listen"\?/,
    );
  });

  test("is not changed by the check", () => {
    const value = Object.freeze({ routes: Object.freeze(routes), listen: Object.freeze({ port: 1 }) });
    const { config } = checkConfig(sourceOf(value));
    assert.notEqual(config.listen, value.listen);
  });

  test("may be a cycle, which is refused", () => {
    const cycle: Record<string, unknown> = { routes };
    cycle["listen"] = cycle;
    assert.throws(() => checkConfig(sourceOf(cycle)), ConfigError);
    const body: Record<string, unknown> = {};
    body["self"] = body;
    assert.throws(
      () => checkConfig(sourceOf({ routes: [{ path: "/", to: { fixed: { body } } }] })),
      /a value that JSON can say/,
    );
  });
});
