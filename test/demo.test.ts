/** What `npm start` promises: every curl line that it prints does what it says. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";

const root = join(import.meta.dirname, "..");

const bodyOf = (answer: string): string => answer.slice(answer.indexOf("\r\n\r\n"));

describe("npm start", () => {
  let demo: ChildProcess;
  let printed = "";
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "turnpike-demo-"));
    demo = spawn(process.execPath, ["src/cli/turnpike.js", "demo", "--port", "0"], {
      cwd: root,
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, DATABASE: `sqlite:${join(folder, "shop.db")}` },
    });
    for await (const chunk of demo.stdout ?? []) {
      printed += chunk;
      if (printed.includes("Ctrl-C stops both")) break;
    }
  });
  after(async () => {
    if (demo.exitCode === null && demo.signalCode === null) {
      demo.kill("SIGKILL");
      await once(demo, "exit");
    }
    await rm(folder, { recursive: true, force: true });
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

  test("lists the products of its database, a page at a time", () => {
    assert.match(
      curl("/products?limit=2"),
      /^HTTP\/1\.1 200 OK\r\n[\s\S]*\r\nLink: <[^>]*cursor=[^>]*>; rel="next"[\s\S]*"id":"prod_[\s\S]*"has_more":true/,
    );
  });

  test("finds one product", () => {
    assert.match(curl("/products/prod_"), /^HTTP\/1\.1 200 OK\r\n[\s\S]*\r\nETag: "[\s\S]*"sku":"BA-300"/);
  });

  test("asks for a key where one is needed", () => {
    assert.match(
      curl("# 401"),
      /^HTTP\/1\.1 401 [\s\S]*WWW-Authenticate: Bearer[\s\S]*AUTHENTICATION_REQUIRED/,
    );
  });

  test("creates once what carries an Idempotency-Key, however often it is asked", () => {
    const first = curl("Idempotency-Key: one");
    assert.match(first, /^HTTP\/1\.1 201 Created\r\n[\s\S]*\r\nLocation: \/customers\/cus_/);
    const again = curl("Idempotency-Key: one");
    assert.match(again, /^HTTP\/1\.1 201 Created\r\n[\s\S]*\r\nIdempotent-Replayed: true\r\n/);
    assert.equal(bodyOf(again), bodyOf(first));
  });

  test("says everything that is wrong with an order", () => {
    assert.match(curl("# 422"), /^HTTP\/1\.1 422 [\s\S]*"field":"quantity"[\s\S]*"field":"customer"/);
  });

  test("expands, filters and sorts", () => {
    assert.match(curl("expand=customer"), /^HTTP\/1\.1 200 OK\r\n[\s\S]*"data":\[/);
  });

  test("speaks an older version to whoever asks for it, and says when it ends", () => {
    assert.match(curl("/v1/customers"), /^HTTP\/1\.1 200 OK\r\n[\s\S]*\r\nSunset: [\s\S]*"name":"Ada"/);
  });

  test("shows one tenant nothing of another", () => {
    assert.match(curl("# another tenant"), /^HTTP\/1\.1 200 OK\r\n[\s\S]*"data":\[\]/);
  });

  test("refuses a method, and says which there are", () => {
    assert.match(curl("-X DELETE"), /^HTTP\/1\.1 405 [\s\S]*\r\nAllow: GET, HEAD[\s\S]*METHOD_NOT_ALLOWED/);
  });

  test("describes its API", () => {
    const document = JSON.parse(curl("OpenAPI 3.1")) as { openapi: string; paths: Record<string, unknown> };
    assert.match(document.openapi, /^3\.1\./);
    for (const path of ["/orders", "/orders/{id}/cancel", "/customers/{id}/orders"])
      assert.ok(path in document.paths, path);
  });

  test("refuses a path with two readings", () => {
    assert.match(curl("..%2f"), /^HTTP\/1\.1 400 [\s\S]*INVALID_PATH/);
  });

  test("reaches the carrier, which may have broken down", () => {
    assert.match(curl("/shipments"), /^HTTP\/1\.1 (?:200|503) /);
  });

  test("shows what a service sees of a call", () => {
    assert.match(
      curl("/debug/headers"),
      /"x-served-by":"turnpike".*"x-forwarded-for":"127\.0\.0\.1".*"x-request-id":"req_/,
    );
  });

  test("streams events as they happen", () => {
    assert.match(curl("/ticks"), /"count":1}\n\n[\s\S]*"count":2}/);
  });

  test("counts what it does", () => {
    assert.match(
      curl("/metrics"),
      /^turnpike_requests_total\{route="shop",method="POST",status="201"\} \d+$/m,
    );
  });

  test("serves clients as they are in life, and nothing is ordered twice", () => {
    const url = /listening on (\S+)/.exec(printed)?.[1] as string;
    const words = ["src/cli/turnpike.js", "demo", "traffic", "--url", url, "--seconds", "3", "--rate", "8"];
    const { status, stdout, stderr } = spawnSync(process.execPath, words, { cwd: root, encoding: "utf8" });
    assert.equal(status, 0, `${stdout}${stderr}`);
    assert.match(stdout, /new order +201 × \d+/);
    assert.match(stdout, /nothing was ordered twice/);
  });

  test("ends with exit code 0 at Ctrl-C, and the carrier with it", async () => {
    const carrier = /carrier (http:\S+)/.exec(printed)?.[1] as string;
    demo.kill("SIGINT");
    const [code] = await once(demo, "exit");
    assert.equal(code, 0);
    await assert.rejects(fetch(carrier));
  });
});
