/** `If-Match` and `If-None-Match` (RFC 9110 §13.1). Dates are ignored, as they are where there is no `Last-Modified`. */
import type { Headers } from "../../../core/headers.ts";
import type { Issues } from "./issues.ts";
import type { Conditions, EntityTag, EntityTags } from "./types.ts";

export const UNCONDITIONAL: Conditions = { match: null, noneMatch: null };

export function readConditions(headers: Headers, issues: Issues): Conditions {
  if (!headers.has("if-match") && !headers.has("if-none-match")) return UNCONDITIONAL;
  return {
    match: readTags(headers, "If-Match", issues),
    noneMatch: readTags(headers, "If-None-Match", issues),
  };
}

const NO_TAGS = 'must be * or a list of entity tags such as "a1", with their quotes';

function readTags(headers: Headers, name: string, issues: Issues): EntityTags | null {
  const lines = headers.all(name.toLowerCase());
  if (lines.length === 0) return null;
  const text = lines.join(",").trim();
  if (text === "*") return "any";
  const tags = listOf(text);
  if (tags === null || tags.length === 0) issues.at([name], "header").say(NO_TAGS);
  return tags;
}

/** RFC 9110 §8.8.3: a tag may hold commas. Empty elements of a list are ignored (§5.6.1). */
const NEXT = /[ \t,]*(?:(W\/)?("[\x21\x23-\x7e\x80-\xff]*")[ \t]*(?:,|$))?/y;

function listOf(text: string): EntityTag[] | null {
  const tags: EntityTag[] = [];
  NEXT.lastIndex = 0;
  while (NEXT.lastIndex < text.length) {
    const [, weak, tag] = NEXT.exec(text) ?? [];
    if (tag === undefined) return /^[ \t,]*$/.test(text.slice(NEXT.lastIndex)) ? tags : null;
    tags.push({ weak: weak !== undefined, text: tag });
  }
  return tags;
}
