/** `turnpike db plan|apply`. */
import { loadPlan } from "../config/plan.ts";
import type { Resources } from "../core/resource.ts";
import type { SchemaSession } from "../core/schema-session.ts";
import {
  type MigrationPlan,
  MigrationRefusal,
  migrate,
  planMigration,
  type Step,
} from "../service/migrations/index.ts";
import { openSchemaSession } from "../stores/resources/schema-session.ts";
import { dryWorld } from "../threads/dry.ts";
import { findConfig } from "./find-config.ts";
import { Refusal } from "./refusal.ts";

interface Common {
  readonly config?: string;
  readonly destructive?: true;
  readonly json?: true;
}

export interface PlanCommand extends Common {
  readonly sql?: true;
}

/** Beside 0 for nothing to do and 1 for what cannot be done: so that a script can tell. */
const PENDING = 3;

/** Changes nothing; resolves with the exit code. */
export async function dbPlan(options: PlanCommand): Promise<number> {
  return withDatabase(options.config, { writes: false }, async (session, resources) => {
    const plan = await planMigration(session, resources, options);
    print(options.json ? JSON.stringify(asJson(plan), null, 2) : asText(plan, options));
    if (plan.steps.length === 0) return 0;
    return plan.steps.some(({ severity }) => severity === "impossible") ? 1 : PENDING;
  });
}

export async function dbApply(options: Common): Promise<number> {
  return withDatabase(options.config, { writes: true }, async (session, resources) => {
    const progress = (sentence: string): void => {
      process.stderr.write(`${sentence}\n`);
    };
    const plan = await migrate(session, resources, { ...options, progress });
    const { place, steps } = plan;
    if (options.json) print(JSON.stringify(asJson(plan), null, 2));
    else if (steps.length === 0) print(`${place} is as the resources ask for: nothing to do`);
    else print(`${place}: ${changes(steps.length)} done`);
    return 0;
  });
}

async function withDatabase<Result>(
  config: string | undefined,
  how: { readonly writes: boolean },
  work: (session: SchemaSession, resources: Resources) => Promise<Result>,
): Promise<Result> {
  const file = findConfig(config);
  const { plan } = await loadPlan(file, dryWorld);
  if (plan.resources.size === 0)
    throw new Refusal(`${file} has no resources: there is no table to look after`, 1);
  if (plan.store.records === null)
    throw new Refusal(
      "resources need a database: store.records is none; write sqlite:FILE or postgres://…",
      1,
    );
  const session = await openSchemaSession(plan.store.records, how).catch((error: Error) => {
    throw new Refusal(error.message, 1);
  });
  try {
    return await work(session, plan.resources);
  } catch (error) {
    if (error instanceof MigrationRefusal) throw new Refusal(error.message, 1);
    throw error;
  } finally {
    await session.close();
  }
}

const asJson = ({ place, dialect, steps, leftAlone }: MigrationPlan): unknown => ({
  database: place,
  dialect,
  pending: steps.length,
  steps: steps.map(({ kind, table, severity, sentence, sql, concurrently }) => ({
    kind,
    table,
    severity,
    description: sentence,
    in_transaction: concurrently === null,
    sql,
  })),
  left_alone: leftAlone,
});

function asText({ place, steps, leftAlone }: MigrationPlan, { sql }: PlanCommand): string {
  const head =
    steps.length === 0
      ? `${place} is as the resources ask for: nothing to do`
      : `${place}: ${changes(steps.length)} to be made`;
  const alone = leftAlone.map((what) => `  left alone: ${what}, which no resource has any more`);
  const lines = [head, ...steps.flatMap((step) => lineOf(step, sql === true)), ...alone];
  if (alone.length > 0) lines.push("`--destructive` drops what is left alone.");
  return lines.join("\n");
}

const MARKS = { safe: "+", destructive: "! loses data:", impossible: "✗ impossible:" } as const;

const lineOf = ({ severity, sentence, sql }: Step, withSql: boolean): readonly string[] => [
  `  ${MARKS[severity]} ${sentence}`,
  ...(withSql ? sql.map((statement) => `${statement};`.replaceAll(/^/gm, "      ")) : []),
];

const changes = (count: number): string => (count === 1 ? "1 change" : `${count} changes`);

const print = (text: string): void => {
  process.stdout.write(`${text}\n`);
};
