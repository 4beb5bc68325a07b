/** Names that mean nothing, and which ones were probably meant. */

import { quoted } from "../../../core/found.ts";
import { UNKNOWN_FIELD } from "../../../core/json-schema/issues.ts";
import { didYouMean } from "../../../core/suggest.ts";

/** The time that a suggestion takes grows with the name. */
const LONGEST_SUGGESTED = 64;

const hint = (name: string, known: Iterable<string>): string =>
  name.length > LONGEST_SUGGESTED ? "" : didYouMean(name, known);

/** Of a field of a body. */
export const unknownField = (name: string, known: Iterable<string>): string =>
  `${UNKNOWN_FIELD}${hint(name, known)}`;

export const unknownParameter = (name: string, known: Iterable<string>): string =>
  `is not a known parameter${hint(name, known)}`;

/** Of one that stands in the list of a parameter; `what` is `a field`. */
export const unknownName = (name: string, what: string, known: Iterable<string>): string =>
  `names ${quoted(name)}, which is not ${what}${hint(name, known)}`;
