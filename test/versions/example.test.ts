/** examples/versions, as its README starts it: processes of their own, and more than one lane. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { askOnce, errorCode, get, post } from "../harness/ask.ts";
import { freePort, runCli } from "../harness/child-gateway.ts";

const FOLDER = join(import.meta.dirname, "../../examples/versions");

describe("the example of an API with versions", () => {
  let shop: ChildProcess;
  let gateway: ReturnType<typeof runCli>;
  let port: number;
  let adminPort: number;
  before(async () => {
    shop = spawn(process.execPath, [join(FOLDER, "service.ts")], { stdio: ["ignore", "pipe", "inherit"] });
    const [line] = (await once(shop.stdout as NodeJS.ReadableStream, "data")) as [Buffer];
    const url = /http:\S+/.exec(line.toString())?.[0] ?? "";
    adminPort = await freePort();
    gateway = runCli(["start", "--config", join(FOLDER, "turnpike.config.ts")], {
      SHOP_URL: url,
      PORT: "0",
      ADMIN_PORT: String(adminPort),
    });
    port = await gateway.listening;
  });
  after(async () => {
    gateway.child.kill("SIGINT");
    shop.kill();
    await gateway.exited;
  });

  test("serves both versions from a service that speaks one", async () => {
    const [second, first] = await Promise.all([
      askOnce(port, get("/v2/products/1")),
      askOnce(port, get("/v1/products/1")),
    ]);
    assert.deepEqual(JSON.parse(second.body.toString()), {
      id: "1",
      name: "Barrier arm, 3 m",
      price: { amount: 18_900, currency: "EUR" },
    });
    assert.deepEqual(JSON.parse(first.body.toString()), { id: "1", name: "Barrier arm, 3 m", price: 18_900 });
    assert.deepEqual(first.headers.get("deprecation"), ["@1780272000"]);
    const list = await askOnce(port, get("/products?q=roll", "API-Version: 1\r\n"));
    assert.deepEqual(JSON.parse(list.body.toString()), [{ id: "2", name: "Toll ticket roll", price: 450 }]);
    const status = await askOnce(port, get("/v1/status"));
    assert.equal(status.body.toString(), "ok");
    const missing = await askOnce(port, get("/v1/products/9"));
    assert.deepEqual(JSON.parse(missing.body.toString()), { error: "no such product" });
  });

  test("gives version 1 back what version 1 wrote", async () => {
    const put = post("/v1/products/3", '{"name":"Lamp","price":5}', "Content-Type: application/json\r\n");
    const written = await askOnce(port, put.replace("POST", "PUT"));
    assert.deepEqual(JSON.parse(written.body.toString()), { id: "3", name: "Lamp", price: 5 });
    const read = await askOnce(port, get("/v2/products/3"));
    assert.deepEqual(JSON.parse(read.body.toString()).price, { amount: 5, currency: "EUR" });
  });

  test("says who still calls version 1, whichever lane they came to", async () => {
    assert.equal(
      errorCode(await askOnce(port, get("/v1/products", "API-Version: 2\r\n"))),
      "VERSION_CONFLICT",
    );
    const metrics = (await askOnce(adminPort, get("/metrics"))).body.toString();
    assert.match(metrics, /^turnpike_version_requests_total\{version="1",consumer=""\} 5$/m);
  });
});
