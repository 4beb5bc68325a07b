import { isAbsolute, resolve } from "node:path";
import { z } from "zod";
import { text, whole, word } from "../core/fields.ts";
import { found } from "../core/found.ts";
import type { StorePlan } from "../core/plan.ts";
import { FILE_PARAMETERS, isPostgresUrl, readPostgresUrl } from "../core/postgres-url.ts";

/** Where things are remembered. */

const records = text("a store such as sqlite:./data/turnpike.db", (url) => {
  if (/^sqlite:.+/.test(url) || url === "none") return undefined;
  if (isPostgresUrl(url)) {
    const address = readPostgresUrl(url);
    return typeof address === "string" ? address : undefined;
  }
  const expected = "expected none, sqlite: and a file, or postgres://user:password@host:5432/database";
  // A URL of another kind may hold a password.
  return url.includes("://") ? expected : `${expected}, ${found(url)}`;
});

const counters = text("memory or a URL such as redis://127.0.0.1:6379", (url) => {
  if (url === "memory") return undefined;
  // What stands before the @ may be a password: it is never shown.
  if (/^rediss?:\/\//.test(url))
    return URL.canParse(url)
      ? undefined
      : "expected a URL such as redis://127.0.0.1:6379/0; this one cannot be read";
  const expected = "expected memory or a URL such as redis://127.0.0.1:6379";
  return url.includes("://") ? expected : `${expected}, ${found(url)}`;
});

export const store = z
  .strictObject({
    records: records
      .default("sqlite:./data/turnpike.db")
      .describe(
        "What is issued and remembered at run time (API keys, revocations, idempotency): `sqlite:` and a file, relative to the config, or `postgres://user:password@host:5432/database`, which several gateways share, with `sslmode` and `sslrootcert` as libpq has them; opened only if something uses it. `none` where only the config's own keys count and nothing may be written.",
      ),
    counters: counters
      .default("memory")
      .describe(
        "Counts of the rate limits: `memory`, exact over all threads of this process, or `redis://…`, exact over all processes that share it.",
      ),
    connections: whole(1, 500)
      .default(10)
      .describe("Connections to PostgreSQL for `resources`, of this process."),
    migrate: word(["auto", "manual"])
      .default("auto")
      .describe(
        "What happens at the start where the tables of `resources` are not yet as the config wants them: `auto` adds what is missing, and refuses to start where something would be lost; `manual` refuses to start, and `turnpike db apply` does it.",
      ),
  })
  .describe("Where things are remembered.");

/** Files become absolute: threads and tools have other ideas of where they are. */
export function storePlan({ records: url, ...rest }: z.output<typeof store>, folder: string): StorePlan {
  if (url === "none") return { records: null, ...rest };
  if (isPostgresUrl(url)) return { records: absoluteFiles(url, folder), ...rest };
  const file = url.slice("sqlite:".length);
  return { records: isAbsolute(file) ? file : resolve(folder, file), ...rest };
}

/** What `store.records` is, as far as definitions of tables have to know. */
export const dialectOf = (records: string): "sqlite" | "postgres" =>
  isPostgresUrl(records) ? "postgres" : "sqlite";

function absoluteFiles(text: string, folder: string): string {
  const url = new URL(text);
  for (const name of FILE_PARAMETERS) {
    const file = url.searchParams.get(name);
    if (file) url.searchParams.set(name, resolve(folder, file));
  }
  return url.href;
}
