/** An index that lists, references or unique values need. Its name is made by migrations, of all that stands here. */
export interface NeededIndex {
  /** Those that it is made of, `where` included. Of a unique one exactly those whose values are unique together. */
  readonly columns: readonly string[];
  /** What stands between its brackets, quoted: `"owner", "price" DESC, "id" DESC`. */
  readonly keys: string;
  readonly unique: boolean;
  /** Which rows it holds, `"deleted_at" IS NULL`; empty for all. */
  readonly where: string;
}
