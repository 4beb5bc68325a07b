import type { Database } from "../../../core/database.ts";
import type { Resources } from "../../../core/resource.ts";
import type { FillRandom } from "../ids.ts";
import { Ids } from "../ids.ts";
import { PostgresOnce } from "../once-postgres.ts";
import { SqliteOnce } from "../once-sqlite.ts";
import type { ResourceStore } from "../store.ts";
import { Deletion } from "./deletion.ts";
import { referrersOf } from "./references.ts";
import { SqlStore } from "./store.ts";
import { Tables } from "./tables.ts";
import { Writer } from "./writer.ts";

export interface StoreParts {
  /** Milliseconds since the epoch. */
  readonly wall: () => number;
  readonly random: FillRandom;
}

/** The resources of one plan on a database that has their tables. */
export function makeResourceStore(
  database: Database,
  resources: Resources,
  { wall, random }: StoreParts,
): ResourceStore {
  const tables = new Tables(resources, database.dialect);
  const once = database.dialect === "sqlite" ? new SqliteOnce(wall) : new PostgresOnce();
  const writer = new Writer(tables, once);
  const deletion = new Deletion({
    tables,
    wall,
    referrers: referrersOf(resources),
    ids: new Ids(wall, random),
  });
  return new SqlStore({ database, tables, once, writer, deletion });
}
