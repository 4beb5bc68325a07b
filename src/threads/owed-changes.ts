import type { LaneChange } from "./idempotency-desk.ts";

/**
 * Claims that are kept: the first ones, which may have been on their way when the store went. Those that come later have
 * never reached it; if one has, it is running to the end of this lane, and unknown then.
 */
const MOST_CLAIMS = 2_048;
/** Bytes of answers that are kept in memory for a store that is away; of further ones it is told that nobody knows them. */
const MOST_ANSWERS = 32 * 1024 * 1024;

/**
 * Changes of which it is not known whether they are written: nobody else will tell the store that these requests are no
 * longer running. What is said of the same attempt again takes the place of what was said before.
 */
export class OwedChanges {
  readonly #changes = new Map<string, LaneChange>();
  #answers = 0;
  #claims = 0;

  get size(): number {
    return this.#changes.size;
  }

  /** So many of them, the oldest first. */
  first(most: number): readonly LaneChange[] {
    return [...this.#changes.values().take(most)];
  }

  add(change: LaneChange): void {
    const name = nameOf(change);
    this.#remove(name);
    if (change.kind === "claim") {
      if (this.#claims === MOST_CLAIMS) return;
      this.#claims++;
    }
    const kept = this.#answers + answerBytes(change) > MOST_ANSWERS ? withoutAnswer(change) : change;
    this.#answers += answerBytes(kept);
    this.#changes.set(name, kept);
  }

  /** It is written; what has been said of the attempt meanwhile is not. */
  delete(change: LaneChange): void {
    const name = nameOf(change);
    if (this.#changes.get(name) === change) this.#remove(name);
  }

  #remove(name: string): void {
    const change = this.#changes.get(name);
    if (change === undefined) return;
    this.#answers -= answerBytes(change);
    if (change.kind === "claim") this.#claims--;
    this.#changes.delete(name);
  }
}

const answerBytes = (change: LaneChange): number =>
  change.kind === "finish" && change.answer !== null ? change.answer.byteLength : 0;

const withoutAnswer = (change: LaneChange): LaneChange =>
  change.kind === "finish" ? { kind: "lose", token: change.token } : change;

function nameOf(change: LaneChange): string {
  if (change.kind === "claim") return change.claim.id;
  const { fence, digest } = change.token;
  return `${fence} ${Buffer.from(digest).toString("latin1")}`;
}
