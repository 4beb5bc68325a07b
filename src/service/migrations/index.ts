/** Brings a database to what the definitions of resources ask for: planned, shown, and never destructive without a word. */
import { setTimeout as delay } from "node:timers/promises";
import type { Resources } from "../../core/resource.ts";
import type { SchemaSession } from "../../core/schema-session.ts";
import { type Applying, applyPostgres, applySqlite } from "./apply.ts";
import { failure, MigrationRefusal } from "./failure.ts";
import { type MigrationPlan, makePlan } from "./plan.ts";

export { MigrationRefusal } from "./failure.ts";
export type { MigrationPlan, Step } from "./plan.ts";

export interface PlanOptions {
  /** Drops what was made for definitions that are gone, and allows what loses values. */
  readonly destructive?: boolean;
}

export interface MigrationOptions extends PlanOptions {
  /** Refuses where anything is to be done, instead of doing it. */
  readonly manual?: boolean;
  readonly progress?: (sentence: string) => void;
  readonly wait?: (milliseconds: number) => Promise<void>;
}

/** Changes nothing. */
export async function planMigration(
  session: SchemaSession,
  resources: Resources,
  { destructive = false }: PlanOptions = {},
): Promise<MigrationPlan> {
  await session.query(
    session.dialect === "postgres" ? "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY" : "BEGIN",
  );
  try {
    return await makePlan(session, resources, destructive);
  } finally {
    await session.query("ROLLBACK");
  }
}

/**
 * Does all that is to be done, or nothing; returns what that was. Several processes may do it at the same time: one does
 * it, the others find it done.
 *
 * @throws MigrationRefusal with a sentence, where a step is impossible, loses something without `destructive`, or fails.
 */
export async function migrate(
  session: SchemaSession,
  resources: Resources,
  options: MigrationOptions = {},
): Promise<MigrationPlan> {
  const plan = await planMigration(session, resources, options);
  if (plan.steps.length === 0) return plan;
  if (options.manual) throw pending(plan);
  refuseWhatIsNotSafe(plan, options);
  const { progress = () => {}, wait = delay } = options;
  const applying = { session, progress, wait };
  return session.dialect === "postgres"
    ? migratePostgres(applying, resources, options)
    : migrateSqlite(applying, resources, options);
}

/** What the plan says may have changed until the file was ours: it is made again. */
async function migrateSqlite(
  applying: Applying,
  resources: Resources,
  options: MigrationOptions,
): Promise<MigrationPlan> {
  const { session } = applying;
  // Both are without effect within a transaction. Views go on naming a table that is copied.
  await session.query("PRAGMA foreign_keys = OFF");
  await session.query("PRAGMA legacy_alter_table = ON");
  await beginAlone(applying);
  try {
    const plan = await makePlan(session, resources, options.destructive ?? false);
    refuseWhatIsNotSafe(plan, options);
    await applySqlite(applying, plan);
    return plan;
  } catch (error) {
    // A full disk has ended the transaction already.
    await session.query("ROLLBACK").catch(() => {});
    throw error;
  } finally {
    await session.query("PRAGMA legacy_alter_table = OFF");
    await session.query("PRAGMA foreign_keys = ON");
  }
}

/** SQLITE_BUSY: somebody else writes, or migrates. */
const BUSY = 5;

/** Asks again and again: waiting within SQLite, this thread could not go on with what it waits for. */
async function beginAlone({ session, wait }: Applying): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await session.query("BEGIN IMMEDIATE");
      return;
    } catch (error) {
      if ((error as { errcode?: number }).errcode !== BUSY || attempt === LOCK_ATTEMPTS)
        throw failure(error, session.place, "");
      await wait(LOCK_PAUSE_MS);
    }
  }
}

const LOCK_ATTEMPTS = 300;
const LOCK_PAUSE_MS = 200;

/** Beside `LOCKS` of stores/records: the schemas of resources. */
const LOCK = "1953853038, -1";
async function migratePostgres(
  applying: Applying,
  resources: Resources,
  options: MigrationOptions,
): Promise<MigrationPlan> {
  const { session } = applying;
  await takeLock(applying);
  try {
    const plan = await planMigration(session, resources, options);
    refuseWhatIsNotSafe(plan, options);
    await applyPostgres(applying, plan);
    return plan;
  } finally {
    await session.query(`SELECT pg_advisory_unlock(${LOCK})`).catch(() => {});
  }
}

/** Asks again and again: a statement that waited would be waited for by an index that is made concurrently. */
async function takeLock({ session, wait }: Applying): Promise<void> {
  for (let attempt = 1; attempt <= LOCK_ATTEMPTS; attempt++) {
    const [got] = await session.query(`SELECT pg_try_advisory_lock(${LOCK})`);
    if (got?.[0] === true) return;
    await wait(LOCK_PAUSE_MS);
  }
  throw new MigrationRefusal(
    `${session.place} is being changed by another process, and has been for a minute; try again when that has ended`,
  );
}

function pending({ place, steps }: MigrationPlan): MigrationRefusal {
  const [first] = steps;
  const more = steps.length === 1 ? "" : `, and ${steps.length - 1} more`;
  return new MigrationRefusal(
    `${place} is not what the resources ask for (${first?.sentence}${more}): \`turnpike db plan\` shows what is to be done, \`turnpike db apply\` does it`,
  );
}

function refuseWhatIsNotSafe({ place, steps }: MigrationPlan, { destructive = false }: PlanOptions): void {
  const impossible = steps.filter(({ severity }) => severity === "impossible");
  if (impossible.length > 0)
    throw new MigrationRefusal(
      `${place} cannot become what the resources ask for: ${impossible.map(({ sentence }) => sentence).join("; ")}`,
    );
  const losing = steps.filter(({ severity }) => severity === "destructive");
  if (losing.length > 0 && !destructive)
    throw new MigrationRefusal(
      `${place} would lose something: ${losing.map(({ sentence }) => sentence).join("; ")}; \`turnpike db apply --destructive\` does it all the same`,
    );
}
