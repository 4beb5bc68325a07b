/**
 * Entity tags: `"3-5e0c8a1f2b"`. In front of the hyphen stands the state of the object, which is what a change may be
 * bound to whatever was shown of it; behind it how it is shown, which is what a cache has to know, too.
 */
import { hash } from "node:crypto";
import { GatewayError } from "../../core/errors.ts";
import type { Resource, Row } from "../../core/resource.ts";
import type { Conditions, EntityTags } from "../resources/input/index.ts";

/** The same for the same state of one object, and never again for another. */
export function stateOf(resource: Resource, row: Row): string {
  const { revision, idRule, createdAt } = resource;
  if (revision === null) return hash("sha256", JSON.stringify(row), "hex").slice(0, 20);
  const count = Number(row[revision.at]).toString(36);
  // Only an id that clients give can come back for another object, which counts from the start.
  if (idRule.kind !== "given") return count;
  const birth = createdAt === null ? JSON.stringify(row) : String(row[createdAt.at]);
  return `${count}.${hash("sha256", birth, "hex").slice(0, 12)}`;
}

/** `shape` says how the state is shown. */
export const entityTag = (state: string, shape: string): string => `"${state}-${shape}"`;

/** What the text says that was made of several objects. */
export const shapeOfText = (text: string): string => hash("sha256", text, "hex").slice(0, 20);

const stateIn = (tag: string): string => tag.slice(1, tag.indexOf("-"));

/** RFC 9110 §13.1.1: strong comparison; `*` is any state. */
function matches(tags: EntityTags, state: string): boolean {
  return tags === "any" || tags.some(({ weak, text }) => !weak && stateIn(text) === state);
}

/**
 * For a change: of an object, or of none that is there (null).
 *
 * @throws GatewayError PRECONDITION_FAILED, PRECONDITION_REQUIRED.
 */
export function requireState(resource: Resource, row: Row | null, { match, noneMatch }: Conditions): void {
  if (row === null) {
    if (match !== null) throw new GatewayError("PRECONDITION_FAILED");
    return;
  }
  if (match === null && noneMatch === null) {
    if (resource.preconditions === "required") throw new GatewayError("PRECONDITION_REQUIRED");
    return;
  }
  const state = stateOf(resource, row);
  if (match !== null && !matches(match, state)) throw new GatewayError("PRECONDITION_FAILED");
  if (noneMatch !== null && isNamed(noneMatch, state)) throw new GatewayError("PRECONDITION_FAILED");
  if (match === null && resource.preconditions === "required")
    throw new GatewayError("PRECONDITION_REQUIRED");
}

/** RFC 9110 §13.1.2: weak comparison. */
const isNamed = (tags: EntityTags, state: string): boolean =>
  tags === "any" || tags.some(({ text }) => stateIn(text) === state);

/**
 * Whether whoever reads has it already.
 *
 * @throws GatewayError PRECONDITION_FAILED where he wants another state.
 */
export function isKnown(tag: string, { match, noneMatch }: Conditions): boolean {
  if (match !== null && !matches(match, stateIn(tag))) throw new GatewayError("PRECONDITION_FAILED");
  if (noneMatch === null) return false;
  return noneMatch === "any" || noneMatch.some(({ text }) => text === tag);
}
