/** What a change of a resource does to what is kept of it (RFC 9111 §4.4), in all lanes and during a request. */
import assert from "node:assert/strict";
import type { Socket } from "node:net";
import { before, describe, test } from "node:test";
import { askOnce, get, post } from "../harness/ask.ts";
import { startChildGateway } from "../harness/child-gateway.ts";
import { eventually } from "../harness/eventually.ts";
import { RecordingOrigin } from "../harness/origin.ts";
import { RawClient } from "../harness/raw.ts";
import { answer, cacheControl, cacheStatus, type Stand, startStand, text } from "./stand.ts";

const LONG = cacheControl("max-age=1000");

/** Answers GET with a number, and everything else with `status` and `fields`. */
function writable(stand: { origin: RecordingOrigin }, status = 200, fields = ""): void {
  let count = 0;
  stand.origin.answer = ({ method }) =>
    method === "GET" ? answer(`answer ${++count}`, LONG) : answer("done", fields, status);
}

describe("a request that may change something", () => {
  let stand: Stand;
  before(async () => {
    stand = await startStand({}, { versions: { list: { "1": {}, "2": {} }, default: "1" } });
  });

  async function forgets(
    send: (path: string) => Promise<unknown>,
    kept = (path: string) => path,
  ): Promise<boolean> {
    const path = stand.fresh();
    const one = text(await stand.get(kept(path)));
    assert.equal(text(await stand.get(kept(path))), one);
    await send(path);
    return text(await stand.get(kept(path))) !== one;
  }

  for (const method of ["POST", "PUT", "PATCH", "DELETE"]) {
    test(`makes the cache forget its target: ${method}`, async () => {
      writable(stand);
      assert.equal(await forgets((path) => stand.send(method, path)), true);
    });
  }

  for (const [status, expected] of [
    ...([200, 201, 202, 204, 303] as const).map((one) => [one, true] as const),
    ...([400, 404, 409, 412, 500, 503] as const).map((one) => [one, false] as const),
  ]) {
    test(`${expected ? "and is answered" : "changes nothing where it is answered"} with ${status}`, async () => {
      writable(stand, status);
      const done = (path: string) => stand.send("PUT", path);
      if (status === 204) stand.origin.answer = without204Body(stand.origin.answer);
      assert.equal(await forgets(done), expected);
    });
  }

  test("makes it forget the target with every query and in every version", async () => {
    writable(stand);
    const put = (path: string) => stand.send("PUT", `${path}?x=2`);
    assert.equal(await forgets(put, (path) => `${path}?x=1`), true);
    assert.equal(await forgets(put, (path) => `/v2${path}`), true);
    assert.equal(await forgets((path) => stand.send("PUT", `/v2${path}`)), true);
  });

  for (const name of ["Location", "Content-Location"]) {
    test(`makes it forget what ${name} names on the same host`, async () => {
      const path = stand.fresh();
      const at = async (value: string) => {
        writable(stand, 201, `${name}: ${value}\r\n`);
        return forgets(
          () => stand.send("POST", "/elsewhere"),
          () => path,
        );
      };
      assert.equal(await at(path), true);
      assert.equal(await at(`http://example${path}`), true);
      assert.equal(await at(`http://other${path}`), false);
      assert.equal(await at("http://["), false);
    });
  }

  test("may come without a host", async () => {
    writable(stand, 201, "Location: /somewhere\r\n");
    const response = await askOnce(stand.gateway.port, "POST /a HTTP/1.0\r\nContent-Length: 0\r\n\r\n");
    assert.equal(response.status, 201);
  });

  test("leaves other paths alone", async () => {
    writable(stand);
    assert.equal(await forgets((path) => stand.send("PUT", `${path}/below`)), false);
    assert.equal(await forgets(() => stand.send("PUT", "/")), false);
  });

  test("makes it forget its target, too, where the upstream took it and gave no answer", async () => {
    const path = stand.fresh();
    writable(stand);
    const one = text(await stand.get(path));
    const { answer: before } = stand.origin;
    stand.origin.answer = (request, socket) => {
      if (request.method === "GET") return before(request, socket);
      socket.destroy();
      return null;
    };
    assert.equal((await stand.send("POST", path)).status, 502);
    assert.notEqual(text(await stand.get(path)), one);
  });

  test("makes it forget its target, too, where the client did not wait for the answer", async () => {
    const path = stand.fresh();
    writable(stand);
    const one = text(await stand.get(path));
    const { answer: before } = stand.origin;
    stand.origin.answer = (request, socket) => (request.method === "GET" ? before(request, socket) : null);
    stand.origin.reset();
    const client = await RawClient.to(stand.gateway.port);
    client.send(post(path, "x"));
    await eventually("the upstream has it", () => stand.origin.requests.length === 1);
    client.socket.resetAndDestroy();
    await eventually("it is forgotten", async () => text(await stand.get(path)) !== one);
  });

  test("makes an answer that was on its way none to keep", async () => {
    const path = stand.fresh();
    const held: Socket[] = [];
    stand.origin.answer = ({ method }, socket) => {
      if (method !== "GET") return answer("done");
      held.push(socket);
      return null;
    };
    const slow = stand.get(path);
    await eventually("the upstream has it", () => held.length === 1);
    await stand.send("PUT", path);
    stand.origin.answer = () => answer("from after", LONG);
    assert.equal(text(await stand.get(path)), "from after", "nobody waits for the old one");
    held[0]?.write(answer("from before", LONG));
    assert.equal(text(await slow), "from before");
    const again = await stand.get(path);
    assert.equal(text(again), "from after");
    assert.match(cacheStatus(again), /hit/, "the old one has not taken the place of the new one");
  });

  test("leaves something to ask again with, so that what did not change need not come again", async () => {
    const path = stand.fresh();
    stand.origin.answer = ({ method, fields }) => {
      if (method !== "GET") return answer("done");
      const known = fields.some(([name, value]) => name === "If-None-Match" && value === '"v"');
      return known
        ? `HTTP/1.1 304 Not Modified\r\nETag: "v"\r\n${LONG}\r\n`
        : answer("same", `ETag: "v"\r\n${LONG}`);
    };
    await stand.get(path);
    await stand.send("POST", path);
    const checked = await stand.get(path);
    assert.equal(text(checked), "same");
    assert.match(cacheStatus(checked), /fwd=stale; fwd-status=304/);
    assert.match(cacheStatus(await stand.get(path)), /hit/);
  });
});

