/**
 * How a place in a request is written in an error (ERR-5): `items[2].price` in the body, `query.limit` elsewhere.
 * Names that could be misread stand in brackets and quotes: `["a.b"]`. The body itself is the empty text.
 */

export type FieldPath = readonly (string | number)[];

/** Where else than in the body a request holds values. */
export const LOCATIONS = ["path", "query", "header", "cookie"] as const;
export type Location = (typeof LOCATIONS)[number];

const MISREAD = /[\s."'`[\]\\\p{C}]|^$/u;
const OUTSIDE: ReadonlySet<string> = new Set(LOCATIONS);
/** Names come from the sender, and an answer is not the place to send all of them back. */
const LONGEST_NAME = 64;
const LONGEST_FIELD = 256;

/** `location` is left out for the body. */
export function fieldText(path: FieldPath, location?: Location): string {
  let text: string = location ?? "";
  for (const step of path) {
    if (typeof step === "number") text += `[${step}]`;
    else if (mustBeQuoted(step, text)) text += `[${JSON.stringify(cut(step, LONGEST_NAME))}]`;
    else text += text === "" ? step : `.${step}`;
  }
  return cut(text, LONGEST_FIELD);
}

/** A field of the body that is called `query` must not look like the query. */
function mustBeQuoted(name: string, before: string): boolean {
  return name.length > LONGEST_NAME || MISREAD.test(name) || (before === "" && OUTSIDE.has(name));
}

function cut(text: string, most: number): string {
  return text.length > most ? `${text.slice(0, most - 1)}…` : text;
}

const STEP = /\[(\d+)\]|\[("(?:[^"\\]|\\.)*")\]|([^.[\]]+)/g;
const NOT_IN_BODY = /^(?:path|query|header|cookie)[.[]/;

/**
 * The JSON Pointer of a field of the body, as a URI fragment: `#/items/2/price` (RFC 6901 §6). Null for what is not in
 * the body, which no pointer can name, and for a field whose text was cut.
 */
export function fieldPointer(field: string): string | null {
  if (NOT_IN_BODY.test(field) || field.includes("…")) return null;
  let pointer = "#";
  for (const [, index, quoted, plain] of field.matchAll(STEP)) {
    const name = quoted === undefined ? (index ?? plain ?? "") : (JSON.parse(quoted) as string);
    pointer += `/${encodeURIComponent(name.replaceAll("~", "~0").replaceAll("/", "~1"))}`;
  }
  return pointer;
}
