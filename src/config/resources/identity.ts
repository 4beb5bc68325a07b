import { quoted } from "../../core/found.ts";
import type { Field, FieldRules, FieldType, IdRule } from "../../core/resource.ts";
import type { Draft, Scope } from "./scope.ts";
import { stored } from "./stored.ts";
import { checkPattern } from "./types.ts";

export interface Identity {
  readonly rule: IdRule;
  readonly field: Field;
}

/** Behind the prefix: what sorts by time, and what nobody guesses. */
const UNIQUE_PART = 26;
const LONGEST_PREFIX = 16;
/** Segments of a path that no server reads otherwise: no dot first, no slash anywhere. */
const SAFE = "[A-Za-z0-9_~@:-][A-Za-z0-9._~@:-]*";
const LONGEST = 255;

/** How a resource's ids are made, and the field that holds them. */
export function identityOf(draft: Draft, scope: Scope): Identity {
  const { config, at } = draft;
  const { rule, type } = ruleOf(draft, scope);
  if (type === "bigint" && scope.dialect === "sqlite")
    scope.report.error(
      [...at, "id", "type"],
      "bigint takes PostgreSQL; write integer, which SQLite counts with",
    );
  const field = stored({
    name: "id",
    column: config.id?.column ?? "id",
    type,
    summary: "",
    rules: idRules(draft, rule, type, scope),
    required: rule.kind === "given",
    readOnly: rule.kind !== "given",
    immutable: true,
    at: 0,
  });
  return { rule, field };
}

function ruleOf(draft: Draft, { report }: Scope): { rule: IdRule; type: FieldType } {
  const { config, at, singular, unread } = draft;
  const { id } = config;
  const place = [...at, "id"];
  const unsaid = id?.prefix === undefined && id?.type === undefined;
  if (config.external && unsaid && !unread.has("id"))
    report.error(
      place,
      "is needed, because the table is external: say how its ids are made, such as id: { type: integer }",
    );
  const { prefix, type = "string", given = false } = id ?? {};
  if (prefix !== undefined || (id?.type === undefined && !given)) {
    if (given)
      report.keyError(
        [...place, "given"],
        "does not go together with prefix: given ids are as they are given",
      );
    if (id?.type !== undefined)
      report.keyError([...place, "type"], "does not go together with prefix: such ids are strings");
    return { rule: { kind: "prefix", prefix: prefix ?? prefixOf(singular) }, type: "string" };
  }
  if (given) {
    if (config.owner !== false)
      report.keyError(
        [...place, "given"],
        "does not go together with owner: that an id is taken (409) would tell strangers of the object",
      );
    return { rule: { kind: "given" }, type };
  }
  if (type === "uuid") return { rule: { kind: "uuid" }, type };
  if (type === "string")
    report.error([...place, "type"], "says not who makes the ids; add given: true, or write prefix instead");
  return { rule: { kind: "counted" }, type };
}

const prefixOf = (singular: string): string => singular.replaceAll("_", "").slice(0, 3);

function idRules({ config, at }: Draft, rule: IdRule, type: FieldType, { report }: Scope): FieldRules {
  const { id } = config;
  const place = [...at, "id"];
  const rules = {
    ...(id?.minLength === undefined ? {} : { minLength: id.minLength }),
    ...(id?.maxLength === undefined ? {} : { maxLength: id.maxLength }),
    ...(id?.pattern === undefined ? {} : { pattern: id.pattern }),
  };
  if (rule.kind !== "given" || type !== "string") {
    for (const name of Object.keys(rules))
      report.keyError([...place, name], "is about ids that are given, and strings");
    if (rule.kind !== "prefix") return {};
    // Those from before a change of the prefix are ids too.
    return { minLength: 1 + 1 + UNIQUE_PART, maxLength: LONGEST_PREFIX + 1 + UNIQUE_PART };
  }
  if (rules.pattern !== undefined) checkPattern(rules.pattern, [...place, "pattern"], report);
  if ((rules.minLength ?? 1) > (rules.maxLength ?? LONGEST))
    report.error([...place, "minLength"], `is more than maxLength (${rules.maxLength ?? LONGEST})`);
  // Ids that are there already are what they are.
  return config.external ? rules : { minLength: 1, maxLength: LONGEST, pattern: SAFE, ...rules };
}

/** Ids say what they are of: no two resources have the same prefix. */
export function checkPrefixes(
  made: ReadonlyMap<string, { draft: Draft; rule: IdRule }>,
  { report }: Scope,
): void {
  const first = new Map<string, string>();
  for (const [name, { draft, rule }] of made) {
    if (rule.kind !== "prefix") continue;
    const other = first.get(rule.prefix);
    if (other === undefined) first.set(rule.prefix, name);
    else {
      const written = draft.config.id?.prefix !== undefined;
      const message = `ids of ${other} begin with ${quoted(`${rule.prefix}_`)} too${written ? "" : "; write id: { prefix: … } with another"}`;
      report.error([...draft.at, "id", ...(written ? ["prefix"] : [])], message);
    }
  }
}
