/** A shop in two versions, for the tests beside: built by the config's own code. */

import { Report } from "../../../../config/report.ts";
import { buildResources } from "../../../../config/resources/index.ts";
import { resources as schema } from "../../../../config/resources/schema.ts";
import { GatewayError } from "../../../../core/errors.ts";
import { Headers } from "../../../../core/headers.ts";
import type { Resource, Resources } from "../../../../core/resource.ts";
import type { ApiVersion } from "../../../../core/version.ts";
import { makeInputs } from "../index.ts";
import type { Asked, Inputs } from "../types.ts";

const version = (name: string, place: number) => ({ name, place }) as ApiVersion;
export const VERSIONS: readonly ApiVersion[] = [version("1", 0), version("2", 1)];

export function define(config: unknown, versions: readonly ApiVersion[] = []): Resources {
  const report = new Report();
  const around = versions.length === 0 ? null : { list: versions, from: [], query: "version" };
  const built = buildResources(
    new Map(Object.entries(schema.parse(config))),
    { versions: around, dialect: "postgres" },
    report,
  );
  if (report.errors.length > 0) throw new Error(JSON.stringify(report.errors));
  return built;
}

export const shop: Resources = define(
  {
    accounts: { fields: { title: "string" } },
    customers: {
      fields: {
        email: { type: "string", format: "email", maxLength: 40, required: true },
        full_name: { type: "string", was: { "1": "name" } },
        status: { enum: ["active", "blocked"], default: "active" },
        credit: { type: "integer", readOnly: true, default: 0 },
        password: { type: "string", writeOnly: true, minLength: 12 },
        note: { type: "string", read: "customers:internal", write: "customers:internal" },
        rating: { type: "integer", write: "customers:rate" },
        country: { type: "string", format: "country", since: "2" },
        joined: { type: "date", immutable: true },
        account: { ref: "accounts" },
        seen_at: { type: "datetime", default: "now" },
        metadata: {
          type: "object",
          schema: { properties: { size: { type: "integer" } }, maxProperties: 3 },
          default: {},
        },
        tags: { type: "array", maxLength: 3, schema: { items: { type: "string", maxLength: 8 } } },
        initials: { computed: (one: { full_name?: string }) => one.full_name?.[0] ?? "", type: "string" },
      },
    },
    orders: {
      fields: {
        customer: { ref: "customers", required: true },
        quantity: { type: "integer", minimum: 1, maximum: 1000, required: true },
        weight: { type: "number" },
        gift: { type: "boolean", default: false },
        price: { type: "decimal", minimum: 0 },
        serial: { type: "bigint" },
        token: { type: "uuid", filter: false, sort: false },
        paid_at: "datetime",
        secret: { type: "string", writeOnly: true },
        margin: { type: "number", read: "orders:margin", write: "orders:margin" },
      },
      list: { limit: 20, maxLimit: 100, deepest: 1000 },
      actions: {
        cancel: {
          run: () => ({}),
          input: {
            reason: { type: "string", maxLength: 10, required: true },
            refund: { type: "boolean", default: true },
          },
        },
        ship: { set: { gift: false } },
      },
    },
    codes: {
      id: { type: "string", given: true },
      fields: { label: { type: "string", required: true }, hue: "string" },
    },
    counters: { id: { type: "integer" }, fields: { label: "string" } },
    devices: { id: { type: "uuid" }, fields: { label: "string" } },
  },
  VERSIONS,
);

export const resource = (name: string): Resource => shop.get(name) as Resource;

/** In the newest version, unless the index of another is given. */
export function inputsOf(name: string, place = 1): Inputs {
  const it = resource(name);
  const view = it.views.get(VERSIONS[place] as ApiVersion);
  if (view === undefined) throw new Error("no such version");
  return makeInputs(it, view, shop);
}

export const asked = (query = "", scopes: readonly string[] = [], headers = {}): Asked => ({
  query: query === "" ? "" : `?${query}`,
  headers: Headers.of(headers),
  scopes: new Set(scopes),
});

export const bytes = (value: unknown): Buffer =>
  Buffer.from(typeof value === "string" ? value : JSON.stringify(value));

/** `422 VALIDATION_ERROR`-like: the code and every failing field with its issue. */
export function refusal(run: () => unknown): { code: string; details: Record<string, string> } {
  try {
    run();
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    return {
      code: error.code,
      details: Object.fromEntries(error.details.map(({ field, issue }) => [field, issue])),
    };
  }
  throw new Error("nothing was refused");
}

/** The fields that fail, in the order in which they are told. */
export const failing = (run: () => unknown): string[] => Object.keys(refusal(run).details);
