/** Why a database could not be changed, as a sentence for people. */

export class MigrationRefusal extends Error {
  override readonly name = "MigrationRefusal";
}

/** `doing` is the sentence of the step; `place` the database's, without a password. */
export function failure(error: unknown, place: string, doing: string): Error {
  if (error instanceof MigrationRefusal) return error;
  const what = doing === "" ? "" : `to ${doing}: `;
  return new MigrationRefusal(`${place} could not be changed, and is as it was: ${what}${reasonOf(error)}`, {
    cause: error,
  });
}

/** Where all else is done. */
export const missingIndex = (error: unknown, place: string, doing: string): Error =>
  new MigrationRefusal(
    `${place} has been changed, but for an index, which the next \`turnpike db apply\` makes: to ${doing}: ${reasonOf(error)}`,
    { cause: error },
  );

function reasonOf(error: unknown): string {
  const { code = "", message } = error as { readonly code?: string; readonly message: string };
  return REASONS[code] ?? message;
}

/** https://www.postgresql.org/docs/current/errcodes-appendix.html */
const REASONS: Readonly<Record<string, string>> = {
  "55P03": "a long statement or transaction of somebody else uses the table; try again when it has ended",
  "42501": "this user may not do it: it has to own the table, or needs CREATE on the schema",
  "23505": "two rows have the same value meanwhile",
  "23502": "a row has no value meanwhile",
  "23503": "a row refers to what is not there",
  "2BP01": "somebody else has built a view or a key on it; drop that first",
  "53100": "the disk is full",
  "25006": "the database only reads, such as a standby",
};

/** Somebody else holds what is needed, for now. */
export const isLocked = (error: unknown): boolean =>
  ["55P03", "40P01", "40001"].includes((error as { readonly code?: string }).code ?? "");
