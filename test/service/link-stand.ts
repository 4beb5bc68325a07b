/** A lane in front and the service thread's end behind, in this thread, with a handler of the test in the service's place. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { makeServiceLink } from "../../src/backends/service/service.ts";
import { bodyLimit } from "../../src/core/body-limit.ts";
import type { Call } from "../../src/core/call.ts";
import type { Handler } from "../../src/core/handler.ts";
import type { Log } from "../../src/core/tools.ts";
import type { VersionsPlan } from "../../src/core/version.ts";
import { makeClientAddress } from "../../src/flow/client-address.ts";
import { makeFlow } from "../../src/flow/flow.ts";
import { splitTarget } from "../../src/flow/path.ts";
import { startTicker, systemClock } from "../../src/observe/ticker.ts";
import { makeServiceAcceptor } from "../../src/threads/service-acceptor.ts";
import { Generations, ServiceGeneration } from "../../src/threads/service-generations.ts";
import { HttpServer } from "../../src/wire/server.ts";

const FOREVER = Number.POSITIVE_INFINITY;
const LIMITS = {
  ...{ uri: 65_536, headers: 262_144, header: 65_536, headerCount: 1_000, body: FOREVER },
  ...{ connections: FOREVER, connectionsPerIp: FOREVER, requestsPerConnection: FOREVER },
};
const TIMEOUTS = { head: FOREVER, body: FOREVER, keepAlive: FOREVER, write: FOREVER };
const ERRORS = { docs: null, hsts: 0 };

export interface LinkStand extends AsyncDisposable {
  /** Of the lane. */
  readonly port: number;
  readonly generations: Generations;
  /** The call as it ended in the lane, last one last. */
  readonly calls: Call[];
  /** What was logged as an error, in either place. */
  readonly logged: unknown[];
  /** Nobody listens any more, and what is in flight is cut off: as when the thread ends. */
  kill(): Promise<void>;
  /** Another one listens in its place. */
  revive(): Promise<void>;
}

export interface LinkOptions {
  /** What policies would do to a call before it goes to the service. */
  readonly prepare?: (call: Call) => void;
  readonly versions?: VersionsPlan;
  readonly generation?: () => number;
  readonly trustedProxies?: readonly string[];
  readonly bodyLimit?: number;
}

export async function openLink(handler: Handler, options: LinkOptions = {}): Promise<LinkStand> {
  const folder = mkdtempSync(join(tmpdir(), "turnpike-link-"));
  const socket = join(folder, "s");
  const ticker = startTicker(systemClock);
  const logged: unknown[] = [];
  const log: Log = { info: () => {}, warn: () => {}, error: (fields) => logged.push(fields) };
  const world = { clock: systemClock, ticker };
  const generations = new Generations();
  generations.add(1, new ServiceGeneration({ handler, close: () => {} }, options.versions ?? null));
  const open = async (): Promise<HttpServer> => {
    rmSync(socket, { force: true });
    const acceptor = makeServiceAcceptor({ generations, clock: systemClock, log, errors: ERRORS });
    const server = new HttpServer({ ...world, acceptor, limits: LIMITS, timeouts: TIMEOUTS, http2: false });
    await server.listenOn(socket);
    return server;
  };
  let service = await open();
  const link = makeServiceLink(socket, world);
  const route = { name: "api", path: "/*", methods: [] };
  let ids = 0;
  const calls: Call[] = [];
  const toService = bodyLimit(options.bodyLimit ?? FOREVER)((call) =>
    link.handler({ set: [], remove: [] }, options.generation?.() ?? 1)(call),
  );
  const flow = makeFlow({
    plan: { errors: ERRORS },
    clock: systemClock,
    log,
    newId: () => `req_${++ids}`,
    isId: () => false,
    clientAddress: makeClientAddress(options.trustedProxies ?? []),
    record: (call) => calls.push(call),
    route: (call) => {
      Object.assign(call.request, splitTarget(call.request.target));
      call.route = route;
      options.prepare?.(call);
      return toService(call);
    },
  });
  const lane = new HttpServer({ ...world, acceptor: flow, limits: LIMITS, timeouts: TIMEOUTS });
  const port = await lane.listen("127.0.0.1", 0);
  const kill = async () => {
    rmSync(socket, { force: true });
    service.destroy();
    await service.close(0);
  };
  return {
    ...{ port, generations, calls, logged, kill },
    revive: async () => {
      service = await open();
    },
    async [Symbol.asyncDispose]() {
      await kill();
      lane.destroy();
      link.close();
      await lane.close(0);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
