/** A gateway with a cache before an origin that counts, in a time that the test moves. */
import assert from "node:assert/strict";
import { after } from "node:test";
import { askOnce } from "../harness/ask.ts";
import { startGateway, type TestGateway } from "../harness/gateway.ts";
import type { HandClock } from "../harness/hand-clock.ts";
import { fieldsOf, type RecordedRequest, RecordingOrigin } from "../harness/origin.ts";
import { parseResponses, RawClient, type RawResponse } from "../harness/raw.ts";

export interface Stand {
  readonly gateway: TestGateway;
  readonly origin: RecordingOrigin;
  readonly clock: HandClock;
  /** Sends a request without a body, on a connection of its own. `fields` are lines, each with its CRLF. */
  send(method: string, path: string, fields?: string): Promise<RawResponse>;
  get(path: string, fields?: string): Promise<RawResponse>;
  /** What the origin has been asked for, in order: `GET /a`. */
  asked(): string[];
  /** A path that no test has used. */
  fresh(): string;
}

const opened: { stop(): Promise<void> }[] = [];
after(async () => {
  await Promise.all(opened.map((one) => one.stop()));
});

/** Removed when the tests of the file are over. */
export async function startStand(
  cache: Record<string, unknown> = {},
  more: Record<string, unknown> = {},
  policies: readonly unknown[] = [],
): Promise<Stand> {
  const origin = await RecordingOrigin.start();
  opened.push(origin);
  const gateway = await startGateway(
    {
      upstreams: { origin: { targets: [origin.url] } },
      routes: [{ path: "/*", to: { upstream: "origin" }, policies: [...policies, { cache }] }],
      ...more,
    },
    { time: "by hand" },
  );
  opened.push(gateway);
  let paths = 0;
  const send = async (method: string, path: string, fields = ""): Promise<RawResponse> => {
    const request = `${method} ${path} HTTP/1.1\r\nHost: example\r\n${fields}\r\n`;
    return method === "HEAD" ? headOnly(gateway.port, request) : askOnce(gateway.port, request);
  };
  return {
    ...{ gateway, origin, clock: gateway.clock, send },
    get: (path, fields) => send("GET", path, fields),
    asked: () => origin.requests.map(({ method, target }) => `${method} ${target}`),
    fresh: () => `/r${paths++}`,
  };
}

/** The answer to HEAD: its Content-Length announces nothing. */
async function headOnly(port: number, request: string): Promise<RawResponse> {
  const client = await RawClient.to(port);
  try {
    client.send(request);
    await client.until(() => client.text.includes("\r\n\r\n"));
    const [response] = parseResponses(
      Buffer.from(client.text.replace(/^content-length/im, "X-Length"), "latin1"),
    );
    if (response === undefined) throw new Error("unreachable");
    return response;
  } finally {
    client.destroy();
  }
}

/** An answer with that body; `fields` are lines, each with its CRLF. */
export function answer(body: string, fields = "", status = 200): string {
  return `HTTP/1.1 ${status} Some Reason\r\nContent-Length: ${body.length}\r\n${fields}\r\n${body}`;
}

export const cacheControl = (value: string): string => `Cache-Control: ${value}\r\n`;

/** Numbers its answers, so that two of them are never the same. */
export function counting(fields: string | ((request: RecordedRequest) => string)) {
  let count = 0;
  return (request: RecordedRequest) =>
    answer(`answer ${++count}`, typeof fields === "string" ? fields : fields(request));
}

/** 304 to whoever has this tag, a numbered answer to others. */
export function validating(tag: string, fields: string) {
  let count = 0;
  return (request: RecordedRequest) =>
    fieldsOf(request, "if-none-match").includes(tag)
      ? `HTTP/1.1 304 Not Modified\r\nETag: ${tag}\r\n${fields}\r\n`
      : answer(`answer ${++count}`, `ETag: ${tag}\r\n${fields}`);
}

export const field = (response: RawResponse, name: string): string | undefined =>
  response.headers.get(name)?.join(", ");

/** Our own member of Cache-Status. */
export const cacheStatus = (response: RawResponse): string => field(response, "cache-status") ?? "";

export const text = (response: RawResponse): string => response.body.toString();

/** Asks twice for a new path: whether the second answer is the first one again. */
export async function keeps(stand: Stand, fields: string, request = "", second = request): Promise<boolean> {
  const path = stand.fresh();
  stand.origin.answer = counting(fields);
  const one = await stand.get(path, request);
  const two = await stand.get(path, second);
  assert.equal(cacheStatus(two).startsWith("turnpike; hit"), text(one) === text(two), cacheStatus(two));
  return text(one) === text(two);
}
