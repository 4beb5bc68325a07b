/** The body of an action: its input, by name. */
import { REQUIRED } from "../../../core/json-schema/issues.ts";
import type { Action, Field } from "../../../core/resource.ts";
import { jsonOf } from "../json-of.ts";
import { type Body, readBody } from "./body.ts";
import type { Check } from "./check.ts";
import { NOT_NULL } from "./create.ts";
import { checkOf } from "./field-checks.ts";
import type { Issues } from "./issues.ts";
import { unknownField } from "./unknown.ts";

interface Argument {
  readonly field: Field;
  readonly check: Check;
}

export class ActionReader {
  readonly #arguments: ReadonlyMap<string, Argument>;

  constructor({ input }: Action) {
    this.#arguments = new Map(input.map((field) => [field.name, { field, check: checkOf(field) }]));
  }

  /** An empty body stands for an empty object. */
  read(bytes: Buffer, issues: Issues): Readonly<Record<string, unknown>> {
    const body: Body = bytes.length === 0 ? {} : readBody(bytes, issues);
    const input: Record<string, unknown> = {};
    for (const name of Object.keys(body)) this.#given(name, body[name], input, issues);
    for (const [name, { field }] of this.#arguments) {
      if (Object.hasOwn(body, name)) continue;
      if (field.required) issues.at([name]).say(REQUIRED);
      else if (field.default !== null && field.default !== "now")
        input[name] = jsonOf(field, field.default.value);
    }
    return input;
  }

  #given(name: string, given: unknown, input: Record<string, unknown>, issues: Issues): void {
    const argument = this.#arguments.get(name);
    issues.at([name]);
    if (argument === undefined) issues.say(unknownField(name, this.#arguments.keys()));
    else if (given === null && argument.field.nullable) input[name] = null;
    else if (given === null) issues.say(NOT_NULL);
    else {
      const value = argument.check(given, issues);
      if (value !== undefined) input[name] = jsonOf(argument.field, value);
    }
  }
}
