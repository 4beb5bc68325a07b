/** TLS-1, SEC-1, D-02: what a client sees of TLS, from outside with OpenSSL and Node's own clients. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { after, before, describe, test } from "node:test";
import { type ConnectionOptions, connect as connectTls, type TLSSocket } from "node:tls";
import { codeOf, Stand } from "../conformance/stand.ts";
import { CertificateFolder } from "../harness/certificates.ts";
import { eventually } from "../harness/eventually.ts";
import { Http2Client } from "../harness/http2-client.ts";
import { fieldsOf } from "../harness/origin.ts";
import { parseResponses } from "../harness/raw.ts";

async function secure(port: number, options: ConnectionOptions = {}): Promise<TLSSocket> {
  const socket = connectTls({ port, host: "127.0.0.1", rejectUnauthorized: false, ...options });
  await once(socket, "secureConnect");
  socket.on("error", () => {});
  return socket;
}

/** Everything up to the end of the connection. */
async function ask(socket: TLSSocket, request: string): Promise<Buffer> {
  const parts: Buffer[] = [];
  socket.on("data", (chunk: Buffer) => parts.push(chunk));
  socket.write(request);
  await once(socket, "close");
  return Buffer.concat(parts);
}

function sClient(port: number, ...args: string[]): Promise<string> {
  return new Promise((resolve) => {
    const child = execFile(
      "openssl",
      ["s_client", "-connect", `127.0.0.1:${port}`, ...args],
      { timeout: 10_000 },
      (_error, out, errors) => resolve(out + errors),
    );
    child.stdin?.end();
  });
}

const subjectOf = (socket: TLSSocket): unknown => socket.getPeerCertificate().subject?.CN;

const GET = "GET /x HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n";

