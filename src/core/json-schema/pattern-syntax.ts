/**
 * The syntax of regular expressions (ECMA-262 with the `u` flag), as far as it describes regular languages.
 *
 * Nobody here reads what is inside of `[…]` or behind a backslash: such a piece matches one character, and which ones
 * the engine of the language is asked, one character at a time, which never takes long.
 */
export type Expression =
  | { readonly kind: "character"; readonly source: string }
  | { readonly kind: "sequence"; readonly parts: readonly Expression[] }
  | { readonly kind: "choice"; readonly branches: readonly Expression[] }
  /** `most` may be Infinity. */
  | { readonly kind: "repeat"; readonly of: Expression; readonly least: number; readonly most: number }
  | { readonly kind: "start" }
  | { readonly kind: "end" };

export interface Lookahead {
  readonly expression: Expression;
  /** `(?!…)` */
  readonly negative: boolean;
}

export interface Pattern {
  /** Those that a pattern begins with, behind `^`: each is a pattern of its own, for the same text. */
  readonly lookaheads: readonly Lookahead[];
  readonly expression: Expression;
}

/** @throws Error with a sentence for the author: no pattern, or one that no linear time suffices for. */
export function parsePattern(source: string): Pattern {
  try {
    new RegExp(source, "u");
  } catch {
    throw new Error("is not a regular expression (ECMA-262, with the u flag)");
  }
  return new Parser(source).pattern();
}

const LOOKAHEAD = /^\(\?([=!])/;
const GROUP = /^\((?:\?:|\?<(?![=!])[^>]*>|(?!\?))/;
const QUANTIFIER = /^(?:([*+?])|\{(\d+)(,(\d*))?\})\??/;
/** One character: a class, an escape (two for a surrogate pair), or itself. */
const CHARACTER =
  /^(?:\[(?:[^\]\\]|\\.)*\]|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u\{[0-9a-fA-F]+\}|\\u[0-9a-fA-F]{4}|\\x[0-9a-fA-F]{2}|\\c[A-Za-z]|\\[pP]\{[^}]*\}|\\[^1-9kbB]|[^\\()|])/su;

/** Recursive descent over a source that is known to be well-formed. */
class Parser {
  #rest: string;

  constructor(source: string) {
    this.#rest = source;
  }

  pattern(): Pattern {
    const anchored = this.#rest.startsWith("^") && LOOKAHEAD.test(this.#rest.slice(1));
    if (!anchored) return { lookaheads: [], expression: this.#choice() };
    this.#skip(1);
    const lookaheads: Lookahead[] = [];
    for (let head = LOOKAHEAD.exec(this.#rest); head !== null; head = LOOKAHEAD.exec(this.#rest)) {
      this.#skip(head[0].length);
      lookaheads.push({ expression: sequence([START, this.#choice()]), negative: head[1] === "!" });
      this.#skip(1);
    }
    const expression = this.#choice();
    // In `^(?=a)b|c` the lookahead is about the first branch alone.
    if (expression.kind === "choice")
      throw new Error('has a lookahead beside "|": put the choice in a group');
    return { lookaheads, expression: sequence([START, expression]) };
  }

  #skip(length: number): string {
    const skipped = this.#rest.slice(0, length);
    this.#rest = this.#rest.slice(length);
    return skipped;
  }

  #choice(): Expression {
    const branches = [this.#sequence()];
    while (this.#rest.startsWith("|")) {
      this.#skip(1);
      branches.push(this.#sequence());
    }
    return branches.length === 1 ? (branches[0] as Expression) : { kind: "choice", branches };
  }

  #sequence(): Expression {
    const parts: Expression[] = [];
    while (this.#rest !== "" && !/^[|)]/.test(this.#rest)) parts.push(this.#repeat(this.#atom()));
    return sequence(parts);
  }

  #atom(): Expression {
    const [first] = this.#rest;
    if (first === "^" || first === "$") {
      this.#skip(1);
      return first === "^" ? START : END;
    }
    const group = GROUP.exec(this.#rest);
    if (group !== null) {
      this.#skip(group[0].length);
      const inside = this.#choice();
      this.#skip(1);
      return inside;
    }
    const character = CHARACTER.exec(this.#rest);
    if (character === null) throw new Error(unsupported(this.#rest));
    return { kind: "character", source: this.#skip(character[0].length) };
  }

  #repeat(of: Expression): Expression {
    const found = QUANTIFIER.exec(this.#rest);
    if (found === null) return of;
    this.#skip(found[0].length);
    const [, sign, least, comma, most] = found;
    if (sign !== undefined) {
      return {
        kind: "repeat",
        of,
        least: sign === "+" ? 1 : 0,
        most: sign === "?" ? 1 : Number.POSITIVE_INFINITY,
      };
    }
    const upper = comma === undefined ? Number(least) : most === "" ? Number.POSITIVE_INFINITY : Number(most);
    return { kind: "repeat", of, least: Number(least), most: upper };
  }
}

const START: Expression = { kind: "start" };
const END: Expression = { kind: "end" };

function sequence(parts: readonly Expression[]): Expression {
  return parts.length === 1 ? (parts[0] as Expression) : { kind: "sequence", parts };
}

function unsupported(rest: string): string {
  const why = "which cannot be matched in linear time";
  if (/^\\[1-9k]/.test(rest)) return `has a back reference, ${why}`;
  if (/^\\[bB]/.test(rest))
    return "has \\b, which is not supported: name the characters that may stand there";
  if (/^\(\?<?[=!]/.test(rest)) {
    return `has a lookaround that is not a lookahead right behind a "^" at the beginning, ${why}`;
  }
  return `has "${rest.slice(0, 3)}", which is not supported`;
}
