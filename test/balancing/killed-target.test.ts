/** RTY-10: a target that dies costs no client an error while another one lives and the call may be repeated. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { after, describe, test } from "node:test";
import { errorCode, get } from "../harness/ask.ts";
import { type ChildGateway, startChildGateway } from "../harness/child-gateway.ts";
import { eventually } from "../harness/eventually.ts";
import { Load } from "../harness/load.ts";
import type { RawResponse } from "../harness/raw.ts";

const SERVICE = `
  const server = require("node:http").createServer((request, response) => response.end("ok"));
  server.listen(Number(process.argv[1] ?? 0), "127.0.0.1", () => console.log(server.address().port));
`;

interface Origin {
  readonly child: ChildProcess;
  readonly port: number;
}

const check = (response: RawResponse): string | null =>
  response.status === 200 ? null : `${response.status} ${errorCode(response)}`;

describe("one of three targets under load", () => {
  const cleanups: (() => unknown)[] = [];
  after(async () => {
    for (const clean of cleanups.reverse()) await clean();
  });

  async function startOrigin(port = 0): Promise<Origin> {
    const child = spawn(process.execPath, ["-e", SERVICE, String(port)], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    cleanups.push(() => child.kill("SIGKILL"));
    const [line] = (await once(child.stdout, "data")) as [Buffer];
    return { child, port: Number(line.toString()) };
  }

  async function start(origins: readonly Origin[], more: object): Promise<ChildGateway> {
    const carrier = { targets: origins.map(({ port }) => `http://127.0.0.1:${port}`), ...more };
    const routes = [{ name: "all", path: "/*", to: { upstream: "carrier" } }];
    const gateway = await startChildGateway({ upstreams: { carrier }, routes }, { requests: false });
    cleanups.push(() => gateway.stop());
    return gateway;
  }

  /** Lets so many more calls be answered. */
  const more = (load: Load, count: number) => {
    const goal = load.answered + count;
    return eventually("calls are answered", () => load.answered >= goal || load.failed.length > 0, 60_000);
  };

  test("is killed, and comes back: no GET fails", async () => {
    const origins = await Promise.all([1, 2, 3].map(() => startOrigin()));
    const [victim] = origins as [Origin, ...Origin[]];
    const gateway = await start(origins, {
      retry: {},
      ejection: { for: "1s" },
      healthCheck: { path: "/", every: "200ms", timeout: "1s", unhealthy: 2, healthy: 1 },
    });
    const load = new Load(gateway.port, 12, () => get("/"), check);
    try {
      await more(load, 300);
      victim.child.kill("SIGKILL");
      await once(victim.child, "exit");
      await more(load, 800);
      await startOrigin(victim.port);
      await more(load, 800);
    } finally {
      await load.stop();
    }
    assert.deepEqual(
      load.failed.map((text) => text.slice(0, 60)),
      [],
    );
  });

  test("stops answering: no GET fails, and it is out after a few", async () => {
    const origins = await Promise.all([1, 2, 3].map(() => startOrigin()));
    const [victim] = origins as [Origin, ...Origin[]];
    const gateway = await start(origins, {
      // Long enough for the others on a busy machine.
      retry: { attempts: 3, perTry: "1s", minimum: 50 },
      ejection: { for: "1h" },
    });
    const load = new Load(gateway.port, 12, () => get("/"), check);
    try {
      await more(load, 300);
      victim.child.kill("SIGSTOP");
      await eventually("it is out", async () => {
        const text = await (await fetch(`http://127.0.0.1:${gateway.adminPort}/metrics`)).text();
        return /turnpike_ejections_total\{[^}]*\} 1\n/.test(text);
      });
      await more(load, 300);
    } finally {
      await load.stop();
    }
    assert.deepEqual(
      load.failed.map((text) => text.slice(0, 60)),
      [],
    );
  });
});
