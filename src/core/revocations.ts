/** Tokens that are no longer good, before they expire. */
export interface Revocations {
  close(): void;
}
