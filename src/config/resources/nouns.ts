/**
 * The singular of a plural, where that is sure; else null, and the config has to say it. Small on purpose: whoever reads
 * a config has to be able to guess what comes of it.
 *
 *   categories → category    boxes, dishes, branches, addresses → without es    orders, purchases, movie_nights → without s
 */
export function singularOf(plural: string): string | null {
  const word = plural.slice(plural.lastIndexOf("_") + 1);
  const rest = plural.slice(0, plural.length - word.length);
  const singular = ofWord(word);
  return singular === null ? null : rest + singular;
}

/** Could be of more than one word, or are no plurals at all. */
const UNSURE: ReadonlySet<string> = new Set([
  ...["calories", "cookies", "lies", "movies", "pies", "selfies", "series", "species", "ties", "zombies"],
  ...["aches", "axes", "caches", "headaches", "niches"],
  ...["aliases", "analyses", "atlases", "bases", "biases", "canvases", "crises", "diagnoses", "gases"],
  ...["hypotheses", "lens", "lenses", "means", "news", "oases", "synopses", "theses"],
]);

function ofWord(word: string): string | null {
  if (UNSURE.has(word) || word.length < 3 || !word.endsWith("s")) return null;
  // status and statuses, houses; analysis; address; heroes and shoes; knives and archives; quizzes and sizes.
  if (/(?:us|uses|is|ss|oes|ves|zes)$/.test(word)) return null;
  if (/[^aeiou]ies$/.test(word)) return `${word.slice(0, -3)}y`;
  if (/(?:ss|sh|ch|x)es$/.test(word)) return word.slice(0, -2);
  return word.slice(0, -1);
}
