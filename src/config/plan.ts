import type { Kinds } from "../core/kinds.ts";
import type { Tools } from "../core/tools.ts";
import { Builder, type Built } from "./build.ts";
import { checkParts, type PathChecks } from "./checks.ts";
import { type Examined, examine, partsOf } from "./examine.ts";
import { type Environment, type Loaded, readSource } from "./load.ts";
import { locate } from "./locate.ts";
import { ConfigError, type Problem } from "./problem.ts";
import { Report } from "./report.ts";
import type { Source } from "./source.ts";

/** What a plan is made with. */
export interface World {
  readonly kinds: Kinds;
  readonly tools: Tools;
  /** `parseTemplate` and `shadowed` of `flow/router/index.ts`. */
  readonly paths: PathChecks;
}

/** `upstreams` holds those that a route uses. */
export interface Made extends Built {
  /** What works but is hardly meant. */
  readonly warnings: readonly Problem[];
}

export interface LoadOptions {
  readonly environment?: Environment;
  /** Instead of `listen.port`. */
  readonly port?: number | undefined;
  /** The text of the file, as somebody has read it before. */
  readonly text?: string | undefined;
}

/** From a file to a plan. Throws a ConfigError with everything that is wrong, of whatever sort, at once. */
export async function loadPlan(file: string, world: World, options: LoadOptions = {}): Promise<Made> {
  const source = await readSource(file, options.environment, options.text);
  return finish(withPort(examine(source), options.port), source, world);
}

/** The plan of a config that has been checked by itself. */
export function makePlan({ config, source }: Loaded, world: World): Made {
  return finish({ config, parts: partsOf(config), findings: [] }, source, world);
}

function withPort(examined: Examined, port: number | undefined): Examined {
  const { config, parts } = examined;
  if (port === undefined) return examined;
  const listen = parts.listen && { ...parts.listen, port };
  return {
    ...examined,
    config: config && { ...config, listen: { ...config.listen, port } },
    parts: { ...parts, listen },
  };
}

function finish({ config, parts, findings }: Examined, source: Source, world: World): Made {
  const report = new Report();
  checkParts(parts, source, world.kinds.policies, world.paths, report);
  const errors = [...findings, ...report.errors];
  if (config === undefined || errors.length > 0) throw new ConfigError(locate(source, errors));
  const built = new Builder(config, source, world.kinds, world.tools).build();
  return { ...built, warnings: locate(source, report.warnings) };
}
