import { isFields } from "../../../core/json-schema/documents.ts";
import type { Source } from "./source.ts";

/**
 * What two documents say alike, with everything that it refers to: most of them, mostly. Without this each operation
 * would compare all schemas that it leads to, which is nearly all there are.
 */
export class Unchanged {
  readonly #before: Source;
  readonly #after: Source;
  /** By reference: what it leads to directly, where that is the same in both. */
  readonly #direct = new Map<string, readonly string[] | null>();
  readonly #known = new Map<string, boolean>();

  constructor(before: Source, after: Source) {
    this.#before = before;
    this.#after = after;
  }

  is(before: unknown, after: unknown): boolean {
    if (JSON.stringify(before) !== JSON.stringify(after)) return false;
    return refsIn(before).every((ref) => this.#isSame(ref));
  }

  #isSame(ref: string): boolean {
    const known = this.#known.get(ref);
    if (known !== undefined) return known;
    const reached = new Set([ref]);
    for (const one of reached) {
      const next = this.#leads(one);
      if (next === null) {
        this.#known.set(ref, false);
        return false;
      }
      for (const other of next) reached.add(other);
    }
    for (const one of reached) this.#known.set(one, true);
    return true;
  }

  /** Null where it is not the same in both. */
  #leads(ref: string): readonly string[] | null {
    const known = this.#direct.get(ref);
    if (known !== undefined) return known;
    const { value } = this.#before.target(ref);
    const same = JSON.stringify(value) === JSON.stringify(this.#after.target(ref).value);
    const refs = same ? refsIn(value) : null;
    this.#direct.set(ref, refs);
    return refs;
  }
}

function refsIn(value: unknown, into: string[] = []): string[] {
  if (Array.isArray(value)) for (const one of value) refsIn(one, into);
  if (!isFields(value)) return into;
  if (typeof value["$ref"] === "string") into.push(value["$ref"]);
  for (const one of Object.values(value)) if (typeof one === "object") refsIn(one, into);
  return into;
}
