import type { Session } from "./postgres.ts";

/**
 * The number of a change that every gateway has to hear of. Comes first in its transaction: who changes anything waits
 * here for the one before, so that nobody meets anybody later.
 */
export async function nextChange(session: Session): Promise<number> {
  const sql = "UPDATE turnpike.changes SET last = last + 1 RETURNING last";
  const [row] = await session.query<[number]>(sql);
  return (row as [number])[0];
}

/** The number of the last change that this sees. */
export async function lastChange(session: Session): Promise<number> {
  const [row] = await session.query<[number]>("SELECT last FROM turnpike.changes");
  return (row as [number])[0];
}
