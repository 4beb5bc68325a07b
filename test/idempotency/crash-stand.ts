/** A gateway that is killed and started again on the same records, and an origin that knows what it has done. */
import { writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { post } from "../harness/ask.ts";
import { type ChildGateway, startChildGateway } from "../harness/child-gateway.ts";
import { fieldsOf, ok, type RecordedRequest, RecordingOrigin } from "../harness/origin.ts";
import { RawClient } from "../harness/raw.ts";
import type { CrashPoint } from "./crash-hooks.ts";

/** What a client has got; null where the connection ended without a whole answer. */
export interface Got {
  readonly status: number;
  readonly replayed: boolean;
  readonly body: string;
}

export class CrashStand {
  readonly origin: RecordingOrigin;
  /** Called when a request has come in and was counted, before it is answered. */
  onRequest: (key: string) => void = () => {};
  /** Called when the answer has been handed to the kernel. */
  onAnswered: (key: string) => void = () => {};
  /** Milliseconds from the start of each process to its listening. */
  readonly ready: number[] = [];
  readonly #folder: string;
  readonly #lanes: number;
  readonly #records: string;
  #gateway: ChildGateway | null = null;
  #send = atOnce;
  readonly #executed = new Map<string, number>();

  private constructor(folder: string, origin: RecordingOrigin, lanes: number, records?: string) {
    this.#folder = folder;
    this.#lanes = lanes;
    this.#records = records ?? `sqlite:${join(folder, "records.db")}`;
    this.origin = origin;
    origin.answer = (asked, socket) => {
      const { key, answer } = this.#execute(asked);
      this.onRequest(key);
      this.#send(() => {
        if (!socket.destroyed) socket.write(answer, () => this.onAnswered(key));
      });
      return null;
    };
  }

  /** `records`: as `store.records`; a file of its own without. */
  static async start(lanes: number, records?: string): Promise<CrashStand> {
    const folder = await mkdtemp(join(tmpdir(), "turnpike-crash-"));
    const stand = new CrashStand(folder, await RecordingOrigin.start(), lanes, records);
    try {
      await stand.restart();
      return stand;
    } catch (error) {
      await stand.stop();
      throw error;
    }
  }

  get gateway(): ChildGateway {
    if (this.#gateway === null) throw new Error("the gateway has not been started");
    return this.#gateway;
  }

  /** Until `quiet`, the origin gives its answers when the functions that it hands over are called. */
  holdAnswers(hold: (send: () => void) => void): void {
    this.#send = hold;
  }

  /** The origin does nothing but answer. */
  quiet(): void {
    this.#send = atOnce;
    this.onRequest = () => {};
    this.onAnswered = () => {};
  }

  get #crashFile(): string {
    return join(this.#folder, "crash-at");
  }

  /** The next request that comes to this point does not come further. */
  arm(point: CrashPoint): void {
    writeFileSync(this.#crashFile, point);
  }

  /** Another process on the same file of records, where the one before has ended or is killed now. */
  async restart(): Promise<void> {
    await this.#gateway?.stop();
    const hooks = pathToFileURL(join(import.meta.dirname, "crash-hooks.ts")).href;
    const env = {
      NODE_OPTIONS: `--import ${hooks}`,
      // What the hooks import would be compiled anew in each thread.
      NODE_COMPILE_CACHE: join(this.#folder, "compile-cache"),
      TURNPIKE_CRASH_FILE: this.#crashFile,
    };
    const begun = performance.now();
    this.#gateway = await startOnFreePort(
      {
        lanes: this.#lanes,
        drain: { delay: "0s" },
        store: { records: this.#records },
        upstreams: { bank: { targets: [this.origin.url] } },
        routes: [{ name: "pay", path: "/*", to: { upstream: "bank" }, policies: [{ idempotency: {} }] }],
      },
      { env, requests: false },
    );
    this.ready.push(Math.round(performance.now() - begun));
  }

  /** How often the origin has carried out the request with this key. */
  executed(key: string): number {
    return this.#executed.get(key) ?? 0;
  }

  /** The answer to one request with a key, on a connection of its own. */
  pay(key: string): Promise<Got | null> {
    const { port } = this.gateway;
    return new Promise((resolve) => {
      const headers = { "Idempotency-Key": key, "Content-Type": "text/plain" };
      const sent = request({ port, host: "127.0.0.1", path: "/pay", method: "POST", headers, agent: false });
      sent.on("error", () => resolve(null));
      sent.on("response", (response) => {
        let body = "";
        response.setEncoding("utf8");
        response.on("data", (chunk: string) => {
          body += chunk;
        });
        response.on("error", () => resolve(null));
        response.on("close", () => {
          const replayed = response.headers["idempotent-replayed"] === "true";
          resolve(response.complete ? { status: response.statusCode ?? 0, replayed, body } : null);
        });
      });
      sent.end(`ten to ${key}`);
    });
  }

  /** Sends a request and stays until the returned function is called. */
  async begin(key: string): Promise<() => void> {
    const client = await RawClient.to(this.gateway.port);
    client.send(post("/pay", `ten to ${key}`, `Idempotency-Key: ${key}\r\nContent-Type: text/plain\r\n`));
    return () => client.socket.resetAndDestroy();
  }

  async stop(): Promise<void> {
    await this.#gateway?.stop();
    await this.origin.stop();
    await rm(this.#folder, { recursive: true, force: true });
  }

  #execute(asked: RecordedRequest): { key: string; answer: Buffer } {
    const [key = ""] = fieldsOf(asked, "idempotency-key");
    const count = this.executed(key) + 1;
    this.#executed.set(key, count);
    return { key, answer: ok(`payment ${count} of ${key}, number ${this.origin.requests.length}`) };
  }
}

/** A port that was free may be somebody else's before the gateway has it: in hundreds of starts it happens. */
async function startOnFreePort(...args: Parameters<typeof startChildGateway>): Promise<ChildGateway> {
  for (let tries = 1; ; tries++) {
    try {
      return await startChildGateway(...args);
    } catch (error) {
      if (tries === 3 || !/is in use by another program/.test(String(error))) throw error;
    }
  }
}

function atOnce(send: () => void): void {
  send();
}

/** The code of an error answer; empty for any other. */
export function codeOf(got: Got | null): string {
  if (got === null || got.status < 400) return "";
  return (JSON.parse(got.body) as { error: { code: string } }).error.code;
}
