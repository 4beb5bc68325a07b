import type { Json } from "./json.ts";
import { UniqueNames } from "./names.ts";

const KINDS = ["schemas", "responses", "parameters", "headers", "securitySchemes"] as const;
export type ComponentKind = (typeof KINDS)[number];

interface Known {
  readonly names: UniqueNames;
  /** By what they are of, which is never the same for two of them. */
  readonly byKey: Map<string, string>;
  readonly made: Map<string, Json>;
}

/** What a document says once and refers to: in the order in which it was first needed. */
export class Components {
  readonly #kinds = new Map<ComponentKind, Known>(
    KINDS.map((kind) => [kind, { names: new UniqueNames(), byKey: new Map(), made: new Map() }]),
  );

  /** A reference to the component of that key, which is made if nobody has needed it yet. `make` is told its name. */
  ref(
    kind: ComponentKind,
    wanted: string,
    make: (name: string) => Json,
    key = wanted,
  ): { readonly $ref: string } {
    const { names, byKey, made } = this.#kinds.get(kind) as Known;
    let name = byKey.get(key);
    if (name === undefined) {
      // It may refer to itself: its name is taken before it is made.
      name = names.take(wanted);
      byKey.set(key, name);
      made.set(name, {});
      made.set(name, make(name));
    }
    return { $ref: `#/components/${kind}/${name}` };
  }

  /** A reference to a component that says exactly this; its name is `name`, or `name` with what tells it from others. */
  sameRef(kind: ComponentKind, name: string, suffix: string, value: Json): { readonly $ref: string } {
    const { made } = this.#kinds.get(kind) as Known;
    return this.ref(
      kind,
      made.has(name) ? name + suffix : name,
      () => value,
      `${name} ${JSON.stringify(value)}`,
    );
  }

  toJson(): Json {
    const filled = [...this.#kinds].filter(([, { made }]) => made.size > 0);
    return Object.fromEntries(filled.map(([kind, { made }]) => [kind, Object.fromEntries(made)]));
  }
}
