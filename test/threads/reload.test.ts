/** Hot reload: a gateway in a process of its own, whose config changes under load. */
import assert from "node:assert/strict";
import { afterEach, describe, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { askOnce, get } from "../harness/ask.ts";
import { type ChildGateway, startChildGateway } from "../harness/child-gateway.ts";
import { eventually } from "../harness/eventually.ts";
import { Load } from "../harness/load.ts";
import { RecordingOrigin } from "../harness/origin.ts";
import { RawClient, type RawResponse } from "../harness/raw.ts";

/** With TURNPIKE_FULL=1: 200 reloads in a minute. */
const RELOADS = process.env["TURNPIKE_FULL"] === "1" ? 200 : 30;
const EVERY_MS = 300;

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** The generation stands in four places that are made in different parts of a plan; the origin tells two of them. */
function config(generation: number, origin: string): Record<string, unknown> {
  const n = String(generation);
  return {
    lanes: 2,
    upstreams: { [`origin-${n}`]: { targets: [origin] } },
    routes: [
      {
        name: "all",
        path: "/*",
        to: { upstream: `origin-${n}`, rewrite: `/g${n}/*` },
        headers: { request: { set: { "X-Sent": n } }, response: { set: { "X-Answered": n } } },
      },
      { name: "fixed", path: "/fixed", to: { fixed: { headers: { "X-Fixed": n }, body: n } } },
    ],
  };
}

async function setUp(): Promise<{ origin: RecordingOrigin; gateway: ChildGateway }> {
  const origin = await RecordingOrigin.start();
  cleanups.push(() => origin.stop());
  origin.answer = ({ target, fields }) => {
    const sent = fields.find(([name]) => name.toLowerCase() === "x-sent")?.[1] ?? "none";
    const body = `${target} ${sent}`;
    return `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
  };
  const gateway = await startChildGateway(config(0, origin.url), { requests: false });
  cleanups.push(() => gateway.stop());
  return { origin, gateway };
}

/** The generations that an answer shows, each once. */
function generations(response: RawResponse): string[] {
  const [, path, sent] = /^\/g(\d+)\/\S* (\d+)$/.exec(response.body.toString()) ?? [];
  return [...new Set([path, sent, response.headers.get("x-answered")?.[0]].map(String))];
}

const oneGeneration = (response: RawResponse): string | null => {
  if (response.status !== 200) return `status ${response.status}`;
  const seen = generations(response);
  return seen.length === 1 && seen[0] !== "undefined" ? null : `saw ${seen.join(" and ")}`;
};

async function showing(gateway: ChildGateway, generation: number): Promise<void> {
  await eventually(`generation ${generation} is in force in both lanes`, async () => {
    const seen = await Promise.all(
      Array.from({ length: 8 }, async () => generations(await askOnce(gateway.port, get("/x"))).join()),
    );
    return seen.every((one) => one === String(generation));
  });
}

describe("a reload", () => {
  test(`fails no request, ${RELOADS} times under load, and every request sees one config`, {
    timeout: 150_000,
  }, async () => {
    const { origin, gateway } = await setUp();
    const load = new Load(gateway.port, 16, (n) => get(`/load/${n}`), oneGeneration);
    cleanups.push(() => load.stop());
    await eventually("there is load", () => load.answered > 200);
    for (let generation = 1; generation <= RELOADS; generation++) {
      if (generation % 10 === 0) await gateway.rewriteText("routes: [");
      else await gateway.rewrite(config(generation, origin.url));
      gateway.signal("SIGHUP");
      await delay(EVERY_MS);
    }
    await gateway.rewrite(config(RELOADS + 1, origin.url));
    await showing(gateway, RELOADS + 1);
    const before = load.answered;
    await eventually("the load goes on", () => load.answered > before + 100);
    await load.stop();
    assert.deepEqual(load.failed, [], `of ${load.answered}`);
    const metrics = (await askOnce(gateway.adminPort, get("/metrics"))).body.toString();
    const count = (result: string): number =>
      Number(new RegExp(`reloads_total{result="${result}"} (\\d+)`).exec(metrics)?.[1]);
    assert.ok(count("refused") >= RELOADS / 10, "every tenth is refused");
    // A signal that comes while a reload waits for its turn is served by that one.
    assert.ok(count("applied") + count("refused") >= RELOADS * 0.9, metrics);
  });

  test("needs no signal: a changed file is noticed", async () => {
    const { origin, gateway } = await setUp();
    await gateway.rewrite(config(1, origin.url));
    await showing(gateway, 1);
  });

  test("with a broken file is refused with the place and the reason, and traffic goes on as it was", async () => {
    const { gateway } = await setUp();
    await gateway.rewriteText("routes:\n  - { path: /x, to: { upstrem: nowhere } }\n");
    gateway.signal("SIGHUP");
    await eventually("the reason is logged", () => gateway.stderr().includes("refused"));
    assert.match(gateway.stderr(), /turnpike\.yaml:2:\d+: routes\[0\]\.to.*upstrem/);
    await showing(gateway, 0);
    const metrics = (await askOnce(gateway.adminPort, get("/metrics"))).body.toString();
    assert.match(metrics, /^turnpike_config_reloads_total\{result="refused"\} [1-9]/m);
  });

  test("of what needs a restart is refused and says so", async () => {
    const { origin, gateway } = await setUp();
    await gateway.rewrite({ ...config(1, origin.url), lanes: 1 });
    await eventually("the reason is logged", () =>
      /lanes: was 2; a change takes effect with a restart only/.test(gateway.stderr()),
    );
    await showing(gateway, 0);
  });

  test("lets a call that is under way end under the config that it began with", async () => {
    const { origin, gateway } = await setUp();
    const answer = origin.answer;
    const held = Promise.withResolvers<void>();
    const arrived = Promise.withResolvers<void>();
    origin.answer = (request, socket) => {
      arrived.resolve();
      void held.promise.then(() => socket.write(answer(request, socket) as string));
      return null;
    };
    const client = await RawClient.to(gateway.port);
    cleanups.push(() => client.destroy());
    client.send(get("/slow"));
    await arrived.promise;
    origin.answer = answer;
    await gateway.rewrite(config(1, origin.url));
    await showing(gateway, 1);
    held.resolve();
    assert.deepEqual(generations(await client.response()), ["0"]);
    client.received = Buffer.alloc(0);
    client.send(get("/next"));
    assert.deepEqual(generations(await client.response()), ["1"]);
  });
});
