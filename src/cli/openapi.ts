import { writeFile } from "node:fs/promises";
import { loadPlan } from "../config/plan.ts";
import type { Plan } from "../core/plan.ts";
import { type ApiVersion, canonicalVersion } from "../core/version.ts";
import { type Json, openApiOf } from "../service/openapi/index.ts";
import { dryWorld } from "../threads/dry.ts";
import { findConfig } from "./find-config.ts";
import { printProblems } from "./output.ts";
import { Refusal } from "./refusal.ts";

export interface OpenApiCommand {
  readonly config?: string;
  readonly apiVersion?: string;
  readonly out?: string;
}

/** `turnpike openapi`: the document that `/openapi.json` serves. Resolves with the exit code. */
export async function openapi(options: OpenApiCommand): Promise<number> {
  const text = `${JSON.stringify(await documentOf(options), null, 2)}\n`;
  if (options.out === undefined) {
    process.stdout.write(text);
    return 0;
  }
  await writeFile(options.out, text).catch((error: NodeJS.ErrnoException) => {
    throw new Refusal(`${options.out} cannot be written: ${error.message}`, 1);
  });
  return 0;
}

/** Of one version of a config's API; the newest, unless one is named. */
export async function documentOf({ config, apiVersion }: OpenApiCommand): Promise<Json> {
  const file = findConfig(config, 2);
  const { plan, warnings } = await loadPlan(file, dryWorld);
  printProblems(warnings, "warning");
  if (plan.resources.size === 0)
    throw new Refusal(`${file} has no resources, so there is nothing to document`, 2);
  const { resources, versions, service } = plan;
  return openApiOf(resources, { title: service.title, version: versionNamed(apiVersion, plan), versions });
}

function versionNamed(name: string | undefined, { versions }: Pick<Plan, "versions">): ApiVersion | null {
  if (versions === null) {
    if (name === undefined) return null;
    throw new Refusal("the config has no versions; leave --api-version out", 2);
  }
  const wanted = name === undefined ? null : canonicalVersion(name);
  const found = versions.list.find((version) => canonicalVersion(version.name) === wanted);
  const newest = name === undefined ? versions.list.at(-1) : found;
  if (newest !== undefined) return newest;
  const known = versions.list.map((version) => version.name).join(", ");
  throw new Refusal(`there is no version ${name}; the config has ${known}`, 2);
}
