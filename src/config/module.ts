import { readFile } from "node:fs/promises";
import { registerHooks } from "node:module";
import { pathToFileURL } from "node:url";
import { ConfigError } from "./problem.ts";
import { type Place, type Source, sourceOf } from "./source.ts";

/** As TypeScript here, as JavaScript where it is published. */
const OURSELVES = new URL(`../index${import.meta.url.slice(-".ts".length)}`, import.meta.url).href;

let reads = 0;

/**
 * A config from a TypeScript or JavaScript module: its default export, or its export `config`.
 *
 * The query makes Node read the file anew; modules that it imports stay as they were first read.
 */
export async function moduleSource(absolute: string, file: string, folder: string): Promise<Source> {
  const url = pathToFileURL(absolute);
  url.searchParams.set("read", String(++reads));
  const module = await importModule(url.href, absolute, file);
  const value = module.default ?? module.config;
  const fail = (message: string): never => {
    throw new ConfigError([{ file, path: "", message }]);
  };
  if (value === undefined) fail("exports no config; write `export default defineConfig({ … })`");
  if (typeof value === "function") fail("exports a function; export the config itself");
  if (value instanceof Promise) fail("exports a promise; `await` it in the file and export the result");
  return sourceOf(value, file, folder);
}

interface Exports {
  readonly default?: unknown;
  readonly config?: unknown;
}

async function importModule(href: string, absolute: string, file: string): Promise<Exports> {
  // Else Node would take a config for CommonJS where no package.json says otherwise, and warn about it.
  const format = /ts$/i.test(file) ? "module-typescript" : "module";
  const hooks = registerHooks({
    // Wherever the config lies, it gets the very program that reads it: another copy's errors would be strangers here.
    resolve: (specifier, context, next) =>
      specifier === "turnpike" ? { url: OURSELVES, shortCircuit: true } : next(specifier, context),
    load: (url, context, next) => next(url, url === href ? { ...context, format } : context),
  });
  try {
    return (await import(href)) as Exports;
  } catch (thrown) {
    throw new ConfigError([
      { file, path: "", message: reason(thrown), ...(await placeIn(thrown, href, absolute)) },
    ]);
  } finally {
    hooks.deregister();
  }
}

function reason(thrown: unknown): string {
  if (!(thrown instanceof Error)) return `throws ${String(thrown)} while it is read`;
  const message = firstLine(thrown.message).replace(/ imported from .*$/, "");
  const code = (thrown as NodeJS.ErrnoException).code;
  if (code === "ERR_MODULE_NOT_FOUND") return `imports something that is not there: ${message}`;
  if (code === "ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX")
    return `${message}; a config may only use TypeScript that can be erased`;
  if (thrown instanceof SyntaxError) return `not valid TypeScript: ${message}`;
  return `throws while it is read: ${message}`;
}

const firstLine = (text: string): string => text.split("\n", 1)[0]?.trim() || "an error without a message";

/** Node writes the place into the stack: as `url:line:column`, or as `url:line` above a line with carets. */
async function placeIn(thrown: unknown, href: string, absolute: string): Promise<Place | undefined> {
  const stack = thrown instanceof Error ? (thrown.stack ?? "") : "";
  const [, after = ""] = stack.split(href, 2);
  const [, line, column] = /^:(\d+)(?::(\d+))?/.exec(after) ?? [];
  if (line === undefined) return undefined;
  if (column !== undefined) return { line: Number(line), column: Number(column) };
  const carets = /\n( *)\^/.exec(after)?.[1];
  const source = (await readFile(absolute, "utf8")).split("\n")[Number(line) - 1] ?? "";
  return { line: Number(line), column: (carets ?? source.slice(0, source.search(/\S|$/))).length + 1 };
}
