import type { z } from "zod";
import { quoted } from "../core/found.ts";
import { wanted } from "./keys.ts";
import { type Finding, type Path, pathText } from "./problem.ts";
import type { Source } from "./source.ts";

/** Variables are text; where a schema wants a number or a truth value, they are read as one. Changes `root`. */
export function convertVariables(root: unknown, schema: z.ZodType, source: Source, at: Path): void {
  for (const { path } of source.variables) {
    const inside = path.slice(at.length);
    const key = inside.at(-1);
    if (key === undefined || !at.every((part, i) => part === path[i])) continue;
    const holder = valueAt(root, inside.slice(0, -1)) as Record<string | number, unknown> | undefined;
    const value = holder?.[key];
    if (holder === undefined || typeof value !== "string") continue;
    const type = wanted(schema, inside);
    if (type === "number" && /^-?\d+(\.\d+)?$/.test(value)) holder[key] = Number(value);
    else if (type === "boolean" && /^(true|false)$/.test(value)) holder[key] = value === "true";
  }
}

/** The finding with `${NAME}` in place of what the variable holds: that may be a secret. */
export function withoutSecrets(finding: Finding, source: Source): Finding {
  const variable = source.variables.find(({ path }) => pathText(path) === pathText(finding.path));
  if (variable === undefined) return finding;
  const { written } = variable;
  const value = String(valueAt(source.value, variable.path));
  const message = finding.message
    .replace(/, found .*$/s, () => `, found ${quoted(written)}`)
    .replaceAll(quoted(value), () => quoted(written));
  // A value of a few letters is no secret, and would be found inside other words.
  return { ...finding, message: value.length < 4 ? message : message.replaceAll(value, () => written) };
}

export function valueAt(root: unknown, path: Path): unknown {
  let value = root;
  for (const part of path)
    value = (value as Readonly<Record<string | number, unknown>> | null | undefined)?.[part];
  return value;
}
