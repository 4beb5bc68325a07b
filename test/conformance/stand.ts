/**
 * What the conformance tests share: a gateway between hostile clients and an origin that records every byte.
 *
 * Inside attacks the word `evil` marks what must never reach an origin; requests that may be forwarded never have
 * it. So one look at all bytes that an origin got tells whether anything leaked, however it was cut up.
 */
import assert from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";
import { type GatewayOptions, startGateway, type TestGateway } from "../harness/gateway.ts";
import { type Answer, fieldsOf, ok, type RecordedRequest, RecordingOrigin } from "../harness/origin.ts";
import { parseResponses, RawClient, type RawResponse } from "../harness/raw.ts";

/** Tells every requester what it asked, so that a crossed answer shows. */
export const echo: Answer = ({ method, target, body }) =>
  method === "HEAD" ? ok("") : ok(`${method} ${target} ${body.length}`);

export interface StandOptions {
  readonly answer?: Answer;
  /** Settings of the upstream `origin`. */
  readonly upstream?: Record<string, unknown>;
  /** Upstreams beside it. */
  readonly others?: Record<string, unknown>;
}

export class Stand {
  readonly origin: RecordingOrigin;
  readonly gateway: TestGateway;
  #victims = 0;

  private constructor(origin: RecordingOrigin, gateway: TestGateway) {
    this.origin = origin;
    this.gateway = gateway;
  }

  /** Without routes in `config`, everything goes to the origin, which is the upstream `origin`. */
  static async open(
    config: Record<string, unknown> = {},
    options: GatewayOptions & StandOptions = {},
  ): Promise<Stand> {
    const origin = await RecordingOrigin.start(options.answer ?? echo);
    const starting = startGateway(
      {
        upstreams: { origin: { targets: [origin.url], ...options.upstream }, ...options.others },
        routes: [{ name: "all", path: "/*", to: { upstream: "origin" } }],
        ...config,
      },
      options,
    );
    try {
      return new Stand(origin, await starting);
    } catch (error) {
      await origin.stop();
      throw error;
    }
  }

  async close(): Promise<void> {
    await this.gateway.stop();
    await this.origin.stop();
  }

  /** For `await using`: a test that fails must not leave ports open. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  client(): Promise<RawClient> {
    return RawClient.to(this.gateway.port);
  }

  /** One request on a connection of its own. */
  async ask(bytes: string | Buffer): Promise<RawResponse> {
    const client = await this.client();
    client.send(bytes);
    try {
      return await client.response();
    } finally {
      client.destroy();
    }
  }

  /** Somebody else, on another connection, gets the answer to what he asked. Needs the `echo` answer. */
  async victim(): Promise<void> {
    const path = `/victim/${this.#victims++}`;
    const response = await this.ask(get(path));
    assert.equal(response.status, 200);
    assert.equal(response.body.toString(), `GET ${path} 0`);
  }

  /** Waits until the origin has a request for this target. */
  async arrived(target: string): Promise<RecordedRequest> {
    return eventually(() => this.origin.requests.find((request) => request.target === target));
  }

  /** Waits until the origin has got this text on some connection; answers which. */
  async untilText(text: string): Promise<number> {
    return eventually(() => {
      const index = this.origin.bytes.findIndex((bytes) => bytes.includes(text));
      return index < 0 ? undefined : index;
    });
  }

  /** Everything that the origin took for a request is one that the gateway knows of, and nothing leaked. */
  async audit(): Promise<void> {
    const leak = /.{0,80}evil.{0,80}/i.exec(this.origin.text);
    assert.equal(leak?.[0], undefined, "something of an attack reached the origin");
    const requests = this.origin.requests.filter(({ target }) => target !== undefined);
    const ids = requests.map((request) => fieldsOf(request, "x-request-id"));
    for (const [at, id] of ids.entries()) {
      assert.equal(id.length, 1, `a request without a request id: ${requests[at]?.target}`);
    }
    const paths = new Map<unknown, unknown>();
    await eventually(async () => {
      for (const line of await this.gateway.log()) paths.set(line["id"], line["method"]);
      return ids.every(([id]) => paths.has(id)) || undefined;
    });
    for (const [at, [id]] of ids.entries()) assert.equal(requests[at]?.method, paths.get(id));
  }
}

export async function eventually<T>(find: () => T | undefined | Promise<T | undefined>): Promise<T> {
  const deadline = Date.now() + 5_000;
  for (;;) {
    const found = await find();
    if (found !== undefined) return found;
    if (Date.now() > deadline) throw new Error("it did not happen");
    await delay(5);
  }
}

export function get(path: string, fields = ""): string {
  return `GET ${path} HTTP/1.1\r\nHost: example.com\r\n${fields}\r\n`;
}

export function post(path: string, body: string, fields = ""): string {
  return `POST ${path} HTTP/1.1\r\nHost: example.com\r\nContent-Length: ${body.length}\r\n${fields}\r\n${body}`;
}

