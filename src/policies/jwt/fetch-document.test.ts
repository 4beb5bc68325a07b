import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type Server } from "node:net";
import { after, before, describe, test } from "node:test";
import { fetchDocument } from "./fetch-document.ts";

describe("fetchDocument (SSRF-1, SSRF-2, W-01, W-02)", () => {
  let sink: Server;
  let port: number;
  let connections = 0;
  before(async () => {
    sink = createServer((socket) => {
      connections += 1;
      socket.destroy();
    }).listen(0, "::");
    await once(sink, "listening");
    ({ port } = sink.address() as { port: number });
  });
  after(() => sink.close());

  const fetchFrom = (host: string, allowPrivate = false) =>
    fetchDocument({ url: new URL(`http://${host}:${port}/`), allowPrivate, ca: undefined, most: 1000 })
      .result;

  // `localhost` is a name as any other: what it resolves to is what counts.
  const hosts = [
    "localhost",
    "LOCALHOST",
    "127.0.0.1",
    "127.1",
    "2130706433",
    "0x7f.1",
    "017700000001",
  ].concat(["0.0.0.0", "[::1]", "[::ffff:127.0.0.1]", "[::]", "[::127.0.0.1]", "127。0。0。1"]);
  for (const host of hosts) {
    test(`never connects to ${host}`, async () => {
      await assert.rejects(fetchFrom(host), /private or local address/);
      assert.equal(connections, 0);
    });
  }

  test("connects there where it is told to", async () => {
    await assert.rejects(fetchFrom("localhost", true), /socket hang up|ECONNRESET/);
    assert.equal(connections, 1);
  });

  test("does not go by a proxy of the environment", async () => {
    const seen = connections;
    for (const name of ["HTTP_PROXY", "http_proxy", "NODE_USE_ENV_PROXY"])
      process.env[name] = name === "NODE_USE_ENV_PROXY" ? "1" : `http://127.0.0.1:${port}`;
    try {
      const gone = fetchDocument({
        url: new URL("http://127.0.0.1:1/"),
        allowPrivate: true,
        ca: undefined,
        most: 1,
      });
      await assert.rejects(gone.result, /ECONNREFUSED/);
      assert.equal(connections, seen);
    } finally {
      for (const name of ["HTTP_PROXY", "http_proxy", "NODE_USE_ENV_PROXY"]) delete process.env[name];
    }
  });
});
