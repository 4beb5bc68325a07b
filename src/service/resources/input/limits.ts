/** How much one request may ask for. */

/** Parameters of a query, all together. */
export const MOST_PARAMETERS = 100;
/** Conditions of a list. */
export const MOST_FILTERS = 30;
/** Values of one `[in]`. */
export const MOST_VALUES = 100;
export const MOST_SORT_KEYS = 4;
/** References that are expanded, and how far they lead. */
export const MOST_EXPANSIONS = 10;
export const DEEPEST_EXPANSION = 2;
/** Characters of an object or array in a row, as JSON: patches could let it grow without end. */
export const LONGEST_JSON = 1_048_576;
/** Digits of a decimal, on both sides of the point. */
export const MOST_DIGITS = 100;
