/** The answers that one lane keeps for one cache, with their variants (RFC 9111 §4.1). */
import type { Headers } from "../../core/headers.ts";
import { ownText, type StoredAnswer, StoredAnswers, weightOf } from "../../core/stored-answers.ts";
import type { Life } from "./freshness.ts";
import type { Sighting } from "./generations.ts";

/** One answer for a target, for requests with certain fields. Never changed: a newer one takes its place. */
export interface Variant {
  /** Under which it is kept. */
  readonly key: string;
  readonly answer: StoredAnswer;
  readonly life: Life;
  /** Lower-case names of the fields that it was chosen by, and what the request had in them. */
  readonly vary: readonly string[];
  readonly chosenBy: string;
  readonly generation: Sighting;
  readonly weight: number;
}

/** Per target: clients choose what they send, and looking through the variants of one must stay cheap. */
const MOST_VARIANTS = 16;

/** Objects around an answer: measured, rounded up. */
const VARIANT_BYTES = 640;

export type Absence = "uri-miss" | "vary-miss";

export class VariantStore {
  readonly #answers: StoredAnswers<readonly Variant[]>;
  users = 0;

  /** `most` in bytes. */
  constructor(most: number) {
    this.#answers = new StoredAnswers(most);
  }

  get bytes(): number {
    return this.#answers.bytes;
  }

  get size(): number {
    return this.#answers.size;
  }

  find(key: string, request: Headers): Variant | Absence {
    const variants = this.#answers.get(key);
    if (variants === undefined) return "uri-miss";
    return variants.find(({ vary, chosenBy }) => chosenBy === choice(vary, request)) ?? "vary-miss";
  }

  put(variant: Variant): void {
    const others = this.#others(variant);
    this.#set(variant.key, [variant, ...others.slice(0, MOST_VARIANTS - 1)]);
  }

  drop(variant: Variant): void {
    const others = this.#others(variant);
    if (others.length === 0) this.#answers.delete(variant.key);
    else this.#set(variant.key, others);
  }

  #others({ key, vary, chosenBy }: Variant): Variant[] {
    const same = vary.join();
    const variants = this.#answers.get(key) ?? [];
    return variants.filter((other) => other.chosenBy !== chosenBy || other.vary.join() !== same);
  }

  #set(key: string, variants: readonly Variant[]): void {
    this.#answers.set(
      key,
      variants,
      variants.reduce((sum, { weight }) => sum + weight, 0),
    );
  }
}

export function makeVariant(made: Omit<Variant, "chosenBy" | "weight">, request: Headers): Variant {
  const chosenBy = ownText(choice(made.vary, request));
  const names = made.vary.reduce((sum, name) => sum + name.length, 0);
  return { ...made, chosenBy, weight: VARIANT_BYTES + weightOf(made.answer) + chosenBy.length + names };
}

/** §4.1: fields are the same when they differ only in white space, or in how they are split into lines. */
function choice(vary: readonly string[], request: Headers): string {
  return vary
    .map((lower) => request.all(lower).map(normal).join(","))
    .map((value, i) => `${request.has(vary[i] as string) ? "=" : "-"}${value}`)
    .join("\n");
}

const normal = (value: string): string =>
  value
    .split(",")
    .map((part) => part.trim())
    .join(",");
