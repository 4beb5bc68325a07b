import { isAbsolute, resolve } from "node:path";
import { z } from "zod";
import { text } from "../core/fields.ts";
import { found } from "../core/found.ts";
import type { StorePlan } from "../core/plan.ts";

/** Where things are remembered. */

const records = text("a store such as sqlite:./data/turnpike.db", (url) => {
  if (/^sqlite:.+/.test(url) || url === "none") return undefined;
  if (/^postgres(ql)?:\/\//.test(url))
    return "postgres:// is not available in this version yet; write sqlite:FILE";
  return `expected none, or sqlite: and a file name such as sqlite:./data/turnpike.db, ${found(url)}`;
});

const counters = text("memory or a URL such as redis://127.0.0.1:6379", (url) => {
  if (url === "memory") return undefined;
  // What stands before the @ may be a password: it is never shown.
  if (/^rediss?:\/\//.test(url))
    return URL.canParse(url)
      ? undefined
      : "expected a URL such as redis://127.0.0.1:6379/0; this one cannot be read";
  return `expected memory or a URL such as redis://127.0.0.1:6379, ${found(url)}`;
});

export const store = z
  .strictObject({
    records: records
      .default("sqlite:./data/turnpike.db")
      .describe(
        "What is issued at run time (API keys, revocations): `sqlite:` and a file, relative to the config, opened only if something uses it; `none` where only the config's own keys count and nothing may be written.",
      ),
    counters: counters
      .default("memory")
      .describe(
        "Counts of the rate limits: `memory`, exact over all threads of this process, or `redis://…`, exact over all processes that share it.",
      ),
  })
  .describe("Where things are remembered.");

/** Files become absolute: threads and tools have other ideas of where they are. */
export function storePlan(
  { records: url, counters: where }: z.output<typeof store>,
  folder: string,
): StorePlan {
  if (url === "none") return { records: null, counters: where };
  const file = url.slice("sqlite:".length);
  return { records: isAbsolute(file) ? file : resolve(folder, file), counters: where };
}
