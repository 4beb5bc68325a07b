/** What hooks and actions return: it may set what nobody sets from outside, and is checked as strictly. */
import type { FieldValue, Resource } from "../../../core/resource.ts";
import type { Check } from "./check.ts";
import { NOT_NULL } from "./create.ts";
import { checkOf } from "./field-checks.ts";
import { Issues } from "./issues.ts";
import { isObject } from "./json-values.ts";
import type { Values } from "./types.ts";
import { unknownField } from "./unknown.ts";

/**
 * Reads an object by the newest names of the fields; a Date counts as a datetime, undefined as not there.
 *
 * @throws TypeError with everything that is wrong, for the log.
 */
export function makeTrusted(resource: Resource): (given: unknown) => Values {
  const checks = new Map<string, Check>(resource.fields.map((field) => [field.name, checkOf(field)]));
  return (given) => {
    if (!isObject(given)) throw new TypeError("a hook has to return an object");
    const issues = new Issues();
    const values: (FieldValue | undefined)[] = [];
    for (const [name, value] of Object.entries(given)) {
      const field = resource.byName.get(name);
      const check = checks.get(name);
      issues.at([name]);
      if (value === undefined) continue;
      if (field === undefined || check === undefined) issues.say(unknownField(name, checks.keys()));
      else if (value !== null)
        values[field.at] = check(value instanceof Date ? value.toISOString() : value, issues);
      else if (field.nullable) values[field.at] = null;
      else issues.say(NOT_NULL);
    }
    if (issues.count > 0) throw new TypeError(`a hook returned what is not valid: ${sentence(issues)}`);
    return values;
  };
}

const sentence = ({ details }: Issues): string =>
  details.map(({ field, issue }) => `${field} ${issue}`).join("; ");
