import type { Row, View } from "../../core/resource.ts";
import { viewOf } from "../resources/caller.ts";
import type { Expanded } from "../resources/expand.ts";
import type { Expansion, Shown } from "../resources/input/index.ts";
import type { One } from "../resources/operations-read.ts";
import type { Permit } from "../resources/permit.ts";
import { entityTag, shapeOfText, stateOf } from "./etag.ts";
import { type Instead, Representation } from "./representation.ts";

/** Clients choose fields: past this many choices they are looked at afresh. */
const MOST_KEPT = 256;

export interface ObjectText {
  readonly text: string;
  readonly etag: string;
}

/** Made on demand, and kept as long as the config is in force. */
export class Representations {
  readonly #known = new Map<View, Map<string, Representation>>();

  of({ resource, view, scopes }: Pick<Permit, "resource" | "view" | "scopes">, shown: Shown): Representation {
    let ofView = this.#known.get(view);
    if (ofView === undefined) {
      ofView = new Map();
      this.#known.set(view, ofView);
    }
    const key = `${scopesKey(view, scopes)} ${shown.key}`;
    const known = ofView.get(key);
    if (known !== undefined) return known;
    const made = new Representation(resource, view, scopes, shown.fields);
    if (ofView.size >= MOST_KEPT) ofView.clear();
    ofView.set(key, made);
    return made;
  }

  /** Writes rows with what is expanded in them. */
  writer(permit: Permit, shown: Shown, expanded: Expanded): (row: Row) => string {
    const representation = this.of(permit, shown);
    if (shown.expand.length === 0) return (row) => representation.text(row);
    const instead = this.#instead(permit, shown.expand, expanded);
    return (row) => representation.text(row, instead);
  }

  /** One object, and the tag of its state and of how it is shown. */
  object(permit: Permit, shown: Shown, { row, expanded }: One): ObjectText {
    const text = this.writer(permit, shown, expanded)(row);
    // What is expanded changes by itself.
    const shape = shown.expand.length === 0 ? this.of(permit, shown).tag : shapeOfText(text);
    return { text, etag: entityTag(stateOf(permit.resource, row), shape) };
  }

  #instead(permit: Permit, expansions: readonly Expansion[], expanded: Expanded): Instead {
    const writers = new Map(
      expansions.map((expansion) => {
        const { resource, field, expand } = expansion;
        const inner = { ...permit, resource, view: viewOf(resource, permit.caller.version) };
        const write = this.writer(inner, { fields: null, key: "", expand }, expanded);
        return [field, { write, found: expanded.get(expansion) }];
      }),
    );
    return (field, id) => {
      const expansion = writers.get(field);
      const row = expansion?.found?.get(id);
      return expansion === undefined || row === undefined ? null : expansion.write(row);
    };
  }
}

/** Which of the scopes that fields of the view need the caller has. */
function scopesKey({ fields, computed }: View, scopes: ReadonlySet<string>): string {
  let key = "";
  for (const { field } of fields) if (field.readScope !== "") key += scopes.has(field.readScope) ? "1" : "0";
  for (const { field } of computed)
    if (field.readScope !== "") key += scopes.has(field.readScope) ? "1" : "0";
  return key;
}
