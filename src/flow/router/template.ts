/** What a route's `path` says: literal segments, `{name}` for one segment, a final `*` for the rest. */
import { normalisePath } from "../path.ts";

export interface Template {
  readonly segments: readonly Segment[];
  /** Ends in `/*`. */
  readonly rest: boolean;
  /** Ends in `/`, and is more than that. */
  readonly slashed: boolean;
}

export type Segment =
  | { readonly kind: "literal"; readonly text: string }
  | { readonly kind: "param"; readonly name: string };

/** Throws an Error of one sentence where the template is not one. */
export function parseTemplate(path: string): Template {
  if (!path.startsWith("/")) throw malformed(path, 'must start with "/"');
  const parts = path.slice(1).split("/");
  const last = parts.at(-1);
  const rest = last === "*";
  const slashed = last === "" && parts.length > 1;
  if (rest || last === "") parts.pop();
  const segments = parts.map((part) => parseSegment(part, path));
  checkNames(segments, path);
  checkNormal(path);
  return { segments, rest, slashed };
}

function parseSegment(part: string, path: string): Segment {
  if (part.includes("*")) throw malformed(path, 'may have "*" only as its whole last segment');
  if (!part.includes("{") && !part.includes("}")) return { kind: "literal", text: part };
  const name = part.slice(1, -1);
  if (part !== `{${name}}` || name.includes("{") || name.includes("}")) {
    throw malformed(path, `must give a parameter a whole segment, not a part of "${part}"`);
  }
  if (name === "") throw malformed(path, "has a parameter without a name");
  if (!/^[\w-]+$/.test(name))
    throw malformed(path, `names a parameter "${name}": use letters, digits, "_" and "-"`);
  return { kind: "param", name };
}

function checkNames(segments: readonly Segment[], path: string): void {
  const seen = new Set<string>();
  for (const segment of segments) {
    if (segment.kind === "literal") continue;
    if (seen.has(segment.name)) throw malformed(path, `names two parameters "${segment.name}"`);
    seen.add(segment.name);
  }
}

/** A template that is not in normal form would match nothing: requests are. */
function checkNormal(path: string): void {
  const parts = path.split("/").map((part) => (part.startsWith("{") ? "p" : part));
  const example = parts.join("/");
  let normal: string;
  try {
    normal = normalisePath(example, { encodedSlash: "keep", semicolon: "keep" });
  } catch (error) {
    throw malformed(path, `can match no path: ${error instanceof Error ? error.message : error}`);
  }
  if (normal !== example) {
    throw malformed(
      path,
      'is not in normal form: no "//", no dot segments, no needless or lower-case escapes',
    );
  }
}

function malformed(path: string, why: string): Error {
  return new Error(`The path template "${path}" ${why}`);
}
