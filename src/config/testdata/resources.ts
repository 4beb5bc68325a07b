import type { Resources } from "../../core/resource.ts";
import type { ApiVersion, VersionsPlan } from "../../core/version.ts";
import { locate } from "../locate.ts";
import { ConfigError } from "../problem.ts";
import { Report } from "../report.ts";
import { buildResources } from "../resources/index.ts";
import { resources as schema } from "../resources/schema.ts";
import type { ConfigInput } from "../schema.ts";
import { dialectOf } from "../schema-store.ts";
import { versions as versionsSchema } from "../schema-versions.ts";
import { read } from "../sentences.ts";
import { sourceOf } from "../source.ts";
import { versionsPlan } from "../versions.ts";

export interface Made {
  readonly resources: Resources;
  /** Oldest first. */
  readonly versions: readonly ApiVersion[];
  readonly plan: VersionsPlan | null;
}

/** Resources of a literal, for tests of what is made of them. Throws a ConfigError for what no config may hold. */
export function resourcesOf(
  definitions: NonNullable<ConfigInput["resources"]>,
  {
    versions = [],
    store = "sqlite:x.db",
  }: { readonly versions?: readonly string[]; readonly store?: string } = {},
): Made {
  const report = new Report();
  const result = read(schema, definitions, ["resources"]);
  const list = Object.fromEntries(versions.map((name) => [name, {}]));
  const plan = versions.length === 0 ? null : versionsPlan(versionsSchema.parse({ default: "newest", list }));
  if ("findings" in result) report.addErrors(result.findings);
  const value = "value" in result ? result.value : {};
  const resources = buildResources(
    new Map(Object.entries(value)),
    { versions: plan, dialect: dialectOf(store) },
    report,
  );
  if (report.errors.length > 0) throw new ConfigError(locate(sourceOf({}), report.errors));
  return { resources, versions: plan?.list ?? [], plan };
}
