import type { z } from "zod";
import type { Finding } from "./problem.ts";
import { type ReadableResource, readableResource } from "./resources/readable.ts";
import {
  type Config,
  configSchema,
  type PolicyConfig,
  type RouteConfig,
  parts as schemas,
  type UpstreamConfig,
} from "./schema.ts";
import type { VersionsConfig } from "./schema-versions.ts";
import { read } from "./sentences.ts";
import type { Source } from "./source.ts";
import { convertVariables } from "./variables.ts";

export interface Examined {
  /** Only if every value is right. */
  readonly config: Config | undefined;
  /** What could be read, for the checks that look at several parts together. */
  readonly parts: Parts;
  readonly findings: readonly Finding[];
}

/** The parts of a config that refer to each other; undefined where one cannot be read. */
export interface Parts {
  readonly listen: Config["listen"] | undefined;
  readonly admin: Config["admin"] | undefined;
  /** Null where there are none. */
  readonly versions: VersionsConfig | null | undefined;
  readonly store: Config["store"] | undefined;
  readonly upstreams: ReadonlyMap<string, UpstreamConfig | undefined>;
  readonly policies: readonly (PolicyConfig | undefined)[];
  readonly routes: readonly (RouteConfig | undefined)[];
  readonly resources: ReadonlyMap<string, ReadableResource | undefined>;
}

/**
 * Checks every value by itself. A config with mistakes still yields its readable parts, so that a misspelt
 * key in one place does not hide an unknown upstream in another.
 */
export function examine(source: Source): Examined {
  convertVariables(source.value, configSchema, source, []);
  const result = read(configSchema, source.value);
  const { findings } = source;
  if ("value" in result) return { config: result.value, parts: partsOf(result.value), findings };
  return {
    config: undefined,
    parts: readableParts(repaired(source.value, result.findings)),
    findings: [...findings, ...result.findings],
  };
}

/** The keys of a config that `Parts` is made of. */
interface Raw {
  readonly listen?: unknown;
  readonly admin?: unknown;
  readonly versions?: unknown;
  readonly upstreams?: unknown;
  readonly policies?: unknown;
  readonly routes?: unknown;
  readonly store?: unknown;
  readonly resources?: unknown;
}

export function partsOf(config: Config): Parts {
  const { versions = null } = config;
  const resources = Object.entries(config.resources);
  return {
    ...config,
    versions,
    upstreams: new Map(Object.entries(config.upstreams)),
    resources: new Map(resources.map(([name, one]) => [name, { config: one, unread: new Set<string>() }])),
  };
}

function readableParts(raw: Raw): Parts {
  const upstreams = Object.entries(fieldsOf(raw.upstreams));
  return {
    listen: readable(schemas.listen, raw.listen ?? {}),
    admin: readable(schemas.admin, raw.admin ?? {}),
    versions: raw.versions === undefined ? null : readable(schemas.versions, raw.versions),
    upstreams: new Map(upstreams.map(([name, one]) => [name, readable(schemas.upstream, one)])),
    policies: listOf(raw.policies).map((entry) => readable(schemas.policy, entry)),
    routes: listOf(raw.routes).map((one) => readable(schemas.route, one)),
    store: readable(schemas.store, raw.store ?? {}),
    resources: new Map(
      Object.entries(fieldsOf(raw.resources)).map(([name, one]) => [name, readableResource(one)]),
    ),
  };
}

function readable<Schema extends z.ZodType>(schema: Schema, value: unknown): z.output<Schema> | undefined {
  const first = read(schema, value);
  if ("value" in first) return first.value;
  const second = read(schema, repaired(value, first.findings));
  return "value" in second ? second.value : undefined;
}

/** The value as it was probably meant: misspelt keys put right, others that are wrong left out. */
function repaired(value: unknown, findings: readonly Finding[]): Fields {
  const fields = fieldsOf(value);
  const right = { ...fields };
  for (const { path, meant } of findings) {
    const [key = ""] = path;
    // What is wrong further down may be right enough in the next part's eyes: lists keep their other entries.
    if (path.length > 1 && Array.isArray(fields[key])) continue;
    if (path.length > 1 && (key === "upstreams" || key === "versions" || key === "resources")) continue;
    delete right[key];
    if (path.length === 1 && meant !== undefined) right[meant] ??= fields[key];
  }
  return right;
}

type Fields = Readonly<Record<string | number, unknown>>;

const fieldsOf = (value: unknown): Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Fields) : {};

const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);
