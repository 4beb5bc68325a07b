import { startGateway, type TestGateway } from "../harness/gateway.ts";
import { ok, RecordingOrigin } from "../harness/origin.ts";
import type { RawResponse } from "../harness/raw.ts";

/** A gateway with routes that look at keys, and the origin behind it. */
export interface Stand {
  readonly gateway: TestGateway;
  readonly origin: RecordingOrigin;
  readonly port: number;
  stop(): Promise<void>;
}

export interface StandOptions {
  /** Options of the policy, by the path of a route. */
  readonly routes: Readonly<Record<string, Record<string, unknown>>>;
  /** Beside `targets`. */
  readonly upstream?: Readonly<Record<string, unknown>>;
  readonly config?: Readonly<Record<string, unknown>>;
  /** Policies in front of every route's own. */
  readonly before?: readonly unknown[];
  readonly time?: "real" | "by hand";
}

export async function startStand({
  routes,
  upstream = {},
  config = {},
  before = [],
  time = "real",
}: StandOptions): Promise<Stand> {
  const origin = await RecordingOrigin.start();
  const gateway = await startGateway(
    {
      store: { records: "sqlite:./records.db" },
      upstreams: { origin: { targets: [origin.url], ...upstream } },
      routes: Object.entries(routes).map(([path, options]) => ({
        path,
        to: { upstream: "origin" },
        policies: [...before, { idempotency: options }],
      })),
      ...config,
    },
    { time },
  );
  return {
    gateway,
    origin,
    port: gateway.port,
    async stop() {
      await gateway.stop();
      await origin.stop();
    },
  };
}

let made = 0;
/** One that no other test has. */
export const newKey = (): string => `key-${process.pid}-${++made}`;

/** A request with a key. */
export function keyed(path: string, key: string, body = "{}", fields = "", method = "POST"): string {
  return `${method} ${path} HTTP/1.1\r\nHost: example\r\nContent-Length: ${Buffer.byteLength(body)}\r\nIdempotency-Key: ${key}\r\n${fields}\r\n${body}`;
}

/** An origin's answer, another one each time. */
export function counting(): () => Buffer {
  let count = 0;
  return () => ok(JSON.stringify({ execution: ++count }), "Content-Type: application/json\r\n");
}

export const only = ({ headers }: RawResponse, name: string): string | undefined => {
  const values = headers.get(name) ?? [];
  if (values.length > 1) throw new Error(`${name} is there ${values.length} times`);
  return values[0];
};

export const isReplay = (response: RawResponse): boolean => only(response, "idempotent-replayed") === "true";
