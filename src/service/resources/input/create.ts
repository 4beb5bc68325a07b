/** The body of a request that creates an object. */

import { REQUIRED } from "../../../core/json-schema/issues.ts";
import type { FieldValue } from "../../../core/resource.ts";
import type { Body } from "./body.ts";
import type { Issues } from "./issues.ts";
import type { Member, Members } from "./members.ts";
import type { Fixed, Values } from "./types.ts";
import { unknownField } from "./unknown.ts";

export const READ_ONLY = "is read-only";
export const NOT_NULL = "must not be null";

/** Says everything that is wrong, in the order of the body; what is missing comes last. */
export function readNew(
  members: Members,
  body: Body,
  scopes: ReadonlySet<string>,
  fixed: readonly Fixed[],
  issues: Issues,
): Values {
  const values: (FieldValue | undefined)[] = [];
  for (const { field, value } of fixed) values[field.at] = value;
  for (const name of Object.keys(body)) {
    const member = members.byName.get(name);
    if (member === undefined || !members.isKnown(member, scopes)) sayUnknown(members, name, scopes, issues);
    else if (!members.isSettable(member, scopes) && !isFixed(member, fixed))
      issues.at(member.path).say(READ_ONLY);
    else readMember(member, body[name], values, fixed, issues);
  }
  for (const member of members.stored) {
    if (!member.field.required || Object.hasOwn(body, member.name) || isFixed(member, fixed)) continue;
    issues.at(member.path).say(REQUIRED);
  }
  return values;
}

const isFixed = ({ field }: Member, fixed: readonly Fixed[]): boolean =>
  fixed.some((one) => one.field === field);

function readMember(
  member: Member,
  given: unknown,
  values: (FieldValue | undefined)[],
  fixed: readonly Fixed[],
  issues: Issues,
): void {
  const value = readValue(member, given, issues);
  const field = member.field;
  if (value === undefined || field === null) return;
  const known = fixed.find((one) => one.field === field);
  if (known === undefined) values[field.at] = value;
  else if (known.value !== value) issues.say("must be what the path says, or be left out");
}

/** Undefined after it has been said that the value is none of the member's. */
export function readValue(member: Member, given: unknown, issues: Issues): FieldValue | undefined {
  issues.at(member.path);
  if (given !== null) return member.check(given, issues);
  if (member.nullable) return null;
  issues.say(NOT_NULL);
  return undefined;
}

export function sayUnknown(
  members: Members,
  name: string,
  scopes: ReadonlySet<string>,
  issues: Issues,
): void {
  if (!issues.full) issues.at([name]).say(unknownField(name, members.settableNames(scopes)));
}