describe("a TLS port", () => {
  const folder = new CertificateFolder();
  let stand: Stand;
  before(async () => {
    stand = await Stand.open({
      listen: {
        tls: [folder.make("a", ["a.test", "*.a.test"]), folder.make("b", ["b.test"], { key: "rsa:2048" })],
      },
    });
  });
  after(async () => {
    await stand.close();
    folder.remove();
  });

  test("shows the certificate for the name that the client asks for, and the first to everybody else", async () => {
    const rows = [
      ["a.test", "a"],
      ["B.TEST", "b"],
      ["one.a.test", "a"],
      ["two.one.a.test", "a"],
      ["nobody.test", "a"],
      [undefined, "a"],
    ] as const;
    for (const [servername, subject] of rows) {
      const socket = await secure(stand.gateway.port, servername === undefined ? {} : { servername });
      assert.equal(subjectOf(socket), subject, servername);
      socket.destroy();
    }
  });

  test("speaks HTTP/1.1 and tells the origin that it was https", async () => {
    const answer = await ask(await secure(stand.gateway.port), GET);
    assert.equal(parseResponses(answer)[0]?.body.toString(), "GET /x 0");
    const request = await stand.arrived("/x");
    assert.deepEqual(fieldsOf(request, "x-forwarded-proto"), ["https"]);
  });

  test("speaks HTTP/2 with whom ALPN says so", async () => {
    const client = new Http2Client(`https://127.0.0.1:${stand.gateway.port}`, { rejectUnauthorized: false });
    assert.equal((await client.ask("/h2", { ":method": "POST" }, "12345")).body, "POST /h2 5");
    assert.equal(client.session.alpnProtocol, "h2");
    const big = Buffer.alloc(900_000, "x");
    assert.equal((await client.ask("/big", { ":method": "PUT" }, big)).body, "PUT /big 900000");
    client.close();
    const socket = await secure(stand.gateway.port, { ALPNProtocols: ["http/1.1"] });
    assert.equal(socket.alpnProtocol, "http/1.1");
    socket.destroy();
  });

  test("speaks TLS 1.2 and 1.3 with forward secrecy, and nothing older or weaker", async () => {
    const { port } = stand.gateway;
    assert.match(await sClient(port, "-tls1_3"), /New, TLSv1\.3, Cipher is TLS_/);
    assert.match(await sClient(port, "-tls1_2"), /New, TLSv1\.2, Cipher is ECDHE-ECDSA-AES128-GCM/);
    assert.match(await sClient(port, "-tls1_2", "-servername", "b.test"), /Cipher is ECDHE-RSA-AES128-GCM/);
    const weak = [
      "AES128-SHA",
      "AES128-GCM-SHA256",
      "ECDHE-ECDSA-AES128-SHA",
      "ECDHE-ECDSA-AES128-SHA256",
      "DHE-RSA-AES128-GCM-SHA256",
      "NULL",
      "aNULL",
    ];
    for (const refused of [["-tls1"], ["-tls1_1"], ...weak.map((cipher) => ["-tls1_2", "-cipher", cipher])]) {
      const cipher = refused.includes("-cipher") ? [] : ["-cipher", "ALL:@SECLEVEL=0"];
      assert.doesNotMatch(
        await sClient(port, ...refused, ...cipher),
        /New, TLSv1\.[0-9], Cipher is [^(]/,
        refused.join(" "),
      );
    }
  });

  test("refuses renegotiation", async () => {
    const socket = await secure(stand.gateway.port, { maxVersion: "TLSv1.2" });
    const outcome = await new Promise((resolve) => {
      socket.on("error", () => resolve("refused"));
      socket.on("close", () => resolve("refused"));
      socket.renegotiate({}, (error) => resolve(error === null ? "renegotiated" : "refused"));
    });
    assert.equal(outcome, "refused");
    socket.destroy();
  });

  test("takes up a session again", async () => {
    const first = await secure(stand.gateway.port, { maxVersion: "TLSv1.2", servername: "a.test" });
    const session = first.getSession();
    assert.equal(first.isSessionReused(), false);
    first.destroy();
    const second = await secure(stand.gateway.port, {
      maxVersion: "TLSv1.2",
      servername: "a.test",
      session: session as Buffer,
    });
    assert.equal(second.isSessionReused(), true);
    second.destroy();
  });

  test("tells a client that speaks plain text so, in an answer that it can read", async () => {
    const response = await stand.ask("GET /evil?api_key=evil HTTP/1.1\r\nHost: a.test\r\n\r\n");
    assert.equal(response.status, 400);
    assert.equal(codeOf(response), "HTTPS_REQUIRED");
    assert.equal(response.headers.get("strict-transport-security"), undefined);
    await stand.audit();
  });

  test("insists on https in the errors that it answers itself, and leaves the answers of services alone", async () => {
    const [refused] = parseResponses(
      await ask(await secure(stand.gateway.port), GET.replace("/x", "/a%2fb")),
    );
    assert.deepEqual(refused?.headers.get("strict-transport-security"), ["max-age=31536000"]);
    const [passed] = parseResponses(await ask(await secure(stand.gateway.port), GET));
    assert.equal(passed?.headers.get("strict-transport-security"), undefined);
  });

  test("survives handshakes of any sort", async () => {
    const hello = Buffer.from("16030100050100000100", "hex");
    for (const bytes of [
      hello,
      Buffer.alloc(5, 0x16),
      Buffer.concat([hello, Buffer.alloc(20_000)]),
      Buffer.from("\x16GET / HTTP/1.1\r\n\r\n", "latin1"),
    ]) {
      const client = await stand.client();
      client.send(bytes);
      client.end();
      await client.untilClosed();
    }
    const gone = await stand.client();
    gone.destroy();
    assert.equal((await secure(stand.gateway.port)).authorized, false);
  });

  test("ends what is not whole by a reset, not by a close that looks like the end", async () => {
    stand.origin.answer = (_request, socket) => {
      socket.end("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
      return null;
    };
    const socket = connectTls({ port: stand.gateway.port, host: "127.0.0.1", rejectUnauthorized: false });
    const errors: unknown[] = [];
    socket.on("error", (error) => errors.push(error));
    socket.on("data", () => {});
    socket.write(GET);
    await new Promise((resolve) => socket.once("close", resolve));
    assert.equal(errors.length, 1);
  });
});

describe("a TLS handshake", () => {
  const folder = new CertificateFolder();
  let stand: Stand;
  before(async () => {
    stand = await Stand.open(
      { listen: { tls: { ...folder.make("a", ["a.test"]), minVersion: "1.3" } } },
      { time: "by hand" },
    );
  });
  after(async () => {
    await stand.close();
    folder.remove();
  });

  test("that is never finished, or never begun, is given up after the time for a head", async () => {
    const silent = await stand.client();
    const stuck = await stand.client();
    stuck.send(Buffer.from("1603010200", "hex"));
    await eventually("both are connected", () => silent.socket.readyState === "open");
    await secure(stand.gateway.port).then((socket) => socket.destroy());
    stand.gateway.clock.advance(10_100);
    await Promise.all([silent.untilClosed(), stuck.untilClosed()]);
  });

  test("by TLS 1.2 fails where the config wants 1.3", async () => {
    assert.doesNotMatch(await sClient(stand.gateway.port, "-tls1_2"), /New, TLSv1\.2, Cipher is ECDHE/);
    assert.match(await sClient(stand.gateway.port, "-tls1_3"), /New, TLSv1\.3/);
  });
});

describe("a certificate that is changed on disk", () => {
  test("is shown to new clients after a reload, and disturbs nobody who is connected", async () => {
    const folder = new CertificateFolder();
    const files = folder.make("old", ["a.test"]);
    await using stand = await Stand.open({ listen: { tls: files } });
    const { port } = stand.gateway;
    const kept = await secure(port);
    const received: Buffer[] = [];
    kept.on("data", (chunk: Buffer) => received.push(chunk));
    const h2 = new Http2Client(`https://127.0.0.1:${port}`, { rejectUnauthorized: false });
    assert.equal((await h2.ask("/before")).status, 200);

    const fresh = folder.make("new", ["a.test"]);
    for (const part of ["cert", "key"] as const) writeFileSync(files[part], readFileSync(fresh[part]));
    assert.equal(await stand.gateway.running.reload(), true);

    const next = await secure(port);
    assert.equal(subjectOf(next), "new");
    next.destroy();
    kept.write(GET);
    await once(kept, "close");
    assert.equal(parseResponses(Buffer.concat(received))[0]?.status, 200);
    assert.equal((await h2.ask("/after")).status, 200);
    h2.close();

    writeFileSync(files.key, "this is no key");
    assert.equal(await stand.gateway.running.reload(), false);
    const still = await secure(port);
    assert.equal(subjectOf(still), "new");
    still.destroy();
    folder.remove();
  });
});

describe("a port without TLS", () => {
  test("answers a TLS handshake with an error in plain text, and closes", async () => {
    await using stand = await Stand.open();
    const socket = connect(stand.gateway.port, "127.0.0.1");
    socket.write(Buffer.from("160301020001000001fc0303", "hex"));
    const [answer] = (await once(socket, "data")) as [Buffer];
    assert.match(answer.toString("latin1"), /^HTTP\/1\.1 400 .*MALFORMED_REQUEST/s);
    await once(socket, "close");
  });
});
