/** Names in a document: of schemas and operations, as programs that are generated from it write them. */

/** `order_lines` is `OrderLines`. */
export function pascal(name: string): string {
  return name
    .split(/[^A-Za-z0-9]+/)
    .map(capital)
    .join("");
}

export const capital = (text: string): string => text.slice(0, 1).toUpperCase() + text.slice(1);

/** Gives each name once: whoever comes later gets it with a number. */
export class UniqueNames {
  readonly #taken: Set<string>;

  constructor(taken: Iterable<string> = []) {
    this.#taken = new Set(taken);
  }

  take(wanted: string): string {
    let name = wanted;
    for (let count = 2; this.#taken.has(name); count++) name = `${wanted}${count}`;
    this.#taken.add(name);
    return name;
  }
}
