/** What `npm start` promises: every curl line that it prints does what it says. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";

const root = join(import.meta.dirname, "..");

describe("npm start", () => {
  let demo: ChildProcess;
  let printed = "";
  before(async () => {
    demo = spawn(process.execPath, ["src/cli/turnpike.js", "demo", "--port", "0"], {
      cwd: root,
      stdio: ["ignore", "pipe", "pipe"],
    });
    for await (const chunk of demo.stdout ?? []) {
      printed += chunk;
      if (printed.includes("Ctrl-C stops both")) break;
    }
  });
  after(async () => {
    if (demo.exitCode !== null || demo.signalCode !== null) return;
    demo.kill("SIGKILL");
    await once(demo, "exit");
  });

  /** Runs the printed line that mentions `part` as a shell would, for at most two seconds. */
  function curl(part: string): string {
    const line = printed.split("\n").find((text) => text.includes("curl ") && text.includes(part));
    assert.ok(line, `a curl line with ${part} in:\n${printed}`);
    return spawnSync("sh", ["-c", `${line.split("#")[0]} --max-time 2`], { encoding: "utf8" }).stdout;
  }

  test("says where it listens", () => {
    assert.match(printed, /^listening on http:\/\/127\.0\.0\.1:\d+$/m);
  });

  test("lists the products of a service in a process of its own", () => {
    assert.match(curl("/products"), /^HTTP\/1\.1 200 OK\r\n[\s\S]*"prod_1"/);
  });

  test("finds one product", () => {
    assert.match(curl("/products/prod_1"), /^HTTP\/1\.1 200 OK\r\n[\s\S]*"id":"prod_1"/);
  });

  test("asks for a key where one is needed", () => {
    assert.match(
      curl("# 401"),
      /^HTTP\/1\.1 401 [\s\S]*WWW-Authenticate: Bearer[\s\S]*AUTHENTICATION_REQUIRED/,
    );
  });

  test("takes an order with a key, and says how many more it takes", () => {
    const answer = curl(" -d ");
    assert.match(answer, /^HTTP\/1\.1 201 Created\r\n[\s\S]*"id":"ord_1"/);
    assert.match(answer, /\r\nX-RateLimit-Remaining: 4\r\n/);
  });

  test("refuses a method, and says which there are", () => {
    assert.match(
      curl("-X DELETE"),
      /^HTTP\/1\.1 405 [\s\S]*\r\nAllow: GET, HEAD, POST, OPTIONS\r\n[\s\S]*METHOD_NOT_ALLOWED/,
    );
  });

  test("refuses a path with two readings", () => {
    assert.match(curl("..%2f"), /^HTTP\/1\.1 400 [\s\S]*INVALID_PATH/);
  });

  test("shows what the service sees of a call", () => {
    assert.match(
      curl("/debug/headers"),
      /"x-served-by":"turnpike".*"x-forwarded-for":"127\.0\.0\.1".*"x-request-id":"req_/,
    );
  });

  test("streams events as they happen", () => {
    assert.match(curl("/events"), /"count":1}\n\n[\s\S]*"count":2}/);
  });

  test("counts what it does", () => {
    assert.match(
      curl("/metrics"),
      /^turnpike_requests_total\{route="orders",method="POST",status="201"\} 1$/m,
    );
  });

  test("ends with exit code 0 at Ctrl-C, and the service with it", async () => {
    const shop = /shop (http:\S+)/.exec(printed)?.[1] as string;
    demo.kill("SIGINT");
    const [code] = await once(demo, "exit");
    assert.equal(code, 0);
    await assert.rejects(fetch(shop));
  });
});
