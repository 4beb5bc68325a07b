/** RTY-11: a second answer that comes late cannot be told from the next call's. So it must have no next call. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { askOnce, get } from "../harness/ask.ts";
import { eventually } from "../harness/eventually.ts";
import { startGateway, type TestGateway } from "../harness/gateway.ts";
import { ok, RecordingOrigin } from "../harness/origin.ts";

describe("an origin that has once answered twice", () => {
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

  test("is asked once on each connection, so that no late answer of its meets another call", async () => {
    origin.answer = ({ target }, socket) => {
      socket.write(ok(target));
      // Unasked, and after the connection could have been given to the next call.
      setTimeout(() => socket.write(ok(`second ${target}`)), 2);
      return null;
    };
    await askOnce(gateway.port, get("/first"));
    await eventually("the second answer was seen", () => origin.open === 0);
    const before = origin.connections;
    for (let n = 0; n < 30; n++) {
      assert.equal((await askOnce(gateway.port, get(`/n/${n}`))).body.toString(), `/n/${n}`);
    }
    assert.equal(origin.connections - before, 30);
  });
});
