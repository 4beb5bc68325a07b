/** `sort=-created_at,name` */
import type { Field, SortKey, View } from "../../../core/resource.ts";
import { isReadable } from "./filters.ts";
import type { Issues } from "./issues.ts";
import { MOST_SORT_KEYS } from "./limits.ts";
import { onlyValue, type Parameter } from "./query.ts";
import { unknownName } from "./unknown.ts";

export class Order {
  readonly #fields: ReadonlyMap<string, Field>;

  constructor(view: View) {
    const sortable = view.fields.filter(({ field }) => field.sort && !field.writeOnly);
    this.#fields = new Map(sortable.map(({ name, field }) => [name, field]));
  }

  read(parameter: Parameter, scopes: ReadonlySet<string>, issues: Issues): readonly SortKey[] {
    const text = onlyValue(parameter, issues);
    const keys: SortKey[] = [];
    if (text === undefined) return keys;
    const words = text.split(",", MOST_SORT_KEYS + 1);
    if (words.length > MOST_SORT_KEYS) issues.say(`must have at most ${MOST_SORT_KEYS} fields`);
    for (const word of words.slice(0, MOST_SORT_KEYS)) {
      const descending = word.startsWith("-");
      const name = descending ? word.slice(1) : word;
      const field = this.#fields.get(name);
      if (field === undefined || !isReadable(field, scopes)) {
        issues.say(unknownName(name, "a field to sort by", this.#names(scopes)));
      } else if (keys.some((key) => key.field === field)) issues.say("must not name a field twice");
      else keys.push({ field, descending });
    }
    return keys;
  }

  #names(scopes: ReadonlySet<string>): string[] {
    return [...this.#fields].filter(([, field]) => isReadable(field, scopes)).map(([name]) => name);
  }
}
