import { z } from "zod";
import { GatewayError } from "../core/errors.ts";
import * as fields from "../core/key-fields.ts";
import type { KeyRecord, KeyRecords } from "../core/records.ts";
import type { Reply } from "../core/reply.ts";
import { duration } from "../core/values.ts";
import { digestOf, issueKey, issueSecret, type KeyRequest } from "../identity/keys/issue.ts";
import { keyView, type UsedAt } from "../identity/keys/view.ts";
import { readBody, readQuery } from "./input.ts";
import { type Attempt, onceOnly } from "./once.ts";
import { pageDocument, pageFields, pageOf } from "./pages.ts";
import { json, noContent } from "./reply.ts";
import type { AdminRequest, AdminRoute } from "./route.ts";

export interface KeyAdministration {
  readonly records: KeyRecords;
  /** What new keys begin with. */
  readonly prefix: string;
  /** Epoch milliseconds. */
  readonly wall: () => number;
  /** Called after every change: from then on every thread goes by it. */
  readonly refresh: () => Promise<void>;
  readonly usedAt: UsedAt;
}

/** `/v1/keys`: issue, look at, rotate and revoke keys (KEY-3, KEY-6, KEY-7). */
export function keyRoutes(administration: KeyAdministration): readonly AdminRoute[] {
  const keys = new Keys(administration);
  return [
    { method: "GET", path: "/v1/keys", answer: (request) => keys.list(request) },
    { method: "POST", path: "/v1/keys", answer: (request) => keys.create(request) },
    { method: "GET", path: "/v1/keys/{id}", answer: (request) => keys.get(request) },
    { method: "DELETE", path: "/v1/keys/{id}", answer: (request) => keys.revoke(request) },
    { method: "POST", path: "/v1/keys/{id}/rotate", answer: (request) => keys.rotate(request) },
  ];
}

const listQuery = z.strictObject({
  ...pageFields,
  consumer: fields.consumer.optional(),
  environment: fields.environment.optional(),
});

const createBody = (now: number) =>
  z.strictObject({
    name: fields.label.default(""),
    consumer: fields.consumer,
    scopes: fields.scopes.default([]),
    plan: fields.plan.nullish(),
    environment: fields.environment.default("live"),
    expires: fields.expiry(now).nullish(),
    ip_ranges: fields.ipRanges.prefault([]),
    methods: fields.methods.default([]),
    routes: fields.routes.default([]),
  });

const rotateBody = z.strictObject({ overlap: duration({ min: "0s", max: "7d" }).prefault("24h") });

class Keys {
  readonly #parts: KeyAdministration;

  constructor(parts: KeyAdministration) {
    this.#parts = parts;
  }

  async list(request: AdminRequest): Promise<Reply> {
    const { limit, cursor, ...filter } = readQuery(listQuery, request);
    const list = `keys ${JSON.stringify([filter.consumer ?? null, filter.environment ?? null])}`;
    const page = pageOf({ limit, cursor }, list);
    if (page.before !== undefined) await this.#find(page.before, "INVALID_CURSOR");
    const entries = await this.#parts.records.list(filter, page);
    return json(
      200,
      pageDocument(entries, limit, list, (key) => this.#view(key)),
    );
  }

  async get({ params }: AdminRequest): Promise<Reply> {
    return json(200, this.#view(await this.#find(params["id"])));
  }

  create(request: AdminRequest): Promise<Reply> {
    const now = this.#parts.wall();
    const wanted = keyRequest(readBody(createBody(now), request));
    const first = async ({ entropy, once }: Attempt): Promise<Reply> => {
      const { key, secret } = issueKey(wanted, this.#parts.prefix, now, entropy);
      await this.#parts.records.create(key, request.actor, once);
      return this.#created(key.id, secret);
    };
    return this.#once(request, first);
  }

  async rotate(request: AdminRequest): Promise<Reply> {
    const { overlap } = readBody(rotateBody, request);
    const { id, environment } = await this.#find(request.params["id"]);
    const at = this.#parts.wall();
    const first = async ({ entropy, once }: Attempt): Promise<Reply> => {
      const { secret, stored } = issueSecret(this.#parts.prefix, environment, entropy);
      const rotation = { id, secret: stored, at, overlapUntil: at + overlap };
      if (!(await this.#parts.records.rotate(rotation, request.actor, once))) {
        throw new GatewayError("CONFLICT", { message: "The key has been revoked; issue a new one." });
      }
      return this.#created(id, secret);
    };
    return this.#once(request, first);
  }

  /** 204, the second time too (KEY-7). */
  async revoke({ params, actor }: AdminRequest): Promise<Reply> {
    const revoked = await this.#parts.records.revoke(params["id"] ?? "", this.#parts.wall(), actor);
    if (revoked === null) throw new GatewayError("KEY_NOT_FOUND");
    await this.#parts.refresh();
    return noContent();
  }

  #once(request: AdminRequest, first: (attempt: Attempt) => Promise<Reply>): Promise<Reply> {
    const { records, prefix, wall } = this.#parts;
    return onceOnly(request, records, wall(), first, async ({ keyId }, entropy) => {
      const { environment, secrets } = await this.#find(keyId);
      const { secret } = issueSecret(prefix, environment, entropy);
      if (!secrets.some(({ digest }) => digest === digestOf(secret))) {
        throw new GatewayError("CONFLICT", {
          message: `Key ${keyId} was made by an earlier request with this Idempotency-Key, under another admin token or prefix: its secret cannot be shown again. Rotate it to get a new one.`,
        });
      }
      return this.#created(keyId, secret, { "Idempotent-Replayed": "true" });
    });
  }

  async #created(id: string, secret: string, fields: Readonly<Record<string, string>> = {}): Promise<Reply> {
    await this.#parts.refresh();
    const view = this.#view(await this.#find(id));
    return json(201, { ...view, secret }, { Location: `/v1/keys/${id}`, ...fields });
  }

  async #find(id = "", code: "KEY_NOT_FOUND" | "INVALID_CURSOR" = "KEY_NOT_FOUND"): Promise<KeyRecord> {
    const key = await this.#parts.records.get(id);
    if (key === null) throw new GatewayError(code);
    return key;
  }

  #view(key: KeyRecord) {
    return keyView(key, this.#parts.wall(), this.#parts.usedAt);
  }
}

function keyRequest(body: z.output<ReturnType<typeof createBody>>): KeyRequest {
  return {
    name: body.name,
    consumer: body.consumer,
    scopes: body.scopes,
    plan: body.plan ?? "",
    environment: body.environment,
    restrictions: { ipRanges: body.ip_ranges, methods: body.methods, routes: body.routes },
    expiresAt: body.expires ?? null,
  };
}
