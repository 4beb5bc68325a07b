import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { startGateway, type TestGateway } from "./harness/gateway.ts";
import { RecordingOrigin } from "./harness/origin.ts";
import { RawClient } from "./harness/raw.ts";

describe("a request through the gateway", () => {
  let origin: RecordingOrigin;
  let gateway: TestGateway;
  before(async () => {
    origin = await RecordingOrigin.start();
    gateway = await startGateway({
      upstreams: { origin: { targets: [origin.url] } },
      routes: [{ name: "all", path: "/*", to: { upstream: "origin" } }],
    });
  });
  after(async () => {
    await gateway.stop();
    await origin.stop();
  });
  test("is answered by the origin and logged once", async () => {
    const client = await RawClient.to(gateway.port);
    client.send("GET /hello?a=1 HTTP/1.1\r\nHost: example\r\n\r\n");
    const response = await client.response();
    assert.equal(response.status, 200);
    assert.equal(response.body.toString(), "ok");
    const line = await gateway.logged((entry) => entry["path"] === "/hello");
    assert.equal(line["id"], response.headers.get("x-request-id")?.[0]);
    client.destroy();
  });
});
