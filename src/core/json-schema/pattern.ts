/**
 * `pattern` of JSON Schema, matched in time linear in the text, whatever the pattern and whatever the text.
 *
 * The engine of the language backtracks: `^(a+)+$` keeps it busy for years with thirty characters, and patterns come
 * from people who do not know that (D-05). Here an expression becomes an automaton of states without memory (Thompson),
 * which is made deterministic as texts come along: a table look-up for each character.
 */
import { type Expression, type Lookahead, parsePattern } from "./pattern-syntax.ts";

export interface TextPattern {
  test(text: string): boolean;
}

/** @throws Error with a sentence for the author of the pattern. */
export function compilePattern(source: string): TextPattern {
  const { lookaheads, expression } = parsePattern(source);
  const main = new Matcher(expression);
  if (lookaheads.length === 0) return main;
  const conditions = lookaheads.map(({ expression: ahead, negative }: Lookahead) => ({
    matcher: new Matcher(ahead),
    wanted: !negative,
  }));
  return {
    test: (text) =>
      main.test(text) && conditions.every(({ matcher, wanted }) => matcher.test(text) === wanted),
  };
}

/** States of one pattern; counted repetitions are written out. */
const MOST_STATES = 4_200;
/** Sets of states that are remembered; more than that and the table starts anew. */
const MOST_SETS = 5_000;
/** Characters beyond ASCII that are remembered. */
const MOST_CHARACTERS = 4_096;

/** Index of the state that ends every way through an expression. */
const MATCH = 0;

type State =
  | { readonly kind: "character"; readonly set: number; next: number }
  | { readonly kind: "fork"; readonly next: number[] }
  | { readonly kind: "start" | "end"; next: number }
  | { readonly kind: "match" };

/** The states that a text may be in after some of its characters: one state of the deterministic automaton. */
interface StateSet {
  /** Those that wait for a character. */
  readonly waiting: readonly number[];
  /** Whatever comes, the text matches. */
  readonly matches: boolean;
  /** It matches if it ends here. */
  readonly matchesAtEnd: boolean;
  /** By class of character. */
  readonly next: (StateSet | undefined)[];
}

/** What is reached from a state without a character. */
type Reach = Omit<StateSet, "next">;

class Matcher implements TextPattern {
  readonly #automaton: Automaton;
  readonly #alphabet: Alphabet;
  readonly #sets = new Map<string, StateSet>();
  readonly #first: StateSet;
  /** For each state the last step that reached it. */
  readonly #reachedIn: Uint32Array;
  #step = 0;

  constructor(expression: Expression) {
    this.#automaton = new Automaton(expression);
    this.#alphabet = new Alphabet(this.#automaton.characters);
    this.#reachedIn = new Uint32Array(this.#automaton.states.length);
    this.#first = { ...this.#automaton.reachFrom(this.#automaton.start, true), next: [] };
  }

  test(text: string): boolean {
    let set = this.#first;
    for (let i = 0; i < text.length; i++) {
      if (set.matches) return true;
      const code = text.codePointAt(i) as number;
      if (code > 0xff_ff) i++;
      const kind = this.#alphabet.classOf(code);
      set = set.next[kind] ?? this.#after(set, kind);
    }
    return set.matches || set.matchesAtEnd;
  }

