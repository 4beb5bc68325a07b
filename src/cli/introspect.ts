/** `turnpike introspect`. */
import { existsSync, writeFileSync } from "node:fs";
import { listOf } from "../core/found.ts";
import { isPostgresUrl, readPostgresUrl } from "../core/postgres-url.ts";
import { openSchemaSession } from "../stores/resources/schema-session.ts";
import { definitionsOf } from "./introspect/definitions.ts";
import type { FoundTable } from "./introspect/found.ts";
import { readPostgresTables } from "./introspect/read-postgres.ts";
import { makeSound } from "./introspect/sound.ts";
import { writeConfig } from "./introspect/write.ts";
import { Refusal } from "./refusal.ts";

export interface IntrospectCommand {
  readonly schema: string;
  readonly tables?: string;
  readonly out?: string;
  readonly force?: true;
}

/** Where tables are found without the name of their schema. */
const STANDARD_SCHEMA = "public";

export async function introspect(url: string, options: IntrospectCommand): Promise<void> {
  const address = isPostgresUrl(url) ? readPostgresUrl(url) : NOT_POSTGRES;
  if (typeof address === "string") throw new Refusal(address, 2);
  if (options.out !== undefined && !options.force && existsSync(options.out))
    throw new Refusal(`${options.out} is there already: --force overwrites it`, 1);
  const all = await tablesOf(url, options.schema);
  const tables = chosen(all, options);
  const definitions = makeSound(definitionsOf(tables, STANDARD_SCHEMA), "postgres");
  const text = writeConfig(definitions, withoutPassword(url));
  if (options.out === undefined) {
    process.stdout.write(text);
    return;
  }
  writeFileSync(options.out, text);
  process.stdout.write(
    `${options.out}: ${definitions.definitions.length} of ${tables.length} tables are resources; \`turnpike check --config ${options.out}\` says whether it can be used\n`,
  );
}

const NOT_POSTGRES = "expected postgres://user:password@host/database";

async function tablesOf(url: string, schema: string): Promise<readonly FoundTable[]> {
  const session = await openSchemaSession(url, { writes: false }).catch((error: Error) => {
    throw new Refusal(error.message, 1);
  });
  try {
    await session.query("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
    return await readPostgresTables(session, schema);
  } finally {
    await session.close();
  }
}

function chosen(all: readonly FoundTable[], { schema, tables }: IntrospectCommand): readonly FoundTable[] {
  if (all.length === 0)
    throw new Refusal(`there are no tables in the schema ${schema} that this user may see`, 1);
  if (tables === undefined) return all;
  const names = tables.split(",").map((name) => name.trim());
  const unknown = names.filter((name) => !all.some((table) => table.name === name));
  if (unknown.length > 0)
    throw new Refusal(
      `there is no table ${listOf(unknown)} in the schema ${schema}; there is ${listOf(all.map(({ name }) => name))}`,
      1,
    );
  return all.filter(({ name }) => names.includes(name));
}

/** Everything else stays, the files of certificates among it. */
function withoutPassword(text: string): string {
  const url = new URL(text);
  url.password = "";
  return url.href;
}
