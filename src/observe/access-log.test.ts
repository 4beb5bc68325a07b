import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import {
  closeSync,
  existsSync,
  mkdtempSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import fc from "fast-check";
import { Call, type Exchange, type Request } from "../core/call.ts";
import type { Charge } from "../core/charge.ts";
import { noCounters } from "../core/counters.ts";
import { GatewayError } from "../core/errors.ts";
import { fieldName, Headers } from "../core/headers.ts";
import type { RoutePlan } from "../core/plan.ts";
import { formatAccessLine } from "./access-log.ts";
import { openLog } from "./log.ts";
import { type LogSink, openAccessLog } from "./log-sink.ts";

const WALL = Date.UTC(2026, 10, 22, 10, 11, 12, 7);
const exchange: Exchange = { interim() {}, send() {} };

const route: RoutePlan = {
  name: "shipments",
  path: "/shipments/{id}",
  hosts: [],
  methods: [],
  priority: 0,
  limits: { body: 0 },
  handler: () => assert.fail("not called"),
  outermost: null,
  announcements: [],
  steps: [],
};

function callFor(request: Partial<Request> = {}, fields: readonly (readonly [string, string])[] = []): Call {
  const headers = new Headers();
  for (const [name, value] of fields) headers.received(fieldName(name), value);
  return new Call(
    "req_01",
    1000,
    {
      method: "GET",
      target: "/",
      path: "/shipments/7",
      query: "",
      host: "api.example.com",
      version: "1.1",
      headers,
      body: null,
      upgrade: null,
      peer: { address: "203.0.113.7", port: 40000, secure: false, localPort: 8080 },
      ...request,
    },
    exchange,
  );
}

function parsed(call: Call, now = 1000, wall = WALL): Record<string, unknown> {
  const line = formatAccessLine(call, now, wall);
  assert.equal(line.indexOf("\n"), line.length - 1, "exactly one line");
  assert.match(line, /^[ -~]*\n$/, "printable ASCII only");
  return JSON.parse(line);
}

describe("formatAccessLine", () => {
  test("writes everything that is known, in the documented order", () => {
    const call = callFor({ query: "?page=2", method: "POST" }, [["User-Agent", "curl/8.5.0"]]);
    call.traceId = "0af7651916cd43dd8448eb211c80319c";
    call.route = route;
    call.clientIp = "198.51.100.7";
    call.clientRequestId = "abc";
    call.upstreamTarget = "http://127.0.0.1:9001";
    call.attempts = 2;
    call.upstreamTime = 12.3456;
    call.failed(new GatewayError("UPSTREAM_DISCONNECTED", { cause: new Error("socket hang up") }));
    Object.assign(call.outcome, { status: 502, bytesIn: 10, bytesOut: 345, aborted: "upstream" });
    assert.equal(
      formatAccessLine(call, 1015.25, WALL),
      '{"time":"2026-11-22T10:11:12.007Z","level":"warn","msg":"request","id":"req_01",' +
        '"trace_id":"0af7651916cd43dd8448eb211c80319c","method":"POST","route":"shipments",' +
        '"path_template":"/shipments/{id}","path":"/shipments/7","query":"?page=2","host":"api.example.com",' +
        '"status":502,"bytes_in":10,"bytes_out":345,"duration_ms":15.250,"upstream_ms":12.346,' +
        '"upstream":"http://127.0.0.1:9001","attempts":2,"client_ip":"198.51.100.7","user_agent":"curl/8.5.0",' +
        '"http":"1.1","client_request_id":"abc","error":"UPSTREAM_DISCONNECTED","blame":"upstream",' +
        '"cause":"socket hang up","aborted":"upstream"}\n',
    );
  });

  test("leaves out what is not known", () => {
    const call = callFor({ host: "", version: "1.0" });
    assert.deepEqual(parsed(call), {
      time: "2026-11-22T10:11:12.007Z",
      level: "info",
      msg: "request",
      id: "req_01",
      method: "GET",
      path: "/shipments/7",
      status: 0,
      bytes_in: 0,
      bytes_out: 0,
      duration_ms: 0,
      http: "1.0",
    });
  });

  const times: readonly [wall: number, text: string][] = [
    [0, "1970-01-01T00:00:00.000Z"],
    [999.9, "1970-01-01T00:00:00.999Z"],
    [1000, "1970-01-01T00:00:01.000Z"],
    [WALL + 992, "2026-11-22T10:11:12.999Z"],
    [WALL + 993, "2026-11-22T10:11:13.000Z"],
    [WALL - 7, "2026-11-22T10:11:12.000Z"],
    [Date.UTC(2028, 1, 29, 23, 59, 59, 1), "2028-02-29T23:59:59.001Z"],
  ];
  for (const [wall, text] of times) {
    test(`writes the time ${wall} as ${text}`, () =>
      assert.equal(parsed(callFor(), 1000, wall)["time"], text));
  }

  const durations: readonly [now: number, text: string][] = [
    [1000, "0.000"],
    [1000.0004, "0.000"],
    [1000.0006, "0.001"],
    [1000.9996, "1.000"],
    [1003.2749999999, "3.275"],
    [3_601_000.5, "3600000.500"],
    [1000 + 1e10, "10000000000.000"],
    [999, "0.000"],
  ];
  for (const [now, text] of durations) {
    test(`writes a call that ends at ${now} as ${text} ms long`, () => {
      assert.match(
        formatAccessLine(callFor(), now, WALL),
        new RegExp(`"duration_ms":${text.replace(".", "\\.")},`),
      );
    });
  }

  const levels: readonly [
    level: string,
    status: number,
    code: "OVERLOADED" | "LOOP_DETECTED" | "UPSTREAM_TIMEOUT" | null,
  ][] = [
    ["info", 200, null],
    ["info", 404, null],
    ["info", 499, null],
    ["warn", 500, null],
    ["warn", 504, "UPSTREAM_TIMEOUT"],
    ["error", 503, "OVERLOADED"],
    ["error", 508, "LOOP_DETECTED"],
  ];
  for (const [level, status, code] of levels) {
    test(`is ${level} for ${status} ${code ?? "of the service"}`, () => {
      const call = callFor();
      call.outcome.status = status;
      if (code !== null) call.failed(new GatewayError(code));
      assert.equal(parsed(call)["level"], level);
    });
  }

  test("says what the rate limits decided, and what is left of the one that is nearest to its end", () => {
    const call = callFor();
    const charge = (outcome: Charge["outcome"], ...remaining: readonly number[]): Charge => ({
      limits: [],
      limiter: noCounters.limiter([]),
      key: "ip:192.0.2.1",
      cost: 1,
      verdict: {
        allowed: true,
        standings: remaining.map((left) => ({ remaining: left, reset: 0, wait: 0 })),
        at: 0,
        epoch: 0,
      },
      outcome,
      degraded: outcome === "spared",
    });
    call.charges = [charge("passed", 9, 3), charge("passed", 7)];
    assert.deepEqual([parsed(call)["rate_limit"], parsed(call)["rate_limit_remaining"]], ["passed", 3]);
    call.charges = [charge("passed", 9), charge("spared", 0)];
    const { rate_limit, rate_limit_remaining, rate_limit_degraded } = parsed(call);
    assert.deepEqual([rate_limit, rate_limit_remaining, rate_limit_degraded], ["spared", 0, true]);
  });

  test("names the cause that says most", () => {
    const cause = (thrown: unknown): unknown => {
      const call = callFor();
      call.failed(new GatewayError("INTERNAL_ERROR", { cause: thrown }));
      return parsed(call)["cause"];
    };
    assert.equal(cause(new Error("boom")), "boom");
    assert.equal(cause("thrown text"), "thrown text");
    assert.equal(cause(Object.assign(new AggregateError([]), { code: "ECONNREFUSED" })), "ECONNREFUSED");
    assert.equal(cause(new RangeError("")), "RangeError");
    assert.equal(cause({ secret: 1 }), undefined);
    assert.equal(cause(undefined), undefined);
    assert.equal(String(cause("x".repeat(5000))).length, 512);
  });

  test("caps what a client can make long", () => {
    const call = callFor({ method: "M".repeat(9000) }, [["User-Agent", "u".repeat(9000)]]);
    const line = parsed(call);
    assert.equal(String(line["user_agent"]).length, 256);
    assert.equal(String(line["method"]).length, 32);
  });

  const hostile: readonly string[] = [
    '"',
    "\\",
    '","status":200,"x":"',
    "\n",
    "\r\n{}",
    "\0",
    "\x1b[2J",
    "\x7f",
    "\x9b31m",
    "é",
    "\u2028\u2029",
    "\ud800",
    "\udc00\ud800",
    "\u{1F600}",
  ];
  for (const text of hostile) {
    test(`gives ${JSON.stringify(text)} back unharmed after parsing`, () => {
      const call = callFor({ path: text, host: text }, [["user-agent", text]]);
      const line = parsed(call);
      assert.equal(line["path"], text);
      assert.equal(line["host"], text);
      assert.equal(line["user_agent"], text);
      assert.equal(line["status"], 0);
    });
  }

  test("is one line of JSON, whatever the strings are", () => {
    const anyText = fc.array(fc.nat(0xffff), { maxLength: 20 }).map((codes) => String.fromCharCode(...codes));
    const texts = fc.array(anyText, { minLength: 14, maxLength: 14 });
    fc.assert(
      fc.property(texts, fc.nat(), fc.double({ min: 0, max: 1e12, noNaN: true }), (texts, status, now) => {
        const text = (i: number): string => texts[i] ?? "";
        const call = callFor({ method: text(0), path: text(1), query: `?${text(2)}`, host: text(3) }, [
          ["User-Agent", text(4)],
        ]);
        const named = new Call(text(5), 0, call.request, exchange);
        named.route = { ...route, name: text(6), path: text(7) };
        named.traceId = text(8);
        named.clientIp = text(9);
        named.upstreamTarget = text(10);
        named.clientRequestId = text(11);
        named.upstreamTime = now;
        named.failed(new GatewayError("INTERNAL_ERROR", { cause: new Error(text(12)) }));
        named.outcome.status = status;
        const line = parsed(named, now);
        assert.equal(line["status"], status);
        assert.equal(line["id"], text(5));
        assert.equal(line["http"], "1.1");
      }),
    );
  });
});

describe("secrets of a request", () => {
  const CANARY = "c4n4ry9f8e7d";
  const keys = ["tp_live_", "tp_test_", "sk_live_", "whsec_"].map((prefix) => `${prefix}${CANARY}`);
  const jwt = `eyJhbGciOiJIUzI1NiJ9.${CANARY}.${CANARY}`;
  const headers = [
    "Authorization",
    "Cookie",
    "X-API-Key",
    "Idempotency-Key",
    "Proxy-Authorization",
    "Referer",
    "X-Other",
  ];

  const assertSilent = (call: Call): void => {
    const line = formatAccessLine(call, 1000, WALL);
    assert.doesNotMatch(line, new RegExp(CANARY), line);
    assert.doesNotThrow(() => JSON.parse(line));
  };

  test("never show from a header", () => {
    for (const secret of [CANARY, `Bearer ${CANARY}`, ...keys, jwt]) {
      assertSilent(
        callFor(
          {},
          headers.map((name) => [name, secret] as const),
        ),
      );
    }
  });

  test("never show from a header that is logged, if they look like one", () => {
    for (const secret of [...keys, jwt]) {
      const call = callFor({ host: secret, method: secret }, [["User-Agent", `curl ${secret}`]]);
      call.clientRequestId = secret;
      assertSilent(call);
    }
  });

  test("never show from the query", () => {
    for (const name of [
      "access_token",
      "API_KEY",
      "%61pi_key",
      "key",
      "code",
      "client_secret",
      "id_token",
      "a[token]",
    ]) {
      assertSilent(callFor({ query: `?a=1&${name}=${CANARY}&b=2` }));
    }
    for (const secret of [...keys, jwt]) assertSilent(callFor({ query: `?anything=${secret}` }));
  });

  test("never show from the path, if they look like one", () => {
    for (const secret of [...keys, jwt]) assertSilent(callFor({ path: `/keys/${secret}/rotate` }));
  });

  test("never show from the cause of a failure", () => {
    for (const text of [
      `GET /?token=${CANARY}`,
      `https://u:${CANARY}@h/`,
      `Bearer ${CANARY}`,
      ...keys,
      jwt,
    ]) {
      const call = callFor();
      call.failed(new GatewayError("INTERNAL_ERROR", { cause: new Error(`failed: ${text}`) }));
      assertSilent(call);
    }
  });
});

const folder = mkdtempSync(join(tmpdir(), "turnpike-log-"));
after(() => rmSync(folder, { recursive: true, force: true }));
let files = 0;
const newPath = (): string => join(folder, `${++files}.log`);
const content = (path: string): string => readFileSync(path, "latin1");

async function until(condition: () => boolean): Promise<void> {
  const deadline = performance.now() + 10_000;
  while (!condition()) {
    if (performance.now() > deadline) assert.fail("did not happen in 10 s");
    await new Promise((resolve) => setImmediate(resolve));
  }
}

describe("openAccessLog", () => {
  test("has every line in the file, in order, when it is closed", async () => {
    const path = newPath();
    const sink = openAccessLog(path);
    let expected = "";
    for (let i = 0; i < 5000; i++) {
      const line = `${JSON.stringify({ i, text: "x".repeat(i % 300) })}\n`;
      sink.write(line);
      expected += line;
    }
    await sink.close();
    assert.equal(content(path), expected);
    assert.equal(sink.dropped, 0);
  });

  test("writes by itself after a tenth of a second, and not before", async (t) => {
    t.mock.timers.enable({ apis: ["setInterval"] });
    const path = newPath();
    const sink = openAccessLog(path);
    sink.write("one\n");
    t.mock.timers.tick(99);
    assert.equal(content(path), "");
    t.mock.timers.tick(1);
    await until(() => content(path) === "one\n");
    await sink.close();
  });

  test("appends to a file that is there, and lets only owner and group read a new one", async () => {
    const path = newPath();
    for (const line of ["one\n", "two\n"]) {
      const sink = openAccessLog(path);
      sink.write(line);
      await sink.close();
    }
    assert.equal(content(path), "one\ntwo\n");
    assert.equal(statSync(path).mode & 0o007, 0);
  });

  test("says at once which file cannot be opened", () => {
    assert.throws(() => openAccessLog(join(folder, "missing", "x.log")), { code: "ENOENT" });
  });

  test("hands everything over at once with flushSync, and goes on afterwards", async () => {
    const path = newPath();
    const sink = openAccessLog(path);
    sink.write("one\n");
    sink.flushSync();
    assert.equal(content(path), "one\n");
    sink.write("two\n");
    await sink.close();
    assert.equal(content(path), "one\ntwo\n");
  });

  test("goes on in a new file after a rotation", async () => {
    const path = newPath();
    const sink = openAccessLog(path);
    sink.write("before\n");
    sink.flushSync();
    renameSync(path, `${path}.1`);
    sink.reopen();
    sink.write("behind\n");
    await sink.close();
    assert.equal(content(`${path}.1`), "before\n");
    assert.equal(content(path), "behind\n");
  });

  test("loses no line to a rotation while a write is under way", async () => {
    const path = newPath();
    const sink = openAccessLog(path);
    const lines = Array.from({ length: 3000 }, (_, i) => `${i} ${"x".repeat(100)}\n`);
    for (const [i, line] of lines.entries()) {
      sink.write(line);
      if (i === 1500) {
        renameSync(path, `${path}.1`);
        sink.reopen();
      }
    }
    await sink.close();
    assert.equal(content(`${path}.1`) + content(path), lines.join(""));
    assert.notEqual(content(path), "");
  });

  test("keeps the old file, and says why, where the new one cannot be opened", async () => {
    const path = join(mkdtempSync(join(folder, "d-")), "x.log");
    const sink = openAccessLog(path);
    renameSync(join(path, ".."), `${path}-moved`.replace("/x.log", ""));
    sink.reopen();
    sink.write("still here\n");
    await sink.close();
    const text = content(join(`${path}-moved`.replace("/x.log", ""), "x.log"));
    assert.match(text, /"the log file could not be reopened".*ENOENT/);
    assert.match(text, /still here\n$/);
  });

  test("drops lines beyond its limit instead of growing, and reports how many", async () => {
    const path = newPath();
    const sink = openAccessLog(path);
    const line = `${"x".repeat(1023)}\n`;
    // No turn of the event loop in between: nothing can be written meanwhile.
    for (let i = 0; i < 9 * 1024; i++) sink.write(line);
    assert.equal(sink.dropped, 1024);
    await sink.close();
    const lines = content(path).trimEnd().split("\n");
    assert.equal(lines.length, 8 * 1024 + 1);
    assert.match(lines.at(-1) ?? "", /"level":"warn".*"count":1024/);
  });

  test("takes lines without complaint when it is closed, and closes twice", async () => {
    const sink = openAccessLog(newPath());
    await Promise.all([sink.close(), sink.close()]);
    sink.write("late\n");
    sink.flushSync();
    sink.reopen();
    assert.equal(sink.dropped, 1);
  });

  const full = existsSync("/dev/full") ? {} : { skip: "no /dev/full on this system" };
  test("tries again while the disk is full, and gives up when it is closed", full, async (t) => {
    t.mock.timers.enable({ apis: ["setInterval"] });
    const sink = openAccessLog("/dev/full");
    sink.write("one\n");
    t.mock.timers.tick(100);
    await new Promise((resolve) => setImmediate(resolve));
    sink.flushSync();
    sink.write("two\n");
    const closed = sink.close();
    let done = false;
    void closed.then(() => {
      done = true;
    });
    await until(() => {
      t.mock.timers.tick(100);
      return done;
    });
  });
});

const SOURCE = `import * as log from ${JSON.stringify(new URL("./log-sink.ts", import.meta.url).href)};\n`;

const exitOf = (child: ChildProcess): Promise<number | null> =>
  new Promise((resolve) => {
    child.on("exit", resolve);
  });

/** Runs a script with this module at hand, as `log`. */
function script(
  body: string,
  stdout: "pipe" | number = "pipe",
  stderr: "inherit" | "ignore" = "inherit",
): { child: ChildProcess; code: Promise<number | null> } {
  const child = spawn(process.execPath, ["--input-type=module", "--eval", SOURCE + body], {
    stdio: ["ignore", stdout, stderr],
    timeout: 20_000,
  });
  return { child, code: exitOf(child) };
}

/** Runs such a script in a shell, as `node`, so that its stdout is a real pipe: Node gives its children sockets. */
function shell(command: string, body: string, ...args: string[]): ChildProcess {
  const node = `node() { '${process.execPath}' --input-type=module --eval "$SOURCE" "$@"; }; `;
  const env = { ...process.env, SOURCE: SOURCE + body };
  return spawn("sh", ["-c", node + command, ...args], { env, timeout: 30_000 });
}

const needsShell = process.platform === "win32" ? { skip: "needs sh and pipes" } : {};

async function output(child: ChildProcess): Promise<string> {
  let text = "";
  child.stdout?.setEncoding("latin1");
  if (child.stdout !== null) for await (const chunk of child.stdout) text += chunk;
  return text;
}

describe("a process that logs", () => {
  const MANY = `const sink = log.openAccessLog("stdout"); for (let i = 0; i < 2000; i++) sink.write(i + " " + "x".repeat(90) + "\\n");`;
  const expected = Array.from({ length: 2000 }, (_, i) => `${i} ${"x".repeat(90)}\n`).join("");

  test("has written all lines when it exits by itself", async () => {
    const { child, code } = script(MANY);
    assert.equal(await output(child), expected);
    assert.equal(await code, 0);
  });

  test("has written its last lines when it calls process.exit", async () => {
    const { child, code } = script(`log.openAccessLog("stdout").write("last\\n"); process.exit(3);`);
    assert.equal(await output(child), "last\n");
    assert.equal(await code, 3);
  });

  test("has written its last lines when an exception ends it", async () => {
    const { child, code } = script(
      `log.openAccessLog("stdout").write("last\\n"); throw new Error();`,
      "pipe",
      "ignore",
    );
    assert.equal(await output(child), "last\n");
    assert.equal(await code, 1);
  });

  test("has written the last lines of a worker that ends", async () => {
    const { child, code } = script(`
      import { Worker } from "node:worker_threads";
      const url = ${JSON.stringify(new URL("./log-sink.ts", import.meta.url).href)};
      const source = "import(" + JSON.stringify(url) + ").then((log) => { log.openAccessLog('stdout').write('last\\\\n'); process.exit(); })";
      new Worker(source, { eval: true });
    `);
    assert.equal(await output(child), "last\n");
    assert.equal(await code, 0);
  });

  test("lives on, and can still exit, when the reader of its stdout is gone", async () => {
    const { child, code } = script(`
      const sink = log.openAccessLog("stdout");
      process.stderr.once("error", () => {});
      let ticks = 0;
      setInterval(() => { sink.write("line\\n"); if (++ticks === 40) process.exit(sink.dropped > 0 ? 5 : 6); }, 10);
    `);
    child.stdout?.destroy();
    assert.equal(await code, 5);
  });

  test("can exit when lines are left and the reader is already gone", async () => {
    const { child, code } = script(`
      await new Promise((resolve) => setTimeout(resolve, 200));
      log.openAccessLog("stdout").write("line\\n");
      process.exit(7);
    `);
    child.stdout?.destroy();
    assert.equal(await code, 7);
  });

  test("lives on, and can still exit, when the reader of a pipe is gone", needsShell, async () => {
    const path = newPath();
    const child = shell(
      '{ node; echo $? > "$0"; } | true',
      `const sink = log.openAccessLog("stdout");
      let ticks = 0;
      setInterval(() => { sink.write("line\\n"); if (++ticks === 40) process.exit(sink.dropped > 0 ? 5 : 6); }, 10);`,
      path,
    );
    await exitOf(child);
    assert.equal(content(path), "5\n");
  });

  test("shares a pipe with others without mixing lines", needsShell, async () => {
    const child = shell(
      "{ node a & node b & node c & wait; } | { sleep 0.5; cat; }",
      `const sink = log.openAccessLog("stdout");
      for (let i = 0; i < 4000; i++) sink.write(process.argv[1] + ":" + i + ":" + process.argv[1].repeat(i % 1000) + "\\n");`,
    );
    const seen = { a: 0, b: 0, c: 0 };
    for (const line of (await output(child)).trimEnd().split("\n")) {
      const name = line.charAt(0) as "a" | "b" | "c";
      assert.equal(line, `${name}:${seen[name]}:${name.repeat(seen[name] % 1000)}`);
      seen[name] += 1;
    }
    assert.deepEqual(seen, { a: 4000, b: 4000, c: 4000 });
  });

  const needsProc = existsSync("/proc/self/fd/1") ? {} : { skip: "needs /proc" };
  test("goes on with everything else while the reader of its pipe has stopped", needsProc, async () => {
    const release = newPath();
    const child = shell(
      'UV_THREADPOOL_SIZE=1 node "$0" | { i=0; while [ ! -e "$0" ] && [ $i -lt 100 ]; do sleep 0.05; i=$((i+1)); done; [ -e "$0" ] || echo stuck; cat; }',
      `import { readFile, writeFile } from "node:fs/promises";
      const sink = log.openAccessLog("stdout");
      for (let i = 0; i < 2000; i++) sink.write(i + " " + "x".repeat(90) + "\\n");
      await new Promise((resolve) => setTimeout(resolve, 300));
      await readFile("/proc/self/stat");
      await writeFile(process.argv[1], "");
      await sink.close();`,
      release,
    );
    assert.equal(await output(child), expected);
  });

  test("writes to a file given as its stdout", async () => {
    const path = newPath();
    const fd = openSync(path, "a");
    const { code } = script(MANY, fd);
    assert.equal(await code, 0);
    closeSync(fd);
    assert.equal(content(path), expected);
  });
});

describe("openLog", () => {
  class Recorder implements LogSink {
    readonly dropped = 0;
    text = "";
    write(line: string): void {
      this.text += line;
    }
    reopen(): void {}
    flushSync(): void {}
    async close(): Promise<void> {}
  }

  function logged(fields: Record<string, unknown>, message = "happened"): Record<string, unknown> {
    const sink = new Recorder();
    openLog("info", sink).info(fields, message);
    assert.match(sink.text, /^[ -~]*\n$/);
    return JSON.parse(sink.text);
  }

  test("writes time, level and message first, and the fields behind", () => {
    const sink = new Recorder();
    openLog("info", sink).warn(
      { upstream: "carrier", n: 3, ok: true, none: null, list: [1, "a"] },
      "target is down",
    );
    assert.match(
      sink.text,
      /^\{"time":"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z","level":"warn","msg":"target is down","upstream":"carrier","n":3,"ok":true,"none":null,"list":\[1,"a"\]\}\n$/,
    );
  });

  test("shares one way out with every other log to the same place", () => {
    const path = newPath();
    const before = process.listenerCount("exit");
    for (let i = 0; i < 20; i++) openLog("info", path).info({ i }, "line");
    assert.ok(process.listenerCount("exit") <= before + 1);
  });

  test("keeps quiet below its level", () => {
    const levels = {
      debug: ["info", "warn", "error"],
      info: ["info", "warn", "error"],
      warn: ["warn", "error"],
      error: ["error"],
    };
    for (const level of ["debug", "info", "warn", "error"] as const) {
      const sink = new Recorder();
      const log = openLog(level, sink);
      log.info({}, "x");
      log.warn({}, "x");
      log.error({}, "x");
      const seen = [...sink.text.matchAll(/"level":"(\w+)"/g)].map((match) => match[1]);
      assert.deepEqual(seen, levels[level]);
    }
  });

  test("writes an error as message, code and stack under cause", () => {
    const error = Object.assign(new Error("connect failed"), { code: "ECONNREFUSED", port: 1 });
    const cause = logged({ error })["cause"] as Record<string, unknown>;
    assert.deepEqual(Object.keys(cause), ["message", "code", "stack"]);
    assert.equal(cause["message"], "connect failed");
    assert.equal(cause["code"], "ECONNREFUSED");
    assert.match(String(cause["stack"]), /access-log\.test\.ts/);
  });

  test("follows the causes of an error, but not for ever", () => {
    const error = new Error("outer", { cause: new Error("inner") });
    const cause = logged({ cause: error })["cause"] as Record<string, Record<string, unknown>>;
    assert.equal(cause["cause"]?.["message"], "inner");
    const circular: Error & { cause?: unknown } = new Error("self");
    circular.cause = circular;
    assert.doesNotThrow(() => logged({ circular }));
  });

  test("never writes the values of headers", () => {
    const headers = Headers.of({ Authorization: "Bearer canary", "X-Custom": "canary" });
    const request = callFor({}, [["Cookie", "canary"]]).request;
    const failure = new GatewayError("INTERNAL_ERROR", { headers: { "X-Custom": "canary" } });
    const sink = new Recorder();
    openLog("info", sink).error(
      {
        headers,
        other: headers,
        request,
        failure,
        set: [headers],
        authorization: "canary",
        "x-api-key": "canary",
      },
      "failed with Bearer canary",
    );
    openLog("info", sink).error({ call: callFor({}, [["Cookie", "canary"]]) }, "failed");
    assert.doesNotMatch(sink.text, /canary/);
    assert.match(sink.text, /"other":"\[Headers\]"/);
  });

  test("survives whatever a field holds", () => {
    const circular: Record<string, unknown> = {};
    circular["self"] = circular;
    const throwing = {
      get bad(): string {
        throw new Error("getter");
      },
    };
    assert.deepEqual(Object.keys(logged({ circular })), ["time", "level", "msg", "circular"]);
    assert.equal(logged({ throwing })["msg"], "happened");
    assert.equal(logged({ big: 10n })["big"], "10");
    assert.equal(logged({ nan: Number.NaN })["nan"], "NaN");
    assert.equal(logged({ map: new Map([["a", 1]]) })["map"], "[Map]");
    assert.equal(logged({ buffer: Buffer.from("canary") })["buffer"], "[Buffer]");
    assert.equal(logged({ date: new Date(0) })["date"], "1970-01-01T00:00:00.000Z");
    assert.equal("fn" in logged({ fn: () => {}, symbol: Symbol("x"), nothing: undefined }), false);
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    assert.equal(logged({ proxy })["msg"], "happened");
  });

  test("does not let a field pass itself off as the time, level or message", () => {
    const line = logged({ time: "x", level: "x", msg: "x" });
    assert.equal(line["level"], "info");
    assert.equal(line["msg"], "happened");
  });

  test("is one line of JSON, whatever it is given", () => {
    const sink = new Recorder();
    const log = openLog("info", sink);
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.anything()), fc.string(), (fields, message) => {
        sink.text = "";
        log.info(fields, message);
        assert.match(sink.text, /^[ -~]*\n$/);
        JSON.parse(sink.text);
      }),
    );
  });
});