/** A head for a body that the caller frames as it likes. */
export function bare(path: string, fields: string, body = ""): string {
  return `POST ${path} HTTP/1.1\r\nHost: example.com\r\n${fields}\r\n${body}`;
}

/** A complete request, as attackers hide it behind or inside another one. */
export const SMUGGLED = "GET /evil/smuggled HTTP/1.1\r\nHost: evil.example\r\n\r\n";

export interface Attack {
  readonly name: string;
  readonly bytes: string | Buffer;
}

export interface Refusal {
  /** Which status the client may see. */
  readonly status: number | readonly number[];
  readonly code?: string;
  /** Each attack also arrives byte by byte; off where that would take too long. */
  readonly slowly?: boolean;
}

/**
 * Every attack gets one well-formed error and the end of the connection, and no byte of it reaches the origin.
 * All that fail are reported together.
 */
export async function refuses(stand: Stand, attacks: readonly Attack[], refusal: Refusal): Promise<void> {
  assert.ok(attacks.length > 0);
  for (const { name, bytes } of attacks)
    assert.match(bytes.toString("latin1"), /evil/i, `${name} is not marked`);
  const slowly = refusal.slowly !== false;
  await each(attacks, async ({ name, bytes }) => {
    await refused(stand, bytes, refusal, false);
    if (slowly)
      await refused(stand, bytes, refusal, true).catch((error) => fail(`${name}, byte by byte`, error));
  });
  await stand.victim();
  await stand.audit();
}

async function refused(
  stand: Stand,
  bytes: string | Buffer,
  refusal: Refusal,
  slowly: boolean,
): Promise<void> {
  const client = await stand.client();
  try {
    if (slowly) await client.sendSlowly(bytes);
    else client.send(bytes);
    await client.untilClosed();
    const [response, ...others] = parseResponses(client.received);
    assert.ok(response !== undefined, `closed (${client.closed}) without an answer`);
    assert.deepEqual([refusal.status].flat().includes(response.status), true, `status ${response.status}`);
    assert.deepEqual(
      others.map(({ status }) => status),
      [],
      "a second answer",
    );
    assert.deepEqual(response.headers.get("connection"), ["close"]);
    if (!/^(?:\r\n)?HEAD /.test(bytes.toString("latin1"))) assertEnvelope(response, refusal.code);
    // Byte by byte, the last bytes may have met a closed socket, whose reset can overtake nothing we need.
    if (!slowly) assert.equal(client.closed, "fin");
  } finally {
    client.destroy();
  }
}

/** ERR-1: what everything that the gateway answers on its own behalf looks like. */
export function assertEnvelope(response: RawResponse, code?: string): void {
  const { headers } = response;
  assert.deepEqual(headers.get("content-type"), ["application/json"]);
  assert.deepEqual(headers.get("x-content-type-options"), ["nosniff"]);
  assert.deepEqual(headers.get("cache-control"), ["no-store"]);
  assert.equal(headers.get("date")?.length, 1);
  assert.equal(headers.get("x-request-id")?.length, 1);
  const document = JSON.parse(response.body.toString()) as { error: Record<string, unknown> };
  assert.deepEqual(Object.keys(document), ["error"]);
  const { error } = document;
  assert.equal(error["request_id"], headers.get("x-request-id")?.[0]);
  assert.match(String(error["code"]), /^[A-Z][A-Z0-9_]*$/);
  assert.equal(typeof error["message"], "string");
  assert.ok(Array.isArray(error["details"]));
  if (code !== undefined) assert.equal(error["code"], code);
}

export function codeOf(response: RawResponse): string {
  return (JSON.parse(response.body.toString()) as { error: { code: string } }).error.code;
}

/** Runs a check for every row of a table, 64 at a time, and reports all rows that failed. */
export async function each<Row extends { readonly name: string }>(
  rows: readonly Row[],
  check: (row: Row, index: number) => Promise<void>,
  atOnce = 64,
): Promise<void> {
  const failures: string[] = [];
  let next = 0;
  await Promise.all(
    Array.from({ length: atOnce }, async () => {
      for (let at = next++; at < rows.length; at = next++) {
        const row = rows[at] as Row;
        try {
          await check(row, at);
        } catch (error) {
          failures.push(`${row.name}: ${error instanceof Error ? error.message : error}`);
        }
      }
    }),
  );
  const shown = failures.slice(0, 40).join("\n");
  assert.equal(failures.length, 0, `${failures.length} of ${rows.length} failed\n${shown}`);
}

function fail(name: string, error: unknown): never {
  throw new Error(`${name}: ${error instanceof Error ? error.message : error}`);
}

/** A byte as tests name it: `\x0b`. */
export function named(byte: number): string {
  return `\\x${byte.toString(16).padStart(2, "0")}`;
}

/** Every byte that is neither visible ASCII, SP, HTAB nor obs-text. */
export const CONTROLS: readonly number[] = [
  ...Array.from({ length: 0x20 }, (_, byte) => byte).filter((byte) => byte !== 0x09),
  0x7f,
];