  #after(from: StateSet, kind: number): StateSet {
    const waiting: number[] = [];
    let matches = false;
    let matchesAtEnd = false;
    const step = ++this.#step;
    const add = (reach: Reach) => {
      matches ||= reach.matches;
      matchesAtEnd ||= reach.matchesAtEnd;
      for (const index of reach.waiting) {
        if (this.#reachedIn[index] === step) continue;
        this.#reachedIn[index] = step;
        waiting.push(index);
      }
    };
    for (const index of from.waiting) {
      const next = this.#automaton.nextOf(index, kind, this.#alphabet);
      if (next >= 0) add(this.#automaton.reach(next));
    }
    // A match may begin at any character.
    add(this.#automaton.reach(this.#automaton.start));
    const set = this.#remembered({ waiting, matches, matchesAtEnd, next: [] });
    from.next[kind] = set;
    return set;
  }

  #remembered(set: StateSet): StateSet {
    const key = `${set.matches}${set.matchesAtEnd}${set.waiting.join()}`;
    const known = this.#sets.get(key);
    if (known !== undefined) return known;
    if (this.#sets.size >= MOST_SETS) this.#forget();
    this.#sets.set(key, set);
    return set;
  }

  #forget(): void {
    for (const set of this.#sets.values()) set.next.length = 0;
    this.#first.next.length = 0;
    this.#sets.clear();
  }
}

/** The expression as states that lead to each other. */
class Automaton {
  readonly states: State[] = [{ kind: "match" }];
  /** The source of every sort of character that the expression names. */
  readonly characters: string[] = [];
  readonly start: number;
  readonly #reach = new Map<number, Reach>();

  constructor(expression: Expression) {
    this.start = this.#add(expression, MATCH);
  }

  /** Where a waiting state goes with a character of that class, or -1. */
  nextOf(index: number, kind: number, alphabet: Alphabet): number {
    const state = this.states[index] as State & { kind: "character" };
    return alphabet.contains(kind, state.set) ? state.next : -1;
  }

  /** `reachFrom` behind the first character. */
  reach(from: number): Reach {
    const known = this.#reach.get(from);
    if (known !== undefined) return known;
    const reach = this.reachFrom(from, false);
    this.#reach.set(from, reach);
    return reach;
  }

  reachFrom(from: number, atStart: boolean): Reach {
    const inside = this.#closure(from, atStart, false);
    return {
      waiting: inside.filter((index) => this.states[index]?.kind === "character"),
      matches: inside.includes(MATCH),
      matchesAtEnd: this.#closure(from, atStart, true).includes(MATCH),
    };
  }

  #closure(from: number, atStart: boolean, atEnd: boolean): number[] {
    const reached = new Set<number>();
    const open = [from];
    for (let index = open.pop(); index !== undefined; index = open.pop()) {
      if (reached.has(index)) continue;
      reached.add(index);
      const state = this.states[index] as State;
      if (state.kind === "fork") open.push(...state.next);
      else if ((state.kind === "start" && atStart) || (state.kind === "end" && atEnd)) open.push(state.next);
    }
    return [...reached];
  }

  /** Adds what leads to `next` by way of the expression; the index of its first state. */
  #add(expression: Expression, next: number): number {
    switch (expression.kind) {
      case "character":
        return this.#push({ kind: "character", set: this.#character(expression.source), next });
      case "sequence":
        return expression.parts.reduceRight((after, part) => this.#add(part, after), next);
      case "choice":
        return this.#push({
          kind: "fork",
          next: expression.branches.map((branch) => this.#add(branch, next)),
        });
      case "repeat":
        return this.#addRepeat(expression.of, expression.least, expression.most, next);
      default:
        return this.#push({ kind: expression.kind, next });
    }
  }

  #addRepeat(of: Expression, least: number, most: number, next: number): number {
    let first = next;
    if (most === Number.POSITIVE_INFINITY) {
      const loop: State & { kind: "fork" } = { kind: "fork", next: [next] };
      first = this.#push(loop);
      loop.next.push(this.#add(of, first));
    } else {
      for (let i = least; i < most; i++) {
        first = this.#push({ kind: "fork", next: [next, this.#add(of, first)] });
      }
    }
    for (let i = 0; i < least; i++) first = this.#add(of, first);
    return first;
  }

  #character(source: string): number {
    const known = this.characters.indexOf(source);
    return known >= 0 ? known : this.characters.push(source) - 1;
  }

  #push(state: State): number {
    if (this.states.length >= MOST_STATES)
      throw new Error("repeats too much: bound lengths with maxLength instead");
    return this.states.push(state) - 1;
  }
}

/** Characters that no part of an expression tells apart are of one class. */
class Alphabet {
  readonly #sets: readonly RegExp[];
  readonly #ascii = new Uint16Array(128);
  readonly #others = new Map<number, number>();
  readonly #classes: boolean[][] = [];
  readonly #known = new Map<string, number>();

  constructor(sources: readonly string[]) {
    this.#sets = sources.map((source) => new RegExp(`^${source}$`, "u"));
    for (let code = 0; code < 128; code++) this.#ascii[code] = this.#find(code);
  }

  classOf(code: number): number {
    if (code < 128) return this.#ascii[code] as number;
    const known = this.#others.get(code);
    if (known !== undefined) return known;
    if (this.#others.size >= MOST_CHARACTERS) this.#others.clear();
    const found = this.#find(code);
    this.#others.set(code, found);
    return found;
  }

  contains(kind: number, set: number): boolean {
    return this.#classes[kind]?.[set] ?? false;
  }

  #find(code: number): number {
    const character = String.fromCodePoint(code);
    const member = this.#sets.map((set) => set.test(character));
    const key = member.map(Number).join("");
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    this.#known.set(key, this.#classes.length);
    return this.#classes.push(member) - 1;
  }
}
