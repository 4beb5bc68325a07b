/** What differs between two documents, and what that means to clients that were written for the older one (VER-8). */

export interface Change {
  /** `breaking`: a client that was right before may fail. `addition`: there is more than before. `change`: neither. */
  readonly kind: ChangeKind;
  /** Machine-readable, such as `response-field-removed`. */
  readonly rule: string;
  /** What it is about: `Order.status`, or `GET /orders: query parameter limit`. */
  readonly subject: string;
  /** One sentence without a subject: `is no longer answered`. */
  readonly message: string;
  /** `GET /orders/{id}`; empty for what concerns the whole document. */
  readonly operations: readonly string[];
}

export type ChangeKind = "breaking" | "addition" | "change";

/** Collects changes. What concerns several operations, because they share a schema, is one change. */
export class Changes {
  readonly #found = new Map<string, Change & { readonly operations: string[] }>();
  #operation = "";

  /** Everything that is found by `find` concerns that operation. */
  within(operation: string, find: () => void): void {
    const before = this.#operation;
    this.#operation = operation;
    find();
    this.#operation = before;
  }

  add(kind: ChangeKind, rule: string, subject: string, message: string): void {
    const key = JSON.stringify([rule, subject, message]);
    const known = this.#found.get(key) ?? { kind, rule, subject, message, operations: [] };
    if (this.#operation !== "" && !known.operations.includes(this.#operation))
      known.operations.push(this.#operation);
    this.#found.set(key, known);
  }

  /** What breaks comes first, else in the order of the documents. */
  sorted(): Change[] {
    const kinds: readonly ChangeKind[] = ["breaking", "change", "addition"];
    return [...this.#found.values()].sort((a, b) => kinds.indexOf(a.kind) - kinds.indexOf(b.kind));
  }
}

/** For messages: JSON, cut where it is long. */
export function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? "nothing";
  return text.length > 80 ? `${text.slice(0, 79)}…` : text;
}
