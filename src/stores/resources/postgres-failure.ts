import { DatabaseError } from "pg";
import { ConstraintError } from "../../core/database.ts";
import { GatewayError } from "../../core/errors.ts";
import { unavailable } from "../postgres/failure.ts";

/** https://www.postgresql.org/docs/current/errcodes-appendix.html, class 23. */
const KINDS: Readonly<Record<string, ConstraintError["kind"]>> = {
  "23001": "reference",
  "23502": "null",
  "23503": "reference",
  "23505": "unique",
  "23514": "check",
  "23P01": "unique",
};

/**
 * The server has gone in the middle of a statement, or has ended the connection: what was under way may be done or not.
 * Tells what the database does not say apart from what a work throws.
 */
export class LostConnection extends Error {
  override readonly name = "LostConnection";

  constructor(cause: unknown) {
    super("the connection to the database was lost", { cause });
  }

  /** It was not ended by anybody, but gave no answer in time, and would not do so a second time. */
  get silent(): boolean {
    return this.cause instanceof Error && /timeout/i.test(this.cause.message);
  }
}

/** What a statement was rejected with: codes of connections (08) and of a server that stops or starts (57P) end it. */
export function rejection(error: unknown): unknown {
  const answered = error instanceof DatabaseError && !/^(?:08|57P)/.test(error.code ?? "");
  return answered ? error : new LostConnection(error);
}

/** What was thrown, as a ConstraintError or RECORDS_UNAVAILABLE where it is that. */
export function failure(error: unknown): unknown {
  if (error instanceof LostConnection) return unavailable(error.cause);
  if (!(error instanceof DatabaseError)) return error;
  const kind = KINDS[error.code ?? ""];
  return kind === undefined ? unavailable(error) : constraintError(kind, error);
}

function constraintError(kind: ConstraintError["kind"], error: DatabaseError): ConstraintError {
  const { table = "", constraint = "", column, detail = "" } = error;
  const columns = column === undefined ? columnsOf(detail) : [column];
  return new ConstraintError(kind, { table, constraint, columns });
}

/** `Key (owner, "E-Mail")=(…) already exists.` in whatever language; the values are not looked at. */
function columnsOf(detail: string): readonly string[] {
  const [, list = ""] = /\(((?:"(?:[^"]|"")*"|[^"])*?)\)=\(/.exec(detail) ?? [];
  const names = list.match(/(?:"(?:[^"]|"")*"|[^",])+/g) ?? [];
  return names.map((name) => {
    const plain = name.trim();
    return plain.startsWith('"') ? plain.slice(1, -1).replaceAll('""', '"') : plain;
  });
}

/** A table has changed since the statement was prepared, so that its rows look different now. */
export function isStale(error: unknown): boolean {
  return (
    error instanceof DatabaseError && error.code === "0A000" && error.routine === "RevalidateCachedQuery"
  );
}

/**
 * Nobody has said whether the change was made. Without `Retry-After`: only who has sent an `Idempotency-Key` may repeat
 * the request as it is.
 */
export function outcomeUnknown(cause: unknown): GatewayError {
  return new GatewayError("RECORDS_UNAVAILABLE", {
    message:
      "The database was lost while the change was made, and nobody knows whether it was. With an `Idempotency-Key` repeat the request; without, read before you repeat it.",
    cause,
  });
}
