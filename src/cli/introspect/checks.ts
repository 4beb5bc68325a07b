/** CHECK constraints that a field's rules can say. */

export interface CheckRules {
  enum?: readonly (string | number)[];
  minimum?: number;
  maximum?: number;
  minLength?: number;
  maxLength?: number;
}

/** Null where it says more than rules can. `whole`: of a type without fractions. */
export function rulesOfCheck(expression: string, column: string, whole: boolean): CheckRules | null {
  const rules: CheckRules = {};
  for (const part of conjuncts(plainExpression(expression))) {
    const found = ofOne(part, column, whole);
    if (found === null || overlap(rules, found)) return null;
    Object.assign(rules, found);
  }
  return rules;
}

/** Whether both say something of the same: one would hide the other. A list of values is all there is to say. */
function overlap(one: CheckRules, other: CheckRules): boolean {
  if ("enum" in one || "enum" in other) return Object.keys(one).length > 0 && Object.keys(other).length > 0;
  return Object.keys(other).some((rule) => rule in one);
}

const TEXT = /'(?:[^']|'')*'/g;

/** Without casts and without brackets, as far as they stand outside of texts. */
function plainExpression(expression: string): string {
  const texts: string[] = [];
  const hidden = expression.replaceAll(TEXT, (text) => {
    texts.push(text);
    return `§${texts.length - 1}§`;
  });
  return hidden
    .replaceAll(
      /::(?:"[^"]+"|[a-z_]+)(?:\.(?:"[^"]+"|\w+))?(?: varying| precision)?(?:\(\d+(?:,\d+)?\))?(?:\[\])?/g,
      "",
    )
    .replaceAll(/[()]/g, " ")
    .replaceAll(/\s+/g, " ")
    .trim()
    .replaceAll(/§(\d+)§/g, (_, index: string) => texts[Number(index)] as string);
}

const conjuncts = (expression: string): readonly string[] =>
  expression.split(/ AND (?=(?:[^']|'(?:[^']|'')*')*$)/);

const NUMBER = /^'?(-?\d+(?:\.\d+)?)'?$/;

function ofOne(part: string, column: string, whole: boolean): CheckRules | null {
  const names = [column, `"${column.replaceAll('"', '""')}"`, "VALUE"];
  const [, subject = "", comparison = "", value = ""] = /^(.+?) (= ANY|<=|>=|<|>) ?(.*)$/.exec(part) ?? [];
  if (comparison === "= ANY" && names.includes(subject)) return ofList(value);
  const bound = Number(NUMBER.exec(value)?.[1] ?? Number.NaN);
  if (Number.isNaN(bound)) return null;
  const [, length] = /^(?:char_length|character_length|length) (.+)$/.exec(subject) ?? [];
  const limits = limitsOf(comparison, bound, whole || length !== undefined);
  if (limits === null) return null;
  if (names.includes(subject)) return limits;
  if (length === undefined || !names.includes(length)) return null;
  const { minimum, maximum } = limits;
  return {
    ...(minimum === undefined ? {} : { minLength: Math.max(0, minimum) }),
    ...(maximum === undefined ? {} : { maxLength: maximum }),
  };
}

function limitsOf(comparison: string, bound: number, whole: boolean): CheckRules | null {
  if (comparison === ">=") return { minimum: bound };
  if (comparison === "<=") return { maximum: bound };
  if (!whole || !Number.isInteger(bound)) return null;
  if (comparison === ">") return { minimum: bound + 1 };
  return comparison === "<" ? { maximum: bound - 1 } : null;
}

function ofList(list: string): CheckRules | null {
  const [, inner] = /^ARRAY\[(.*)\]$/.exec(list) ?? [];
  if (inner === undefined) return null;
  const texts = [...inner.matchAll(TEXT)].map(([text]) => text.slice(1, -1).replaceAll("''", "'"));
  if (texts.length > 0 && inner.replaceAll(TEXT, "").replaceAll(/[, ]/g, "") === "") return { enum: texts };
  const numbers = inner.split(", ").map(Number);
  return numbers.every(Number.isFinite) && inner !== "" ? { enum: numbers } : null;
}
