/** The commands about databases, as they stand in `--help`. */
import type { Command } from "commander";
import type { PlanCommand } from "./db.ts";
import type { IntrospectCommand } from "./introspect.ts";

type Done = (exitCode: number) => void;

const PLAN_HELP = `
Exit code: 0 where nothing is to be done, 3 where something is, 1 where it cannot be done.`;

export function addDb(root: Command, done: Done, config: string): void {
  const db = root
    .command("db")
    .description("bring the database to what the resources of the config ask for")
    .helpCommand(false);
  db.command("plan")
    .description("show what has to change, and change nothing")
    .option("-c, --config <file>", config)
    .option("--sql", "with the statements")
    .option("--destructive", "also what would drop columns and tables that no resource has any more")
    .option("--json", "as JSON")
    .addHelpText("after", PLAN_HELP)
    .action(async (options: PlanCommand) => {
      const { dbPlan } = await import("./db.ts");
      done(await dbPlan(options));
    });
  db.command("apply")
    .description("change it: everything or nothing")
    .option("-c, --config <file>", config)
    .option("--destructive", "also what loses data: drops columns and tables that no resource has any more")
    .option("--json", "as JSON")
    .action(async (options: PlanCommand) => {
      const { dbApply } = await import("./db.ts");
      done(await dbApply(options));
    });
}

const INTROSPECT_HELP = `
The tables are marked \`external\`: Turnpike uses them as they are and never changes them. The password of the URL is not
written; it may also stand in PGPASSWORD.`;

export function addIntrospect(root: Command): void {
  root
    .command("introspect")
    .description("write the resources for the tables of a database that is there")
    .argument("<url>", "postgres://user:password@host/database")
    .option("--schema <name>", "of PostgreSQL", "public")
    .option("--tables <list>", "only these: customers,orders")
    .option("-o, --out <file>", "write it there instead of on stdout")
    .option("-f, --force", "overwrite a file that is there already")
    .addHelpText("after", INTROSPECT_HELP)
    .action(async (url: string, options: IntrospectCommand) => {
      const { introspect } = await import("./introspect.ts");
      await introspect(url, options);
    });
}
