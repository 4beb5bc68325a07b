/** Schemas and API descriptions as they are in files: parsed, with references that are followed by hand. */
import { createRequire } from "node:module";
import { extname } from "node:path";

const load = createRequire(import.meta.url);

export type Fields = Readonly<Record<string, unknown>>;

export const isFields = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** @throws Error with a sentence for the config's author. */
export function parseFile(file: string, bytes: Buffer): unknown {
  const text = bytes.toString("utf8");
  try {
    if (extname(file).toLowerCase() === ".json") return JSON.parse(text);
    const { parse } = load("yaml") as typeof import("yaml");
    return parse(text, { maxAliasCount: 100, prettyErrors: true });
  } catch (error) {
    throw new Error(`${file} cannot be read: ${(error as Error).message.split("\n")[0]}`);
  }
}

/** A document that references stay within: a gateway fetches nothing because a schema says so (SSRF, file read). */
export class Document {
  /** For messages: a file's name, or what the option is called. */
  readonly name: string;
  readonly root: unknown;
  readonly #id: string;

  constructor(name: string, root: unknown) {
    this.name = name;
    this.root = root;
    const id = isFields(root) ? root["$id"] : undefined;
    this.#id = typeof id === "string" ? id.replace(/#$/, "") : "";
  }

  /** An Error that says where in the document. */
  error(pointer: string, message: string): Error {
    return new Error(`${this.name}${pointer === "" ? "" : ` at #${pointer}`}: ${message}`);
  }

  /** The JSON Pointer that a `$ref` found at `pointer` stands for. */
  target(ref: unknown, pointer: string): string {
    if (typeof ref !== "string") throw this.error(pointer, "$ref is not a text");
    const [before = "", fragment = ""] = ref.split("#");
    if (before !== "" && before !== this.#id) {
      throw this.error(
        pointer,
        `$ref to ${JSON.stringify(ref)} leads out of the document; put all schemas into one`,
      );
    }
    if (fragment !== "" && !fragment.startsWith("/")) {
      throw this.error(
        pointer,
        `$ref to ${JSON.stringify(ref)} is no JSON Pointer; anchors are not supported`,
      );
    }
    return decodeURIComponent(fragment);
  }

  at(pointer: string, from = pointer): unknown {
    let value = this.root;
    for (const step of pointer.split("/").slice(1)) {
      const name = step.replaceAll("~1", "/").replaceAll("~0", "~");
      const inside = typeof value === "object" && value !== null && Object.hasOwn(value, name);
      if (!inside) throw this.error(from, `$ref to "#${pointer}" leads nowhere`);
      value = (value as Fields)[name];
    }
    return value;
  }

  /** What stands at a place, behind all `$ref`s, and where that is. */
  follow(value: unknown, pointer: string): { readonly value: unknown; readonly pointer: string } {
    let place = { value, pointer };
    for (let hops = 0; isFields(place.value) && place.value["$ref"] !== undefined; hops++) {
      if (hops > 50) throw this.error(pointer, "$ref leads in a circle");
      const target = this.target(place.value["$ref"], place.pointer);
      place = { value: this.at(target, place.pointer), pointer: target };
    }
    return place;
  }
}

export const step = (name: string | number): string =>
  `/${String(name).replaceAll("~", "~0").replaceAll("/", "~1")}`;
