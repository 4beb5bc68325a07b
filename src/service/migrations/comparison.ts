import type { Picture, Table } from "./picture.ts";
import { type Dialect, qualified } from "./quote.ts";
import type { WantedTable } from "./wanted.ts";

/** What is there beside what is asked for. */
export interface Comparison {
  readonly dialect: Dialect;
  readonly picture: Picture;
  readonly wanted: readonly WantedTable[];
  /** Whether what was made and is no longer asked for is to go. */
  readonly destructive: boolean;
  /** The number that a statement returns. */
  readonly count: (sql: string) => Promise<number>;
}

export const rowsIn = ({ count }: Comparison, table: Table): Promise<number> =>
  count(`SELECT count(*) FROM ${qualified(table)}`);

/** Without counting all of them. */
export const hasRows = async ({ count }: Comparison, table: Table): Promise<boolean> =>
  (await count(`SELECT CASE WHEN EXISTS (SELECT 1 FROM ${qualified(table)}) THEN 1 ELSE 0 END`)) === 1;

export const rowsAre = (count: number): string => (count === 1 ? "1 row has" : `${count} rows have`);
