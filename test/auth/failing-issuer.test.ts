import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { errorCode } from "../harness/ask.ts";
import { eventually } from "../harness/eventually.ts";
import { issuer, jwt, local, newKey } from "./issuer-keys.ts";
import { IssuerServer } from "./issuer-server.ts";
import { type Stand, startSink, startStand } from "./stand.ts";

describe("an issuer that fails", () => {
  const key = newKey("key");

  async function withStand(work: (stand: Stand, server: IssuerServer) => Promise<void>): Promise<void> {
    const server = await IssuerServer.start();
    server.keys = [key.jwk];
    const stand = await startStand([jwt(issuer(local(server.url)))]);
    try {
      await work(stand, server);
    } finally {
      await stand.stop();
      await server.stop();
    }
  }

  const failures: readonly (readonly [string, NonNullable<IssuerServer["answer"]>])[] = [
    ["an error", (_, response) => response.writeHead(503).end()],
    ["nothing", (_, response) => response.writeHead(204).end()],
    ["a closed connection", (request) => request.socket.destroy()],
    ["text", (_, response) => response.end("<html>sign in</html>")],
    ["JSON of another kind", (_, response) => response.end('{"error":"x"}')],
    ["null", (_, response) => response.end("null")],
    ["duplicate members", (_, response) => response.end(`{"keys":[],"keys":[${JSON.stringify(key.jwk)}]}`)],
    [
      "more than 150 kB",
      (_, response) => response.end(`{"keys":[${JSON.stringify(key.jwk)}]}${" ".repeat(150_000)}`),
    ],
    [
      "more than a hundred keys",
      (_, response) => response.end(JSON.stringify({ keys: Array(101).fill(key.jwk) })),
    ],
    [
      "half of what it promised",
      (_, response) => response.writeHead(200, { "Content-Length": 9 }).write("{}"),
    ],
  ];
  for (const [name, answer] of failures) {
    test(`with ${name} makes nobody throw a good token away: 503, and a later try succeeds`, () =>
      withStand(async (stand, server) => {
        server.answer = answer;
        const asked = stand.bearer(key.token(stand.wall()));
        await eventually("a fetch", () => server.fetches === 1);
        stand.gateway.clock.advance(1500);
        const response = await asked;
        assert.equal(errorCode(response), "AUTH_UNAVAILABLE");
        assert.equal(response.headers.get("www-authenticate"), undefined);
        assert.match(response.headers.get("retry-after")?.join() ?? "", /^[1-9][0-9]?$/);
        server.answer = null;
        await eventually("it is back", async () => {
          stand.gateway.clock.advance(1000);
          return (await stand.bearer(key.token(stand.wall()))).status === 200;
        });
      }));
  }

  test("by silence is given up after a second and a half", () =>
    withStand(async (stand, server) => {
      server.answer = () => {};
      const asked = stand.bearer(key.token(stand.wall()));
      await eventually("a fetch", () => server.fetches === 1);
      stand.gateway.clock.advance(1500);
      assert.equal(errorCode(await asked), "AUTH_UNAVAILABLE");
    }));

  test("is asked less and less often", () =>
    withStand(async (stand, server) => {
      server.answer = (_, response) => response.writeHead(500).end();
      await stand.bearer(key.token(stand.wall()));
      assert.equal(server.fetches, 1);
      for (const [wait, fetches] of [
        [1000, 2],
        [1900, 2],
        [100, 3],
        [4000, 4],
        [8000, 5],
        [16_000, 6],
        [29_900, 6],
        [100, 7],
      ] as const) {
        stand.gateway.clock.advance(wait);
        await eventually(`fetch ${fetches}`, () => server.fetches === fetches);
        assert.equal(errorCode(await stand.bearer(key.token(stand.wall()))), "AUTH_UNAVAILABLE");
        assert.equal(server.fetches, fetches);
      }
    }));

  for (const status of [301, 302, 303, 307, 308]) {
    test(`by sending elsewhere with ${status} is not followed`, () =>
      withStand(async (stand, server) => {
        const sink = await startSink();
        const Location = `http://127.0.0.1:${sink.port}/`;
        server.answer = (_, response) => response.writeHead(status, { Location }).end();
        assert.equal(errorCode(await stand.bearer(key.token(stand.wall()))), "AUTH_UNAVAILABLE");
        assert.equal(server.fetches, 1);
        assert.equal(sink.connections(), 0);
        await sink.stop();
      }));
  }

  test("does not keep another one's tokens waiting", async () => {
    const dead = await IssuerServer.start();
    dead.answer = () => {};
    const alive = await IssuerServer.start();
    alive.keys = [key.jwk];
    const stand = await startStand([
      jwt(issuer(local(dead.url), { issuer: "https://dead.example" }), issuer(local(alive.url))),
    ]);
    try {
      const hanging = stand.bearer(key.token(stand.wall(), { iss: "https://dead.example" }));
      await eventually("a fetch", () => dead.fetches === 1);
      assert.equal((await stand.bearer(key.token(stand.wall()))).status, 200);
      stand.gateway.clock.advance(1500);
      assert.equal(errorCode(await hanging), "AUTH_UNAVAILABLE");
    } finally {
      await stand.stop();
      await dead.stop();
      await alive.stop();
    }
  });
});

test("keys come over TLS from an issuer whose certificate is trusted, and from no other", async () => {
  const folder = mkdtempSync(join(tmpdir(), "turnpike-jwks-"));
  const [keyFile, certFile] = [join(folder, "key.pem"), join(folder, "cert.pem")];
  execFileSync(
    "openssl",
    [
      "req",
      "-x509",
      "-newkey",
      "ec",
      "-pkeyopt",
      "ec_paramgen_curve:P-256",
      "-nodes",
      "-keyout",
      keyFile,
      "-out",
      certFile,
      "-days",
      "2",
      "-subj",
      "/CN=127.0.0.1",
      "-addext",
      "subjectAltName=IP:127.0.0.1",
    ],
    { stdio: "ignore" },
  );
  const server = await IssuerServer.start({
    key: readFileSync(keyFile, "utf8"),
    cert: readFileSync(certFile, "utf8"),
  });
  const key = newKey("key");
  server.keys = [key.jwk];
  const trusting = await startStand([jwt(issuer({ url: server.url, allowPrivate: true, ca: certFile }))]);
  const wary = await startStand([jwt(issuer({ url: server.url, allowPrivate: true }))]);
  try {
    assert.equal((await trusting.bearer(key.token(trusting.wall()))).status, 200);
    assert.equal(errorCode(await wary.bearer(key.token(wary.wall()))), "AUTH_UNAVAILABLE");
    assert.equal(server.fetches, 1);
  } finally {
    await trusting.stop();
    await wary.stop();
    await server.stop();
    rmSync(folder, { recursive: true });
  }
});
