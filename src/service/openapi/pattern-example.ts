import { type Expression, parsePattern } from "../../core/json-schema/pattern-syntax.ts";

/** Tried in this order for a piece of a pattern that matches one character. */
const CHARACTERS =
  "Aa0-_. ~!\"#$%&'()*+,/:;<=>?@[\\]^`{|}BCDEFGHIJKLMNOPQRSTUVWXYZbcdefghijklmnopqrstuvwxyz123456789éß€";
/** How often something is repeated that may be repeated without end. */
const MOST_TRIED = 64;

/** Short texts first; what they are to fit besides the pattern, the caller sees to. `pattern` is about the whole text. */
export function* textsOf(pattern: string): Generator<string> {
  const { expression } = parsePattern(pattern);
  for (let times = 1; times <= MOST_TRIED; times *= 2) {
    const text = textOf(expression, times);
    if (text !== null) yield text;
  }
}

/** Null where none of the characters that are tried fits. */
function textOf(expression: Expression, times: number): string | null {
  switch (expression.kind) {
    case "start":
    case "end":
      return "";
    case "character":
      return characterOf(expression.source);
    case "sequence":
      return joined(expression.parts.map((part) => textOf(part, times)));
    case "choice":
      return expression.branches.map((branch) => textOf(branch, times)).find((text) => text !== null) ?? null;
    case "repeat": {
      const count = Math.max(expression.least, Math.min(times, expression.most));
      return count === 0 ? "" : joined(Array<string | null>(count).fill(textOf(expression.of, times)));
    }
  }
}

const joined = (parts: readonly (string | null)[]): string | null =>
  parts.includes(null) ? null : parts.join("");

function characterOf(source: string): string | null {
  const fits = new RegExp(`^${source}$`, "u");
  return [...CHARACTERS].find((character) => fits.test(character)) ?? null;
}
