import assert from "node:assert/strict";
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { configJsonSchemaText } from "../config/json-schema.ts";
import { policies } from "../policies/index.ts";

/** The real command in a process of its own: what it prints where, and how it exits. */

const ENTRY = join(import.meta.dirname, "turnpike.js");
const ROOT = join(import.meta.dirname, "../..");

const folder = mkdtempSync(join(tmpdir(), "turnpike-cli-"));
after(() => rmSync(folder, { recursive: true }));

interface Options {
  readonly cwd?: string;
  readonly node?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

function launch(
  args: readonly string[],
  { cwd = folder, node = [], env = {} }: Options = {},
): ChildProcessWithoutNullStreams {
  // No colour settings of whoever runs the tests.
  const { FORCE_COLOR: _, NO_COLOR: __, ...inherited } = process.env;
  return spawn(process.execPath, [...node, ENTRY, ...args], { cwd, env: { ...inherited, ...env } });
}

async function turnpike(args: readonly string[], options: Options = {}) {
  const child = launch(args, options);
  let stdout = "";
  let stderr = "";
  child.stdout.on("data", (chunk) => {
    stdout += chunk;
  });
  child.stderr.on("data", (chunk) => {
    stderr += chunk;
  });
  const [code] = (await once(child, "close")) as [number];
  return { code, stdout, stderr };
}

function file(name: string, text: string): string {
  writeFileSync(join(folder, name), text);
  return name;
}

const PORTS =
  "listen: { port: 0 }\nadmin: { port: 0 }\ndrain: { delay: 0s, timeout: 1s }\nlog: { requests: false }\n";
const HELLO = "  - { name: hello, path: /hello, methods: [GET], to: { fixed: { body: hello } } }\n";
const good = file(
  "good.yaml",
  `${PORTS}upstreams: { app: { targets: ["http://127.0.0.1:9"] } }\nroutes:\n${HELLO}  - { name: rest, path: /*, to: { upstream: app } }\n`,
);

describe("turnpike", () => {
  test("refuses an older Node in one sentence, with exit code 1", async () => {
    const version = "Object.defineProperty(process.versions, 'node', { value: '24.18.0' })";
    const result = await turnpike(["check"], {
      node: ["--import", `data:text/javascript,${encodeURIComponent(version)}`],
    });
    assert.equal(result.code, 1);
    assert.equal(result.stdout, "");
    assert.match(result.stderr, /^turnpike needs Node 24\.18\.1 or newer and this is 24\.18\.0: [^\n]*\n$/);
  });

  test("needs the Node that package.json names", () => {
    const { engines } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as {
      engines: { node: string };
    };
    const [, needed = ""] = /const NEEDED = \[(.*)\]/.exec(readFileSync(ENTRY, "utf8")) ?? [];
    assert.equal(engines.node, `>=${needed.replaceAll(", ", ".")}`);
  });

  test("prints its version", async () => {
    const { version } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as { version: string };
    assert.deepEqual(await turnpike(["--version"]), { code: 0, stdout: `${version}\n`, stderr: "" });
  });

  test("prints help when asked, on stdout; without a command on stderr, as wrong usage", async () => {
    const asked = await turnpike(["--help"]);
    assert.equal(asked.code, 0);
    for (const command of ["start", "check", "explain", "keys", "admin", "init", "schema", "demo"])
      assert.ok(asked.stdout.includes(`  ${command} `));
    const bare = await turnpike([]);
    assert.deepEqual([bare.code, bare.stdout, bare.stderr], [2, "", asked.stdout]);
  });

  const wrong: [args: string[], sentence: string][] = [
    [["strat"], 'unknown command "strat"; did you mean "start"?'],
    [["frobnicate"], 'unknown command "frobnicate"; `turnpike --help` lists what there is'],
    [["keys", "crate"], 'unknown command "crate"; did you mean "create"?'],
    [["keys", "create"], "--consumer is needed; `turnpike --help` lists what there is"],
    [["keys", "revoke"], "the id is needed; `turnpike --help` lists what there is"],
    [["start", "--confg", "x"], 'unknown option "--confg"; did you mean "--config"?'],
    [
      ["start", "--port", "http"],
      '--port: a port is a number from 0 to 65535, found "http"; `turnpike --help` lists what there is',
    ],
    [
      ["start", "--port", "65536"],
      '--port: a port is a number from 0 to 65535, found "65536"; `turnpike --help` lists what there is',
    ],
    [["check", "--config"], "--config needs a value; `turnpike --help` lists what there is"],
    [["check", "good.yaml"], 'too many arguments for "check"; `turnpike --help` lists what there is'],
  ];
  for (const [args, sentence] of wrong) {
    test(`says "${sentence}" with exit code 2 for ${args.join(" ")}`, async () => {
      assert.deepEqual(await turnpike(args), { code: 2, stdout: "", stderr: `${sentence}\n` });
    });
  }
});

describe("turnpike check", () => {
  test("counts what is in a good config", async () => {
    const result = await turnpike(["check", "--config", good]);
    assert.deepEqual(result, { code: 0, stdout: "good.yaml: ok — 2 routes, 1 upstream\n", stderr: "" });
  });

  test("prints every problem with its place on a line, with exit code 1", async () => {
    const bad = file("bad.yaml", "listen: { prot: 1 }\nroutes:\n  - { path: /, to: { upstream: app } }\n");
    const stderr = [
      'bad.yaml:1:11: listen.prot: unknown key; did you mean "port"?',
      'bad.yaml:3:32: routes[0].to.upstream: there is no upstream "app"; no upstreams are defined',
      "",
    ];
    assert.deepEqual(await turnpike(["check", "-c", bad]), {
      code: 1,
      stdout: "",
      stderr: stderr.join("\n"),
    });
  });

  test("prints warnings on stderr, and takes the config all the same", async () => {
    const odd = file("odd.yaml", `upstreams: { spare: { targets: ["http://a"] } }\nroutes:\n${HELLO}`);
    assert.deepEqual(await turnpike(["check", "-c", odd]), {
      code: 0,
      stdout: "odd.yaml: ok — 1 route, 0 upstreams\n",
      stderr: "warning: odd.yaml:1:14: upstreams.spare: no route uses this upstream\n",
    });
  });

  test("uses colour if it must, and none where nobody looks", async () => {
    const bad = file("colour.yaml", "a: 1\n");
    const args = ["check", "-c", bad];
    assert.ok(!(await turnpike(args)).stderr.includes("\u001b"));
    assert.ok((await turnpike(args, { env: { FORCE_COLOR: "1" } })).stderr.includes("\u001b"));
  });

  test("says that a file is not there", async () => {
    const result = await turnpike(["check", "-c", "nope.yaml"]);
    assert.equal(result.code, 1);
    assert.match(result.stderr, /^nope\.yaml: there is no such file \(looked for .*nope\.yaml\)\n$/);
  });

  test("finds the config by its name, and asks where there is none or more than one", async () => {
    const cwd = join(folder, "lookup");
    mkdirSync(cwd);
    const none = await turnpike(["check"], { cwd });
    assert.equal(none.code, 1);
    assert.match(
      none.stderr,
      /^there is no config here \(turnpike\.config\.ts, turnpike\.yaml, turnpike\.yml\): .*\n$/,
    );
    writeFileSync(join(cwd, "turnpike.yml"), `routes:\n${HELLO}`);
    assert.equal((await turnpike(["check"], { cwd })).stdout, "turnpike.yml: ok — 1 route, 0 upstreams\n");
    writeFileSync(join(cwd, "turnpike.config.ts"), "export const config = {};");
    const two = await turnpike(["check"], { cwd });
    assert.deepEqual(
      [two.code, two.stderr],
      [1, "there are turnpike.config.ts and turnpike.yml here: name one with --config FILE\n"],
    );
  });
});

describe("turnpike explain", () => {
  const explain = (...args: string[]) => turnpike(["explain", "-c", good, ...args]);

  test("shows every route, or the one that is named", async () => {
    const all = await explain();
    assert.equal(all.code, 0);
    assert.match(all.stdout, /^hello$[\s\S]*^rest$/m);
    const one = await explain("--route", "rest");
    assert.match(one.stdout, /^rest$/m);
    assert.doesNotMatch(one.stdout, /^hello$/m);
  });

  test("draws a flowchart", async () => {
    const { stdout } = await explain("--mermaid");
    assert.match(stdout, /^flowchart LR\n {2}client\(\[client\]\) --> accept\n/);
    assert.match(stdout, /u0\["app<br\/>http:\/\/127\.0\.0\.1:9"\]/);
  });

  const requests: [args: string[], says: string][] = [
    [
      ["GET", "/hello"],
      "GET /hello\n  goes to hello (/hello)\n  not to rest (/*): its path is less exact\n\nhello\n",
    ],
    [
      ["get", "/a/b"],
      'GET /a/b\n  goes to rest (/*) with * = "a/b"\n  1 other route does not match the path or the host\n',
    ],
    [["/a"], "GET /a\n  goes to rest"],
    [
      ["GET", "http://h.example/x/../hello?q=1"],
      "GET /x/../hello on h.example\n  is read as /hello\n  goes to hello",
    ],
    [["POST", "/hello"], "POST /hello\n  gets 405: hello matches the path and offers GET, HEAD, OPTIONS\n"],
    [["GET", "/%2e%2e/x"], "GET /%2e%2e/x\n  is refused with 400 INVALID_PATH: "],
    [["GET", "/HELLO"], "GET /HELLO\n  gets 404: servers that ignore case"],
  ];
  for (const [args, says] of requests) {
    test(`says where ${args.join(" ")} goes, and why`, async () => {
      const { code, stdout } = await explain(...args);
      assert.equal(code, 0);
      assert.equal(stdout.slice(0, says.length), says);
    });
  }

  const wrong: [args: string[], sentence: string][] = [
    [["--route", "helo"], 'there is no route "helo"; did you mean "hello"?'],
    [["--route", "x"], 'there is no route "x"; there is hello and rest'],
    [["GET"], "a method needs a path behind it; for example: turnpike explain GET /orders/7"],
    [["GET", "hello"], 'a path starts with "/", found "hello"; for example: turnpike explain GET /orders/7'],
    [["GET", "/", "--mermaid"], "a request is explained alone: leave out --route and --mermaid"],
  ];
  for (const [args, sentence] of wrong) {
    test(`says "${sentence}" with exit code 2 for ${args.join(" ")}`, async () => {
      assert.deepEqual(await explain(...args), { code: 2, stdout: "", stderr: `${sentence}\n` });
    });
  }

  test("ends quietly when its reader does", async () => {
    const many = Array.from({ length: 2000 }, (_, i) => `  - { path: /r${i}, to: { fixed: {} } }\n`);
    const child = launch(["explain", "-c", file("many.yaml", `routes:\n${many.join("")}`)]);
    child.stdout.destroy();
    let stderr = "";
    child.stderr.on("data", (chunk) => {
      stderr += chunk;
    });
    const [code] = await once(child, "close");
    assert.deepEqual([code, stderr], [0, ""]);
  });
});

describe("turnpike init", () => {
  test("writes a config that can be used, and says what to do next", async () => {
    const result = await turnpike(["init", "new/site"]);
    assert.equal(result.code, 0);
    assert.match(
      result.stdout,
      /^wrote new\/site\/turnpike\.yaml\nnext:\n {2}turnpike check --config new\/site\/turnpike\.yaml\n/,
    );
    const checked = await turnpike(["check"], { cwd: join(folder, "new/site") });
    assert.deepEqual(checked, { code: 0, stdout: "turnpike.yaml: ok — 2 routes, 1 upstream\n", stderr: "" });
  });

  test("has an example of a resource in it that can be used", async () => {
    const file = join(folder, "new/site/turnpike.yaml");
    const text = readFileSync(file, "utf8");
    writeFileSync(file, text.replaceAll(/^( *)# (?=- \{ path: \/tasks|resources:$| {2})/gm, "$1"));
    const checked = await turnpike(["check", "--config", file]);
    assert.equal(checked.stderr, "");
    assert.match(checked.stdout, /ok — 3 routes, 1 upstream, 1 resource\n$/);
  });

  test("overwrites nothing unless forced to", async () => {
    const cwd = join(folder, "taken");
    mkdirSync(cwd);
    writeFileSync(join(cwd, "turnpike.yaml"), "mine");
    assert.deepEqual(await turnpike(["init"], { cwd }), {
      code: 1,
      stdout: "",
      stderr: "turnpike.yaml is there already; --force overwrites it\n",
    });
    assert.equal(readFileSync(join(cwd, "turnpike.yaml"), "utf8"), "mine");
    assert.equal((await turnpike(["init", "--force"], { cwd })).code, 0);
    assert.match(readFileSync(join(cwd, "turnpike.yaml"), "utf8"), /^routes:/m);
  });

  test("says where it cannot write", async () => {
    file("a-file", "");
    const { code, stderr } = await turnpike(["init", "a-file"]);
    assert.deepEqual([code, stderr], [1, "a-file is a file, not a directory\n"]);
    const deeper = await turnpike(["init", "a-file/below"]);
    assert.equal(deeper.code, 1);
    assert.match(deeper.stderr, /^a-file\/below\/turnpike\.yaml cannot be written: [^\n]*\n$/);
  });
});

describe("turnpike schema", () => {
  test("prints the JSON Schema", async () => {
    const { code, stdout } = await turnpike(["schema"]);
    assert.equal(code, 0);
    assert.equal(stdout, configJsonSchemaText(policies));
  });

  test("is what turnpike.schema.json holds: `npm run docs` writes it", () => {
    assert.equal(readFileSync(join(ROOT, "turnpike.schema.json"), "utf8"), configJsonSchemaText(policies));
  });
});

/** A started gateway, when it has said that it listens. */
async function started(...args: string[]) {
  const child = launch(["start", ...args]);
  let stdout = "";
  for await (const chunk of child.stdout) {
    stdout += chunk;
    if (stdout.includes("\n")) break;
  }
  const [, address = ""] = /^listening on (http:\/\/127\.0\.0\.1:\d+)\n$/.exec(stdout) ?? [];
  assert.notEqual(address, "", `unexpected output: ${stdout}`);
  return { child, address };
}

/** A port that another program holds while the test runs. */
async function taken(run: (port: number) => Promise<void>): Promise<void> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  await run(typeof address === "object" && address !== null ? address.port : 0);
  server.close();
}

describe("turnpike start", () => {
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    test(`prints where it listens, answers, and exits with 0 on ${signal}`, async () => {
      const { child, address } = await started("-c", good);
      const answer = await fetch(`${address}/hello`, { headers: { connection: "close" } });
      assert.deepEqual([answer.status, await answer.text()], [200, "hello"]);
      child.kill(signal);
      assert.deepEqual(await once(child, "close"), [0, null]);
    });
  }

  test("listens on the port that it is told", async () => {
    const fixedPort = file("port.yaml", `listen: { port: 1 }\nadmin: { port: 0 }\nroutes:\n${HELLO}`);
    const { child } = await started("-c", fixedPort, "--port", "0");
    child.kill("SIGKILL");
    await once(child, "close");
  });

  test("prints every problem of a config, with exit code 1", async () => {
    const bad = file("bad-start.yaml", "lsten: {}\nroutes: []\n");
    const { code, stdout, stderr } = await turnpike(["start", "-c", bad]);
    assert.deepEqual([code, stdout], [1, ""]);
    assert.match(
      stderr,
      /^bad-start\.yaml:1:1: lsten: unknown key; did you mean "listen"\?\nbad-start\.yaml:2:9: routes: [^\n]*\n$/,
    );
  });

  test("names the setting to change where a port is in use", async () => {
    await taken(async (port) => {
      const sentence = (key: string) =>
        `port ${port} on 127.0.0.1 is in use by another program; set ${key}.port or stop that program\n`;
      const listen = file("in-use.yaml", `listen: { port: ${port} }\nadmin: { port: 0 }\nroutes:\n${HELLO}`);
      assert.deepEqual(await turnpike(["start", "-c", listen]), {
        code: 1,
        stdout: "",
        stderr: sentence("listen"),
      });
      const admin = file(
        "admin-in-use.yaml",
        `listen: { port: 0 }\nadmin: { port: ${port} }\nroutes:\n${HELLO}`,
      );
      assert.deepEqual(await turnpike(["start", "-c", admin]), {
        code: 1,
        stdout: "",
        stderr: sentence("admin"),
      });
    });
  });

  test("says that an address is not one of this machine", async () => {
    const away = file(
      "away.yaml",
      `listen: { host: 192.0.2.1, port: 0 }\nadmin: { port: 0 }\nroutes:\n${HELLO}`,
    );
    const result = await turnpike(["start", "-c", away]);
    assert.deepEqual(result, {
      code: 1,
      stdout: "",
      stderr: "192.0.2.1 is not an address of this machine; set listen.host\n",
    });
  });
});
