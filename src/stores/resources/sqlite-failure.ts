/** What goes wrong with a SQLite file, told apart: a change that it refuses, or a file that cannot be read or written. */
import { ConstraintError } from "../../core/database.ts";
import { GatewayError } from "../../core/errors.ts";

interface SqliteError extends Error {
  /** Extended result code: https://sqlite.org/rescode.html */
  readonly errcode: number;
}

const isSqlite = (error: unknown): error is SqliteError =>
  error instanceof Error && (error as { code?: string }).code === "ERR_SQLITE_ERROR";

const primary = (error: SqliteError): number => error.errcode & 0xff;

/** SQLITE_BUSY, SQLITE_LOCKED. */
export const isBusy = (error: unknown): boolean => isSqlite(error) && [5, 6].includes(primary(error));

/** Out of memory, read-only, input or output, full, not to be opened, protocol of locks; and who has it locked. */
const LATER: ReadonlySet<number> = new Set([5, 6, 7, 8, 10, 13, 14, 15]);

const KINDS: ReadonlyMap<number, ConstraintError["kind"]> = new Map([
  [275, "check"],
  [787, "reference"],
  [1299, "null"],
  [1555, "unique"],
  [1811, "check"],
  [2067, "unique"],
  [2579, "unique"],
]);

/** What was thrown, as a ConstraintError or RECORDS_UNAVAILABLE where it is that. */
export function failure(error: unknown): unknown {
  if (!isSqlite(error)) return error;
  const kind = KINDS.get(error.errcode);
  if (kind !== undefined) return constraintError(kind, error.message);
  return LATER.has(primary(error)) ? unavailable(error) : error;
}

export function unavailable(cause: unknown): GatewayError {
  return new GatewayError("RECORDS_UNAVAILABLE", { cause, headers: { "Retry-After": "1" } });
}

/** `UNIQUE constraint failed: orders.owner, orders.email`, or `…: index 'orders_email'` where it is of an expression. */
function constraintError(kind: ConstraintError["kind"], message: string): ConstraintError {
  const told = message.slice(message.indexOf(": ") + 2);
  const index = /^index '(.*)'$/s.exec(told)?.[1];
  if (index !== undefined) return new ConstraintError(kind, { table: "", constraint: index, columns: [] });
  if (kind === "check") return new ConstraintError(kind, { table: "", constraint: told, columns: [] });
  if (kind === "reference") return new ConstraintError(kind, { table: "", constraint: "", columns: [] });
  const table = told.slice(0, told.indexOf("."));
  const columns = told.split(`, ${table}.`);
  const first = (columns[0] as string).slice(table.length + 1);
  return new ConstraintError(kind, { table, constraint: "", columns: [first, ...columns.slice(1)] });
}
