import { type Fields, isFields } from "../../../core/json-schema/documents.ts";

const NOTHING: Fields = {};

/** An object, or one without members for what is none. */
export const fields = (value: unknown): Fields => (isFields(value) ? value : NOTHING);

export const list = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

/** What stands behind a reference, with the name of the component that it is. */
export interface Followed {
  readonly value: unknown;
  /** Last step of the last reference; empty where there was none. */
  readonly name: string;
}

/** A document whose references are followed within it. */
export class Source {
  readonly root: Fields;

  constructor(root: unknown) {
    this.root = fields(root);
  }

  /** Of things that are no schemas: a reference stands alone there. What leads nowhere is an object without members. */
  follow(value: unknown): Fields {
    let found = value;
    // As many as there may reasonably be: references may lead in circles.
    for (let hops = 0; hops < 50; hops++) {
      const ref = fields(found)["$ref"];
      if (typeof ref !== "string") return fields(found);
      found = this.target(ref).value;
    }
    return NOTHING;
  }

  target(ref: string): Followed {
    const [file, pointer = ""] = ref.split("#");
    if (file !== "") return { value: { $comment: ref }, name: ref };
    const steps = pointer.split("/").slice(1).map(unescaped);
    let value: unknown = this.root;
    for (const step of steps) value = childOf(value, step);
    return { value: value ?? NOTHING, name: steps.at(-1) ?? "" };
  }
}

function childOf(value: unknown, step: string): unknown {
  const has = typeof value === "object" && value !== null && Object.hasOwn(value, step);
  return has ? (value as Fields)[step] : undefined;
}

function unescaped(step: string): string {
  try {
    return decodeURIComponent(step).replaceAll("~1", "/").replaceAll("~0", "~");
  } catch {
    return step;
  }
}
