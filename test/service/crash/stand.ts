/** A gateway with resources that is killed and started again on the same database. */
import assert from "node:assert/strict";
import { mkdtempSync, writeFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { resourcesOf } from "../../../src/config/testdata/resources.ts";
import type { ResourceEvent } from "../../../src/core/resource.ts";
import { openApiOf } from "../../../src/service/openapi/index.ts";
import { openRecords } from "../../../src/stores/records/open.ts";
import { type CheckedFetch, checkedFetch } from "../../harness/checked-fetch.ts";
import { type ChildGateway, startChildGateway } from "../../harness/child-gateway.ts";
import type { CrashPoint } from "./hooks.ts";

/** What a client has got; null where the connection ended without a whole answer. */
export type Got = {
  readonly status: number;
  readonly replayed: boolean;
  readonly text: string;
} | null;

const RESOURCES: Parameters<typeof resourcesOf>[0] = {
  payments: {
    owner: false,
    access: { read: "public", write: "public" },
    fields: {
      reference: { type: "string", required: true, unique: true },
      amount: { type: "integer", default: 0 },
      state: { enum: ["new", "settled"], default: "new", readOnly: true },
    },
    actions: { settle: { from: { state: ["new"] }, set: { state: "settled" }, access: "public" } },
    list: { maxLimit: 500 },
  },
};
const { resources } = resourcesOf(RESOURCES);
const document = openApiOf(resources, { title: "API", version: null, versions: null });

export interface Payment {
  readonly id: string;
  readonly reference: string;
  readonly amount: number;
  readonly state: string;
}

export class CrashStand {
  /** Milliseconds from the start of each process to its listening. */
  readonly ready: number[] = [];
  readonly store: string;
  readonly #folder: string;
  readonly #lanes: number;
  #gateway: ChildGateway | null = null;
  #fetch: CheckedFetch | null = null;

  private constructor(lanes: number, store?: string) {
    this.#folder = mkdtempSync(join(tmpdir(), "turnpike-crash-"));
    this.#lanes = lanes;
    this.store = store ?? join(this.#folder, "resources.db");
  }

  /** `store`: a PostgreSQL; a file of its own without. */
  static async start(lanes: number, store?: string): Promise<CrashStand> {
    const stand = new CrashStand(lanes, store);
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

  kill(): void {
    this.gateway.signal("SIGKILL");
  }

  get #crashFile(): string {
    return join(this.#folder, "crash-at");
  }

  /** The next request that comes to this point does not come further. */
  arm(point: CrashPoint): void {
    writeFileSync(this.#crashFile, point);
  }

  /** Another process on the same database, where the one before has ended or is killed now. */
  async restart(): Promise<void> {
    await this.#gateway?.stop();
    const env = {
      NODE_OPTIONS: `--import ${pathToFileURL(join(import.meta.dirname, "hooks.ts")).href}`,
      // What the hooks import would be compiled anew in each thread.
      NODE_COMPILE_CACHE: join(this.#folder, "compile-cache"),
      TURNPIKE_CRASH_FILE: this.#crashFile,
    };
    const config = {
      lanes: this.#lanes,
      drain: { delay: "0s" },
      store: { records: this.store.includes("://") ? this.store : `sqlite:${this.store}` },
      resources: RESOURCES,
      routes: [{ name: "api", path: "/*", to: { service: true }, policies: [{ idempotency: {} }] }],
    };
    const begun = performance.now();
    this.#gateway = await startChildGateway(config, { env, requests: false });
    this.ready.push(Math.round(performance.now() - begun));
    this.#fetch = checkedFetch(`http://127.0.0.1:${this.#gateway.port}`, document);
  }

  async send(method: string, path: string, body: unknown, key?: string): Promise<Got> {
    const headers = {
      "Content-Type": "application/json",
      ...(key === undefined ? {} : { "Idempotency-Key": key }),
    };
    try {
      const sent = { method, headers, ...(body === null ? {} : { body: JSON.stringify(body) }) };
      const response = await (this.#fetch as CheckedFetch)(path, sent);
      const replayed = response.headers.get("idempotent-replayed") === "true";
      return { status: response.status, replayed, text: await response.text() };
    } catch (error) {
      if (error instanceof assert.AssertionError) throw error;
      return null;
    }
  }

  /** With the reference for a key, or without one. */
  pay(reference: string, keyed = true): Promise<Got> {
    const payment = { reference, amount: 5 };
    return this.send("POST", "/payments", payment, keyed ? reference : undefined);
  }

  async find(reference: string): Promise<readonly Payment[]> {
    const got = await this.send("GET", `/payments?reference=${reference}`, null);
    assert.equal(got?.status, 200, got?.text);
    return (JSON.parse(got.text) as { data: Payment[] }).data;
  }

  /** Every payment there is. */
  async all(): Promise<readonly Payment[]> {
    const all: Payment[] = [];
    for (let cursor: string | null = ""; cursor !== null; ) {
      const got = await this.send("GET", `/payments?limit=500${cursor && `&cursor=${cursor}`}`, null);
      const page = JSON.parse(got?.text ?? "") as { data: Payment[]; next_cursor: string | null };
      all.push(...page.data);
      cursor = page.next_cursor;
    }
    return all;
  }

  /** Every event there is, by the id of its object. */
  async events(): Promise<ReadonlyMap<string, readonly ResourceEvent[]>> {
    const records = await openRecords(this.store);
    try {
      const events = await records.events.list({ limit: 1_000_000 });
      return Map.groupBy(events, ({ objectId }) => objectId);
    } finally {
      await records.close();
    }
  }

  async stop(): Promise<void> {
    await this.#gateway?.stop();
    await rm(this.#folder, { recursive: true, force: true });
  }
}
