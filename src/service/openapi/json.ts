/** A part of a document, in the order in which it is written. */
export type Json = Readonly<Record<string, unknown>>;

/** JSON Schema 2020-12. */
export type Schema = Json;
