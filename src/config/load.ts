import { readFile } from "node:fs/promises";
import { dirname, extname, resolve } from "node:path";
import { examine } from "./examine.ts";
import { locate } from "./locate.ts";
import { moduleSource } from "./module.ts";
import { ConfigError } from "./problem.ts";
import type { Config } from "./schema.ts";
import type { Source } from "./source.ts";
import { yamlSource } from "./yaml.ts";

export type Environment = Readonly<Record<string, string | undefined>>;

/** A config whose every value is known to be right by itself. */
export interface Loaded {
  readonly config: Config;
  /** Where it came from: what is found later is located with it. */
  readonly source: Source;
}

/** Reads and checks a config file. Throws a ConfigError with everything that is wrong with it. */
export async function loadConfig(file: string, environment: Environment = process.env): Promise<Loaded> {
  return checkConfig(await readSource(file, environment));
}

/** Checks a config that is a value already: `checkConfig(sourceOf({ … }))`. */
export function checkConfig(source: Source): Loaded {
  const { config, findings } = examine(source);
  if (config === undefined || findings.length > 0) throw new ConfigError(locate(source, findings));
  return { config, source };
}

/** The bytes of a config file, for `readSource`. */
export async function readText(file: string): Promise<string> {
  const absolute = resolve(file);
  return await readFile(absolute, "utf8").catch((error: NodeJS.ErrnoException) => {
    throw new ConfigError([{ file, path: "", message: unreadable(error, absolute) }]);
  });
}

/**
 * The text or module of a config, read but not checked. With `given`, the text that somebody has read before: all
 * who are given the same text have the same config.
 */
export async function readSource(
  file: string,
  environment: Environment = process.env,
  given?: string,
): Promise<Source> {
  const absolute = resolve(file);
  const fail = (message: string): never => {
    throw new ConfigError([{ file, path: "", message }]);
  };
  const text = given ?? (await readText(file));
  const folder = dirname(absolute);
  const extension = extname(file).toLowerCase();
  if (text.trim() === "") fail("this file is empty; `turnpike init` writes a config to start from");
  if ([".yaml", ".yml", ".json"].includes(extension)) {
    const source = yamlSource(text, file, folder, environment);
    if (source.value === null)
      fail("this file holds nothing but comments; `turnpike init` writes a config to start from");
    return source;
  }
  if ([".ts", ".mts", ".js", ".mjs"].includes(extension)) {
    const source = await moduleSource(absolute, file, folder);
    // Node reads modules itself, and may have read a later text.
    if (given !== undefined && (await readText(file)) !== given)
      fail("this file changed while it was being read; it is read again when it rests");
    return source;
  }
  return fail("the name of a config ends in .yaml, .yml, .json or .ts");
}

function unreadable(error: NodeJS.ErrnoException, absolute: string): string {
  if (error.code === "ENOENT" || error.code === "ENOTDIR")
    return `there is no such file (looked for ${absolute})`;
  if (error.code === "EISDIR") return "this is a directory; name the config file in it";
  if (error.code === "EACCES" || error.code === "EPERM") return "this file cannot be read: permission denied";
  return `this file cannot be read: ${error.message}`;
}
