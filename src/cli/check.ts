import { summary } from "../config/explain.ts";
import { loadPlan } from "../config/plan.ts";
import { dryWorld } from "../threads/dry.ts";
import { findConfig } from "./find-config.ts";
import { printProblems } from "./output.ts";

/** `turnpike check`: one line if the config can be used; what is wrong with it otherwise. */
export async function check(options: { readonly config?: string }): Promise<void> {
  const file = findConfig(options.config);
  const { plan, upstreams, warnings } = await loadPlan(file, dryWorld);
  printProblems(warnings, "warning");
  process.stdout.write(`${file}: ok — ${summary(plan, upstreams.size)}\n`);
}
