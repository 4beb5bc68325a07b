import { afterEach } from "node:test";
import { type GatewayOptions, startGateway, type TestGateway } from "../harness/gateway.ts";
import { type Answer, RecordingOrigin } from "../harness/origin.ts";
import { RawClient } from "../harness/raw.ts";

const cleanups: (() => unknown)[] = [];

/** Ends, after each test, what it has started. To be called once by a file of tests. */
export function cleanUpAfterEach(): void {
  afterEach(async () => {
    for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  });
}

export function cleanUp(cleanup: () => unknown): void {
  cleanups.push(cleanup);
}

export async function startOrigin(answer?: Answer): Promise<RecordingOrigin> {
  const origin = await RecordingOrigin.start(answer);
  cleanUp(() => origin.stop());
  return origin;
}

/** A gateway with one upstream, `origin`, at these targets; time stands still in it unless it is to be real. */
export async function startWith(
  upstream: { readonly targets: readonly string[] } & Record<string, unknown>,
  options: GatewayOptions & { readonly route?: object } = {},
): Promise<TestGateway> {
  const { route, ...rest } = options;
  const gateway = await startGateway(
    {
      upstreams: { origin: upstream },
      routes: [{ name: "all", path: "/*", to: { upstream: "origin" }, ...route }],
    },
    { time: "by hand", ...rest },
  );
  cleanUp(() => gateway.stop());
  return gateway;
}

export async function connect(port: number): Promise<RawClient> {
  const client = await RawClient.to(port);
  cleanUp(() => client.destroy());
  return client;
}

export const status = (code: number, fields = ""): string =>
  `HTTP/1.1 ${code} Status\r\nContent-Length: 0\r\n${fields}\r\n`;

/** The metrics, as somebody outside reads them. */
export async function metric(gateway: TestGateway, line: string): Promise<number> {
  const text = await (await fetch(`http://127.0.0.1:${gateway.adminPort}/metrics`)).text();
  const found = text.split("\n").find((one) => one.startsWith(`${line} `));
  return found === undefined ? 0 : Number(found.slice(line.length + 1));
}
