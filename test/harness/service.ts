/** The resources of a config without a gateway around them: calls go straight to the service's handler. */
import assert from "node:assert/strict";
import { randomFillSync } from "node:crypto";
import { BytesBody } from "../../src/core/body.ts";
import { Call } from "../../src/core/call.ts";
import { GatewayError } from "../../src/core/errors.ts";
import { Headers } from "../../src/core/headers.ts";
import type { Principal } from "../../src/core/principal.ts";
import type { Reply } from "../../src/core/reply.ts";
import type { Resources } from "../../src/core/resource.ts";
import type { VersionsPlan } from "../../src/core/version.ts";
import { errorReply } from "../../src/flow/error-reply.ts";
import { makeService } from "../../src/service/index.ts";
import { migrate } from "../../src/service/migrations/index.ts";
import { openApiOf } from "../../src/service/openapi/index.ts";
import { Cursors } from "../../src/service/resources/cursor.ts";
import { makeResourceStore } from "../../src/service/resources/sql/index.ts";
import { openRecords } from "../../src/stores/records/open.ts";
import { openDatabase } from "../../src/stores/resources/open.ts";
import { openSchemaSession } from "../../src/stores/resources/schema-session.ts";
import { Contract } from "./contract.ts";
import { HandClock } from "./hand-clock.ts";

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly text: string;
  /** Of the body; null where it is empty. */
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape.
  readonly json: any;
}

export interface Asking {
  readonly as?: Principal | null;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as JSON, but for a text, which is sent as it is. */
  readonly body?: unknown;
  /** Name of the version. */
  readonly version?: string;
}

export interface TestService {
  readonly clock: HandClock;
  ask(method: string, target: string, asking?: Asking): Promise<Answer>;
  /** What has been logged. */
  readonly log: readonly Readonly<Record<string, unknown>>[];
  close(): Promise<void>;
}

/** `store` is a file, or the URL of a PostgreSQL; its tables are made. Time stands still until the test moves it. */
export async function startService(
  store: string,
  {
    resources,
    plan = null,
    hookTimeout,
  }: { readonly resources: Resources; readonly plan?: VersionsPlan | null; readonly hookTimeout?: number },
): Promise<TestService> {
  const clock = new HandClock();
  const records = await openRecords(store, () => clock.wall());
  const session = await openSchemaSession(store, { writes: true });
  await migrate(session, resources);
  await session.close();
  const database = await openDatabase(store, { connections: 10 });
  const lines: Record<string, unknown>[] = [];
  const say = (fields: Readonly<Record<string, unknown>>, message: string): void =>
    void lines.push({ ...fields, message });
  const random = (bytes: Uint8Array): void => void randomFillSync(bytes);
  const service = makeService({
    resources,
    versions: plan,
    store: makeResourceStore(database, resources, { wall: () => clock.wall(), random }),
    cursors: new Cursors(Buffer.alloc(32, 7), clock),
    clock,
    log: { info: say, warn: say, error: say },
    random,
    title: "Test",
    ...(hookTimeout === undefined ? {} : { hookTimeout }),
  });
  let calls = 0;
  const hold = contractsOf(resources, plan);
  const answer = async (call: Call): Promise<Answer> => {
    try {
      return answerOf(await service.handler(call));
    } catch (thrown) {
      const error = GatewayError.from(thrown);
      if (error.status >= 500) lines.push({ message: "failed", cause: error.cause });
      return answerOf(errorReply(call, error, { docs: null, hsts: 0 }));
    }
  };
  return {
    clock,
    log: lines,
    async ask(method, target, asking = {}) {
      const call = callOf(`req_${++calls}`, method, target, asking, plan);
      const answered = await answer(call);
      hold(call, asking, answered);
      return answered;
    },
    async close() {
      await service.close();
      await database.close();
      await records.close();
    },
  };
}

/** Holds every answer to the OpenAPI document of its version; what the gateway adds to answers is added here. */
function contractsOf(resources: Resources, versions: VersionsPlan | null) {
  const contracts = new Map<string, Contract>();
  return ({ id, request, version }: Call, { body, headers = {} }: Asking, answer: Answer): void => {
    const name = version?.name ?? "";
    const contract =
      contracts.get(name) ?? new Contract(openApiOf(resources, { title: "Test", version, versions }));
    contracts.set(name, contract);
    const lower = Object.entries(headers).map(([field, value]) => [field.toLowerCase(), value]);
    const mistakes = contract.mistakes({
      ...{ method: request.method, path: request.target, status: answer.status },
      requestHeaders: Object.fromEntries(lower),
      ...(body === undefined ? {} : { requestBody: typeof body === "string" ? body : JSON.stringify(body) }),
      headers: {
        ...answer.headers,
        "x-request-id": id,
        ...(version === null ? {} : { "api-version": name }),
      },
      body: request.method === "HEAD" ? "" : answer.text,
    });
    assert.deepEqual(
      mistakes,
      [],
      `the answer is not what the document says: ${answer.text.slice(0, 2_000)}`,
    );
  };
}

function callOf(id: string, method: string, target: string, asking: Asking, plan: VersionsPlan | null): Call {
  const { as = null, headers = {}, body, version } = asking;
  const [path = "", query] = target.split(/(?=\?)/, 2);
  const bytes =
    body === undefined ? null : Buffer.from(typeof body === "string" ? body : JSON.stringify(body));
  const fields = Headers.of(headers);
  if (bytes !== null && !fields.has("content-type")) fields.append("Content-Type", "application/json");
  const request = {
    ...{
      method,
      target,
      path,
      query: query ?? "",
      host: "api.example",
      version: "1.1" as const,
      upgrade: null,
    },
    headers: fields,
    body: bytes === null ? null : new BytesBody(bytes),
    peer: { address: "192.0.2.1", port: 4711, secure: true, localPort: 443 },
  };
  const call = new Call(id, 0, request, { interim: () => undefined, send: () => undefined });
  call.principal = as;
  call.scheme = "https";
  call.host = "api.example";
  call.clientIp = "192.0.2.1";
  call.route = { name: "api", path: "/*", methods: [] };
  call.version = plan?.list.find(({ name }) => name === version) ?? plan?.list.at(-1) ?? null;
  if (version !== undefined) call.versionPrefix = `/v${version}`;
  return call;
}

function answerOf({ status, headers, body }: Reply): Answer {
  const text = body?.bytes?.toString() ?? "";
  return {
    status,
    headers: Object.fromEntries([...headers].map(([name, value]) => [name.toLowerCase(), value])),
    text,
    json: text === "" ? null : JSON.parse(text),
  };
}

/** Somebody whose key or token says so. */
export function caller(consumer: string, scopes: readonly string[], environment = "live"): Principal {
  return {
    kind: "key",
    id: `key_${consumer}`,
    consumer,
    environment,
    scopes: new Set(scopes),
    roles: new Set(),
    plan: "",
    claims: {},
    fields: "",
  };
}
