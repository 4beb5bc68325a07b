/** The query of everything that answers one object. */
import { readConditions } from "./conditions.ts";
import type { Issues } from "./issues.ts";
import { type Parameter, readQuery } from "./query.ts";
import { EVERYTHING, type ShownReader } from "./shown.ts";
import type { Asked, ConditionInput, ItemInput } from "./types.ts";
import { unknownParameter } from "./unknown.ts";

const WORDS = ["fields", "expand"] as const;

export function readItem(shown: ShownReader, { query, headers, scopes }: Asked, issues: Issues): ItemInput {
  const [fields, expand] = readWords(query, WORDS, issues);
  return {
    shown: query.length < 2 ? EVERYTHING : shown.read(fields, expand, scopes, issues),
    conditions: readConditions(headers, issues),
  };
}

/** For what takes no parameters. */
export function readNoWords({ query, headers }: Asked, issues: Issues): ConditionInput {
  readWords(query, [], issues);
  return { conditions: readConditions(headers, issues) };
}

function readWords(query: string, words: readonly string[], issues: Issues): (Parameter | undefined)[] {
  const parameters = readQuery(query, issues);
  for (const { name, operator } of parameters) {
    if (operator === null && words.includes(name)) continue;
    const path = operator === null ? [name] : [name, operator];
    issues.at(path, "query").say(unknownParameter(name, words));
  }
  return words.map((word) => parameters.find(({ name, operator }) => name === word && operator === null));
}
