import type { Headers } from "../../core/headers.ts";

/**
 * Entity tags of answers that were converted (VER-4): the service's own with the version behind, `"abc"` as `"abc@1"`,
 * so that a cache never takes one version for another. As strong as the service's: the same tag and version give the
 * same bytes as long as the `changes` are the same (mod_deflate marks its `-gzip` for the same reason).
 */
export class EntityTags {
  readonly #mark: string;

  constructor(version: string) {
    this.#mark = `@${version}"`;
  }

  /** `ETag` of an answer. */
  mark(headers: Headers): void {
    const tag = headers.get("etag");
    if (tag?.endsWith('"')) headers.set("ETag", tag.slice(0, -1) + this.#mark);
  }

  /** Conditions of a request, as the service needs them. */
  unmark(headers: Headers): void {
    const match = tagsOf(headers, "if-match");
    // The service's own tag stands for the same state of the resource: for "nobody has changed it" that is enough.
    if (match !== null) headers.set("If-Match", match.map((tag) => this.#own(tag) ?? tag).join(", "));
    const noneMatch = tagsOf(headers, "if-none-match");
    if (noneMatch === null) return;
    // But not for "what you have is what I would send".
    const own = noneMatch.flatMap((tag) => (tag === "*" ? tag : (this.#own(tag) ?? [])));
    if (own.length === 0) headers.delete("if-none-match");
    else headers.set("If-None-Match", own.join(", "));
  }

  /** The service's tag; null where this version is not its mark. */
  #own(tag: string): string | null {
    return tag.endsWith(this.#mark) ? `${tag.slice(0, -this.#mark.length)}"` : null;
  }
}

/** RFC 9110 §8.8.3: a comma may stand inside the quotes. */
const TAG = /(?:W\/)?"[\x21\x23-\x7e\x80-\xff]*"|\*/g;

function tagsOf(headers: Headers, lower: string): readonly string[] | null {
  const values = headers.all(lower);
  return values.length === 0 ? null : (values.join(", ").match(TAG) ?? []);
}
