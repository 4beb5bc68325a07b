/** What tables and columns of any name are called in an API. */
import { singularOf } from "../../config/resources/nouns.ts";
import { refuseName } from "../../config/resources/reserved.ts";

const LONGEST = 63;

export interface Nouns {
  readonly plural: string;
  readonly singular: string;
}

/** Words whose plural has no rule. */
const IRREGULAR: Readonly<Record<string, string>> = {
  child: "children",
  man: "men",
  person: "people",
  woman: "women",
};
const BACK = new Map(Object.entries(IRREGULAR).map(([one, many]) => [many, one]));

/** `film` → films, `order_details` → order_details with order_detail, `Customer` → customers. */
export function nounsOf(table: string): Nouns {
  const name = plainName(table) || "table";
  const cut = name.lastIndexOf("_") + 1;
  const [rest, word] = [name.slice(0, cut), name.slice(cut)];
  const { plural, singular } = nounsOfWord(word);
  return { plural: (rest + plural).slice(0, LONGEST), singular: (rest + singular).slice(0, LONGEST) };
}

function nounsOfWord(word: string): Nouns {
  const one = singularOf(word) ?? BACK.get(word);
  if (one !== undefined) return { plural: word, singular: one };
  // heroes, knives, statuses, series: plurals of which nobody knows the rule.
  if (/(?:oes|ves|zes|uses|ies)$/.test(word)) return { plural: word, singular: `${word}_item` };
  if (/[^aeiou]y$/.test(word)) return { plural: `${word.slice(0, -1)}ies`, singular: word };
  if (/(?:s|x|ch|sh)$/.test(word)) return { plural: `${word}es`, singular: word };
  return { plural: IRREGULAR[word] ?? `${word}s`, singular: word };
}

/** In the form of names in a config; empty where nothing is left of it. */
function plainName(text: string): string {
  const plain = text
    .normalize("NFKD")
    .replaceAll(/([a-z0-9])([A-Z])/g, "$1_$2")
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, "_")
    .replaceAll(/^_+|_+$/g, "");
  return (/^[0-9]/.test(plain) ? `n${plain}` : plain).slice(0, LONGEST);
}

/** A name that nothing else has, and that may be one. */
export function fieldNameOf(column: string, taken: ReadonlySet<string>): string {
  const plain = plainName(column) || "field";
  const name =
    refuseName(plain, { versionWord: "" }) === undefined ? plain : `${plain}_value`.slice(0, LONGEST);
  return unused(name, taken);
}

export function unused(name: string, taken: ReadonlySet<string>): string {
  for (let number = 1; ; number++) {
    const candidate = number === 1 ? name : `${name.slice(0, LONGEST - 4)}_${number}`;
    if (!taken.has(candidate)) return candidate;
  }
}
