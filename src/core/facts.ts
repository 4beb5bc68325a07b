/** A typed name for something that is learnt about a call, such as who is calling. */
export interface Fact<T> {
  readonly name: string;
  /** Carries the type only; never set. */
  readonly type?: T;
}

export function fact<T>(name: string): Fact<T> {
  return { name };
}

/** What has been learnt about one call. A fact is written once: a second writer is a mistake in the plan. */
export class Facts {
  readonly #known = new Map<Fact<unknown>, unknown>();

  get<T>(name: Fact<T>): T | undefined {
    return this.#known.get(name) as T | undefined;
  }

  learn<T>(name: Fact<T>, value: T): void {
    if (this.#known.has(name)) throw new Error(`fact "${name.name}" was learnt twice`);
    this.#known.set(name, value);
  }
}
