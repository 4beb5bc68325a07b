/** The body of a request that changes an object: all of it (PUT) or some of it (PATCH). */
import { isDeepStrictEqual } from "node:util";
import { REQUIRED } from "../../../core/json-schema/issues.ts";
import type { Field, FieldValue, Resource, Row } from "../../../core/resource.ts";
import { jsonOf } from "../json-of.ts";
import { compute, storedObject } from "../objects.ts";
import type { Body } from "./body.ts";
import { NOT_NULL, READ_ONLY, readValue, sayUnknown } from "./create.ts";
import { standardOf } from "./defaults.ts";
import { Issues } from "./issues.ts";
import { isObject, mergePatch, sameJson } from "./json-values.ts";
import type { Member, Members, StoredMember } from "./members.ts";

const UNCHANGEABLE = "cannot be changed";

export interface ChangeBody {
  readonly resource: Resource;
  readonly members: Members;
  readonly body: Body;
  readonly scopes: ReadonlySet<string>;
  /** `replace` is about everything that the caller sees and may set. */
  readonly kind: "replace" | "update";
}

/** What a body comes to, as far as it can be told. */
export interface Changes {
  /** By `Field.at`; undefined for what stays as it is. */
  readonly values: readonly (FieldValue | undefined)[];
  /** Some of it depends on the object: ask again with its row. */
  readonly open: boolean;
}

/** Says everything that is wrong, in the order of the body; what is missing comes last. */
export function readChanges(change: ChangeBody, row: Row | null, issues: Issues): Changes {
  const reading = new Reading(change, row, issues);
  for (const name of Object.keys(change.body)) reading.member(name);
  if (change.kind === "replace") reading.absent();
  return reading;
}

class Reading implements Changes {
  readonly values: (FieldValue | undefined)[] = [];
  open = false;
  readonly #change: ChangeBody;
  readonly #row: Row | null;
  readonly #issues: Issues;

  constructor(change: ChangeBody, row: Row | null, issues: Issues) {
    this.#change = change;
    this.#row = row;
    this.#issues = issues;
  }

  member(name: string): void {
    const { members, scopes, body } = this.#change;
    const member = members.byName.get(name);
    if (member === undefined || !members.isKnown(member, scopes)) {
      sayUnknown(members, name, scopes, this.#issues);
    } else if (!members.isSettable(member, scopes)) this.#same(member, body[name], READ_ONLY);
    else if (members.isImmutable(member)) this.#same(member, body[name], UNCHANGEABLE);
    else this.#set(member as StoredMember, body[name]);
  }

  /** What a body that stands for the whole object leaves out goes back to its default. */
  absent(): void {
    const { members, scopes, body } = this.#change;
    for (const member of members.stored) {
      // What the caller cannot see he cannot mean to remove.
      const meant = members.isSettable(member, scopes) && members.isVisible(member, scopes);
      if (!meant || members.isImmutable(member) || Object.hasOwn(body, member.name)) continue;
      const standard = standardOf(member.field);
      if (member.field.required || (standard === null && !member.nullable))
        this.#issues.at(member.path).say(REQUIRED);
      else if (standard !== undefined) this.values[member.field.at] = standard;
    }
  }

  #set(member: StoredMember, given: unknown): void {
    const { field } = member;
    if (this.#change.kind === "update" && field.type === "object" && isObject(given)) {
      this.#merge(member, given);
      return;
    }
    const removes = given === null && this.#change.kind === "update" && !field.nullable && !field.required;
    this.values[field.at] = removes ? this.#removed(member) : readValue(member, given, this.#issues);
  }

  /** A patch's null for what must not be null: the default, if there is one. */
  #removed(member: StoredMember): FieldValue | undefined {
    const standard = standardOf(member.field);
    if (standard !== undefined && standard !== null) return standard;
    this.#issues.at(member.path).say(NOT_NULL);
    return undefined;
  }

  #merge({ field, path, check }: StoredMember, patch: unknown): void {
    this.open = true;
    if (this.#row === null) return;
    const current = jsonOf(field, this.#row[field.at]);
    this.values[field.at] = check(mergePatch(current, patch), this.#issues.at(path));
  }

  /** For what the caller may not change: he may say what is there, as somebody does who sends back what he has read. */
  #same(member: Member, given: unknown, otherwise: string): void {
    this.open = true;
    if (this.#row === null || this.#is(member, given, this.#row)) return;
    this.#issues.at(member.path).say(otherwise);
  }

  #is(member: Member, given: unknown, row: Row): boolean {
    const { members, scopes, resource } = this.#change;
    // Whoever cannot see a value must not be able to try values out.
    if (!members.isVisible(member, scopes)) return false;
    if (member.computed !== null) {
      return isDeepStrictEqual(given, compute(member.computed, storedObject(resource, row)));
    }
    const value = given === null ? null : member.normalise(given, new Issues());
    return value !== undefined && isSameValue((member as StoredMember).field, value, row);
  }
}

function isSameValue({ at, type }: Field, value: FieldValue, row: Row): boolean {
  const current = row[at] ?? null;
  if (value === current) return true;
  const isJson = type === "object" || type === "array";
  return isJson && typeof value === "string" && typeof current === "string" && sameJson(value, current);
}

/** The row with the changes in it: the very same one where they change nothing. */
export function changed({ fields }: Resource, row: Row, values: Changes["values"]): Row {
  let next: FieldValue[] | null = null;
  for (const field of fields) {
    const value = values[field.at];
    if (value === undefined || isSameValue(field, value, row)) continue;
    next ??= [...row];
    next[field.at] = value;
  }
  return next ?? row;
}
