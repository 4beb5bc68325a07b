/**
 * Bodies of any size, both ways, through a gateway in a process of its own: are they whole, and what memory do they
 * cost? `node test/faults/big-bodies.ts 1024` runs it with 1,024 MiB and prints what it measured.
 */
import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { createReadStream, createWriteStream } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type IncomingMessage, request, type Server } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { type ChildGateway, freePort, startChildGateway } from "../harness/child-gateway.ts";
import { eventually } from "../harness/eventually.ts";

const MIB = 1024 * 1024;

export interface Transfer {
  readonly what: string;
  readonly bytes: number;
  readonly whole: boolean;
  readonly seconds: number;
  /** Most resident memory while it ran, less what was resident before the first byte. */
  readonly growth: number;
}

export async function transferBigBodies(size: number): Promise<Transfer[]> {
  const folder = await mkdtemp(join(tmpdir(), "turnpike-big-"));
  const cleanups: (() => unknown)[] = [() => rm(folder, { recursive: true, force: true })];
  try {
    const file = join(folder, "body");
    const digest = await writeBody(file, size);
    const origin = await startHashingOrigin(file);
    cleanups.push(() => stopServer(origin));
    const nginx = await startNginx(folder);
    if (nginx !== null) cleanups.push(nginx.stop);
    const { port } = origin.address() as { port: number };
    const gateway = await startChildGateway({
      upstreams: {
        node: { targets: [`http://127.0.0.1:${port}`] },
        nginx: { targets: [`http://127.0.0.1:${nginx?.port ?? port}`] },
      },
      limits: { body: "unlimited" },
      routes: [
        { name: "node", path: "/node/*", to: { upstream: "node" } },
        { name: "file", path: "/body", to: { upstream: "nginx" } },
      ],
    });
    cleanups.push(() => gateway.stop());
    await download(gateway, "/node/empty");
    const measure = meter(gateway, size);
    const results = [
      await measure(`download from ${nginx === null ? "Node" : "NGINX"}, Content-Length`, async () => {
        return (await download(gateway, "/body")) === digest;
      }),
      await measure("download, chunked", async () => (await download(gateway, "/node/chunked")) === digest),
      await measure("upload, Content-Length", async () => (await upload(gateway, file, size)) === digest),
      await measure("upload, chunked", async () => (await upload(gateway, file, null)) === digest),
    ];
    return results;
  } finally {
    for (const cleanup of cleanups.reverse()) await cleanup();
  }
}

function meter(gateway: ChildGateway, bytes: number) {
  return async (what: string, run: () => Promise<boolean>): Promise<Transfer> => {
    const before = await gateway.rss();
    let most = before;
    const sampling = setInterval(() => {
      void gateway.rss().then(
        (rss) => {
          most = Math.max(most, rss);
        },
        () => {},
      );
    }, 20);
    const begun = performance.now();
    try {
      const whole = await run();
      most = Math.max(most, await gateway.rss());
      return { what, bytes, whole, seconds: (performance.now() - begun) / 1000, growth: most - before };
    } finally {
      clearInterval(sampling);
    }
  };
}

/** Bytes that do not repeat within a megabyte, nor from one megabyte to the next. */
async function writeBody(file: string, size: number): Promise<string> {
  const hash = createHash("sha256");
  function* pieces(): Generator<Buffer> {
    const base = createHash("shake256", { outputLength: MIB }).update("turnpike").digest();
    for (let at = 0, n = 0; at < size; at += MIB, n++) {
      const piece = Buffer.from(base.subarray(0, Math.min(MIB, size - at)));
      if (piece.length >= 8) piece.writeDoubleBE(n + 0.5, piece.length - 8);
      hash.update(piece);
      yield piece;
    }
  }
  await pipeline(Readable.from(pieces()), createWriteStream(file));
  return hash.digest("hex");
}

/** Answers uploads with the hash of what came, and downloads with the file. */
async function startHashingOrigin(file: string): Promise<Server> {
  const server = createServer((incoming, answer) => {
    if (incoming.method === "POST") {
      void hashOf(incoming).then((digest) => answer.end(digest));
    } else if (incoming.url === "/node/chunked" || incoming.url === "/body") {
      createReadStream(file, { highWaterMark: 100_003 }).pipe(answer);
    } else {
      answer.end();
    }
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return server;
}

async function stopServer(server: Server): Promise<void> {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
}

async function startNginx(folder: string): Promise<{ port: number; stop(): Promise<void> } | null> {
  if (spawnSync("nginx", ["-v"]).status !== 0) return null;
  const port = await freePort();
  const config = join(folder, "nginx.conf");
  await writeFile(
    config,
    `daemon off; master_process off; pid ${folder}/nginx.pid; error_log ${folder}/nginx.log;
     events {}
     http { access_log off; sendfile on; client_body_temp_path ${folder}; proxy_temp_path ${folder};
            fastcgi_temp_path ${folder}; uwsgi_temp_path ${folder}; scgi_temp_path ${folder};
            server { listen 127.0.0.1:${port}; root ${folder}; } }`,
  );
  const child = spawn("nginx", ["-c", config, "-p", folder], { stdio: "ignore" });
  const exited = once(child, "exit");
  await eventually("NGINX listens", () =>
    fetch(`http://127.0.0.1:${port}/`).then(
      () => true,
      () => false,
    ),
  );
  return {
    port,
    async stop() {
      child.kill("SIGKILL");
      await exited;
    },
  };
}

async function hashOf(stream: IncomingMessage): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of stream) hash.update(chunk as Buffer);
  return hash.digest("hex");
}

async function download(gateway: ChildGateway, path: string): Promise<string> {
  const sent = request({ host: "127.0.0.1", port: gateway.port, path, agent: false }).end();
  const [answer] = (await once(sent, "response")) as [IncomingMessage];
  return hashOf(answer);
}

/** What the origin says the hash of the upload was. */
async function upload(gateway: ChildGateway, file: string, length: number | null): Promise<string> {
  const sent = request({
    host: "127.0.0.1",
    port: gateway.port,
    path: "/node/upload",
    method: "POST",
    agent: false,
    headers: length === null ? { "Transfer-Encoding": "chunked" } : { "Content-Length": length },
  });
  const answered = once(sent, "response") as Promise<[IncomingMessage]>;
  await pipeline(createReadStream(file, { highWaterMark: 99_991 }), sent);
  const [answer] = await answered;
  let digest = "";
  for await (const chunk of answer) digest += (chunk as Buffer).toString();
  return digest;
}

if (import.meta.main) {
  for (const transfer of await transferBigBodies(Number(process.argv[2] ?? 1024) * MIB)) {
    const { what, bytes, whole, seconds, growth } = transfer;
    process.stdout.write(
      `${what}: ${bytes / MIB} MiB in ${seconds.toFixed(1)} s, ${whole ? "hash equal" : "DAMAGED"}, ` +
        `RSS +${(growth / MIB).toFixed(1)} MiB\n`,
    );
  }
}