function without204Body(before: RecordingOrigin["answer"]): RecordingOrigin["answer"] {
  return (request, socket) =>
    request.method === "GET" ? before(request, socket) : "HTTP/1.1 204 No Content\r\n\r\n";
}

describe("two lanes", () => {
  test("both forget at once: no answer from before is given by any after the change was answered", async () => {
    const origin = await RecordingOrigin.start();
    let version = 0;
    origin.answer = ({ method }) => {
      if (method !== "GET") version++;
      return answer(String(version), LONG);
    };
    const gateway = await startChildGateway({
      lanes: 2,
      upstreams: { origin: { targets: [origin.url] } },
      routes: [{ path: "/*", to: { upstream: "origin" }, policies: [{ cache: {} }] }],
    });
    try {
      for (let round = 1; round <= 10; round++) {
        // New connections spread over the lanes.
        await Promise.all(Array.from({ length: 16 }, () => askOnce(gateway.port, get("/a"))));
        await askOnce(gateway.port, post("/a", "x"));
        const seen = await Promise.all(Array.from({ length: 16 }, () => askOnce(gateway.port, get("/a"))));
        assert.deepEqual(new Set(seen.map(text)), new Set([String(round)]));
      }
      const asked = origin.requests.filter(({ method }) => method === "GET").length;
      assert.ok(asked <= 2 * 11, `${asked} requests for 11 states in two lanes`);
    } finally {
      await gateway.stop();
      await origin.stop();
    }
  });
});
