/** Several lanes on one port, as one gateway. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, test } from "node:test";
import { askOnce, get } from "../harness/ask.ts";
import { freePort, runCli, startChildGateway } from "../harness/child-gateway.ts";
import { eventually } from "../harness/eventually.ts";
import { RawClient } from "../harness/raw.ts";

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const config = {
  lanes: 2,
  limits: { connections: 40 },
  drain: { delay: "0s" },
  routes: [{ name: "all", path: "/*", to: { fixed: { body: "x" } } }],
};

describe("two lanes", () => {
  test("count as one: /metrics is the sum of both", async () => {
    const gateway = await startChildGateway(config);
    cleanups.push(() => gateway.stop());
    for (let i = 0; i < 40; i++) await askOnce(gateway.port, get("/"));
    const text = (await askOnce(gateway.adminPort, get("/metrics"))).body.toString();
    assert.match(text, /^turnpike_lanes 2$/m);
    assert.match(text, /^turnpike_requests_total\{route="all",method="GET",status="200"\} 40$/m);
    assert.match(text, /^turnpike_request_duration_seconds_count\{route="all"\} 40$/m);
  });

  test("hold limits.connections together", async () => {
    const gateway = await startChildGateway(config);
    cleanups.push(() => gateway.stop());
    const clients = await Promise.all(Array.from({ length: 60 }, () => RawClient.to(gateway.port)));
    cleanups.push(() => {
      for (const client of clients) client.destroy();
    });
    // Half of a head: such a connection is not idle and cannot be closed to make room.
    for (const client of clients) client.send("GET / HTTP/1.1\r\n");
    await eventually(
      "the surplus is turned away",
      () => clients.filter(({ closed }) => closed !== null).length >= 20,
    );
    for (const client of clients) client.send("Host: x\r\n\r\n");
    const served = await Promise.all(
      clients.map((client) =>
        client.response().then(
          ({ status }) => status,
          () => 0,
        ),
      ),
    );
    assert.equal(served.filter((status) => status === 200).length, 40);
  });

  test("do not share their port with another gateway: it is told that the port is taken", async () => {
    const gateway = await startChildGateway(config);
    cleanups.push(() => gateway.stop());
    const folder = await mkdtemp(join(tmpdir(), "turnpike-second-"));
    cleanups.push(() => rm(folder, { recursive: true, force: true }));
    const file = join(folder, "turnpike.yaml");
    const second = { ...config, listen: { port: gateway.port }, admin: { port: await freePort() } };
    await writeFile(file, JSON.stringify(second));
    const run = runCli(["start", "--config", file]);
    assert.equal(await run.exited, 1);
    assert.match(run.stderr(), new RegExp(`port ${gateway.port} on 127.0.0.1 is in use by another program`));
  });

  test("stop together with exit code 0, and write every line of the log before", async () => {
    const gateway = await startChildGateway(config);
    cleanups.push(() => gateway.stop());
    for (let i = 0; i < 50; i++) await askOnce(gateway.port, get(`/${i}`));
    gateway.signal("SIGTERM");
    assert.equal(await gateway.exited, 0);
    const lines = (await gateway.log()).split("\n").filter((line) => line.includes('"msg":"request"'));
    assert.equal(lines.length, 50);
  });

  test("are two again after one has failed, and calls in flight end", async () => {
    const folder = await mkdtemp(join(tmpdir(), "turnpike-crash-"));
    cleanups.push(() => rm(folder, { recursive: true, force: true }));
    const file = join(folder, "turnpike.config.ts");
    const adminPort = await freePort();
    await writeFile(file, crashing(adminPort));
    const run = runCli(["start", "--config", file]);
    cleanups.push(async () => {
      run.child.kill("SIGKILL");
      await run.exited;
    });
    const port = await run.listening;
    const request = (path: string) => get(path, "X-API-Key: some secret\r\n");
    const replaced = () => run.stderr().split("a lane has been replaced").length - 1;
    for (let crash = 1; crash <= 2; crash++) {
      assert.equal((await askOnce(port, request("/crash"))).status, 200);
      await eventually("the lane is replaced", () => replaced() === crash);
      const answers = await Promise.all(Array.from({ length: 20 }, () => askOnce(port, request("/ok"))));
      assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set([200]));
    }
    assert.match(run.stderr(), /a lane failed with an error that nothing caught.*boom/);
    const metrics = (await askOnce(adminPort, get("/metrics"))).body.toString();
    assert.match(metrics, /^turnpike_lanes 2$/m);
  });
});

/** A config whose function throws where nobody can catch it. */
function crashing(adminPort: number): string {
  const hash = `sha256:${createHash("sha256").update("some secret").digest("hex")}`;
  return `export default {
    lanes: 2,
    listen: { port: 0 },
    admin: { port: ${adminPort} },
    log: { requests: false },
    store: { records: "none" },
    keys: [{ id: "one", hash: "${hash}", consumer: "acme" }],
    routes: [{
      name: "all", path: "/*", to: { fixed: { body: "x" } },
      policies: [{ "api-key": {} }, { authorize: { allow: (call) => {
        if (call.request.path === "/crash") setTimeout(() => { throw new Error("boom"); });
        return true;
      } } }],
    }],
  };\n`;
}
