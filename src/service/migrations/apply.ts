/** Carries a plan out: all of it, or nothing. */
import type { SchemaSession } from "../../core/schema-session.ts";
import { failure, isLocked, MigrationRefusal, missingIndex } from "./failure.ts";
import type { MigrationPlan, Step } from "./plan.ts";
import { identifier } from "./quote.ts";

export interface Applying {
  readonly session: SchemaSession;
  /** Gets the sentence of a step before it is taken. */
  readonly progress: (sentence: string) => void;
  /** Milliseconds. */
  readonly wait: (duration: number) => Promise<void>;
}

/** The file is locked by the transaction in which `plan` was made; it is ended here. */
export async function applySqlite(applying: Applying, plan: MigrationPlan): Promise<void> {
  const { session } = applying;
  await takeAll(applying, plan.steps);
  const tables = new Set(plan.steps.map(({ table }) => table));
  for (const { kind, table } of plan.steps) if (kind === "drop table") tables.delete(table);
  for (const table of tables) await checkReferences(session, table);
  await session.query("COMMIT").catch((error: unknown) => {
    throw failure(error, plan.place, "");
  });
}

/** Those of other tables are not looked at: what was wrong with them before is nothing of ours. */
async function checkReferences(session: SchemaSession, table: string): Promise<void> {
  const [orphan] = await session.query(`PRAGMA foreign_key_check(${identifier(table)})`);
  if (orphan !== undefined)
    throw new MigrationRefusal(
      `${session.place} could not be changed, and is as it was: a row of ${table} refers to what is not there in ${String(orphan[2])}`,
    );
}

/** Nobody waits for longer than this behind us, while we wait for somebody. */
const LOCK_TIMEOUT_MS = 2_000;
const ATTEMPTS = 5;
const PAUSE_MS = 1_000;
/** An index that is made concurrently waits for all transactions that are open: nobody waits behind it. */
const CONCURRENT_LOCK_TIMEOUT_MS = 60_000;

/** The session holds the lock of migrations. */
export async function applyPostgres(applying: Applying, plan: MigrationPlan): Promise<void> {
  const before = plan.steps.filter(({ concurrently }) => concurrently?.when === "before");
  const after = plan.steps.filter(({ concurrently }) => concurrently?.when === "after");
  const made: Step[] = [];
  try {
    for (const step of before) {
      made.push(step);
      await makeIndex(applying, step, failure);
    }
    await transaction(
      applying,
      plan.place,
      plan.steps.filter(({ concurrently }) => concurrently === null),
    );
  } catch (error) {
    for (const step of made) await dropIndex(applying.session, step);
    throw error;
  }
  for (const step of after) await makeIndex(applying, step, missingIndex);
}

async function transaction(applying: Applying, place: string, steps: readonly Step[]): Promise<void> {
  const { session, wait } = applying;
  for (let attempt = 1; steps.length > 0; attempt++) {
    await session.query("BEGIN");
    try {
      await session.query(`SET LOCAL lock_timeout = ${LOCK_TIMEOUT_MS}`);
      await takeAll(attempt === 1 ? applying : { ...applying, progress: () => {} }, steps);
      await commit(session, place);
      return;
    } catch (error) {
      await session.query("ROLLBACK").catch(() => {});
      const cause = (error as Error).cause;
      if (!isLocked(cause) || attempt === ATTEMPTS) throw failure(error, place, "");
      applying.progress(
        `somebody uses a table that has to change; trying again (${attempt} of ${ATTEMPTS - 1})`,
      );
      await wait(PAUSE_MS);
    }
  }
}

/** Where the connection is lost, nobody has said whether it is done. */
async function commit(session: SchemaSession, place: string): Promise<void> {
  try {
    await session.query("COMMIT");
  } catch (error) {
    if ((error as { readonly code?: string }).code !== undefined) throw error;
    throw new MigrationRefusal(
      `the connection to ${place} was lost at the end: all of it is done or nothing; \`turnpike db plan\` says which`,
      { cause: error },
    );
  }
}

async function takeAll({ session, progress }: Applying, steps: readonly Step[]): Promise<void> {
  for (const step of steps) {
    progress(step.sentence);
    try {
      for (const statement of step.sql) await session.query(statement);
    } catch (error) {
      throw failure(error, session.place, step.sentence);
    }
  }
}

async function makeIndex(
  { session, progress }: Applying,
  step: Step,
  refused: typeof failure,
): Promise<void> {
  progress(step.sentence);
  try {
    await session.query(`SET lock_timeout = ${CONCURRENT_LOCK_TIMEOUT_MS}`);
    for (const statement of step.sql) await session.query(statement);
  } catch (error) {
    await dropIndex(session, step);
    throw refused(error, session.place, step.sentence);
  } finally {
    await session.query("SET lock_timeout = 0").catch(() => {});
  }
}

/** What is left of one whose making was broken off is not valid, and costs every write. */
async function dropIndex(session: SchemaSession, step: Step): Promise<void> {
  const undo = step.concurrently?.undo ?? [];
  for (const statement of undo) await session.query(statement).catch(() => {});
}
