/** Objects as they are answered, and as they are given: each a schema of its own. */
import type { Action, ComputedField, Field, FieldValue } from "../../core/resource.ts";
import { jsonOf } from "../resources/json-of.ts";
import { exampleOf, idExample } from "./examples.ts";
import { orNull, plainSchema, valueSchema } from "./field-schema.ts";
import { capital, pascal } from "./names.ts";
import { type Described, type Json, linkOf, type Making, type Schema, type ShownField } from "./types.ts";
import { aWord } from "./words.ts";

/** An object that is answered whole. */
export function shownRef(described: Described, making: Making): Json {
  const { noun, resource } = described;
  const make = (): Schema => ({
    description: resource.summary || `${capital(aWord(resource))}.`,
    allOf: [partRef(described, making), { required: alwaysShown(described) }],
  });
  return making.components.ref("schemas", noun, make, `${resource.name} whole`);
}

/** Of one that is answered with the parameter `fields`. */
export function partRef(described: Described, making: Making): Json {
  const { noun, resource } = described;
  const make = (): Schema => ({
    type: "object",
    description: `The fields of ${aWord(resource)} that were asked for with \`fields\`.`,
    properties: shownProperties(described, making),
    required: [idName(described)],
  });
  return making.components.ref("schemas", `Partial${noun}`, make, `${resource.name} part`);
}

export const idName = ({ resource, view }: Described): string =>
  view.fields.find(({ field }) => field === resource.id)?.name ?? "id";

/** What every caller sees who sees the object at all. */
function alwaysShown({ view }: Described): string[] {
  const stored = view.fields.filter(({ field }) => !field.writeOnly);
  return [...stored, ...view.computed].filter(({ field }) => field.readScope === "").map(({ name }) => name);
}

function shownProperties(described: Described, making: Making): Json {
  const { view, resource } = described;
  const properties: Record<string, Schema> = {};
  for (const shown of view.fields) {
    const { name, field } = shown;
    if (field.writeOnly) continue;
    const isOwn = field.readOnly || field === resource.id;
    properties[name] = {
      ...expandable(shown, described, making),
      ...told(field, name, making),
      ...(isOwn ? READ_ONLY : {}),
      ...prefixOf(field, making),
    };
  }
  for (const { name, field } of view.computed) {
    properties[name] = {
      ...storedSchema(name, field, described, making),
      ...told(field, name, making),
      ...READ_ONLY,
    };
  }
  return properties;
}

const READ_ONLY = { readOnly: true };

/** How ids begin that are made from now on; no `pattern`, since those that were made before are as they were. */
function prefixOf(field: Field, { resources, described }: Making): Schema {
  const target = described.get(field.reference?.resource ?? "")?.resource;
  const { idRule } = target ?? [...resources.values()].find(({ id }) => id === field) ?? {};
  return idRule?.kind === "prefix" ? { "x-id-prefix": idRule.prefix } : {};
}

/** The id of another object, or that object where it is asked for with `expand`. */
function expandable(shown: ShownField, described: Described, making: Making): Schema {
  const own = storedSchema(shown.name, shown.field, described, making);
  const target = linkOf(shown, making);
  return target === undefined ? own : { anyOf: [own, shownRef(target, making)] };
}

const storedSchema = (
  name: string,
  field: Field | ComputedField,
  { noun }: Described,
  { components }: Making,
): Schema => valueSchema(field, `${noun}_${name}`, components);

/** What people are told of a field, with a value to show. */
function told(field: Field | ComputedField, name: string, { described, resources }: Making): Schema {
  const parts = [sentence(field.summary), notes(field)].filter((part) => part !== "");
  const owner = [...resources.values()].find(({ id }) => id === field);
  const example = owner === undefined ? exampleOf(name, field, described) : idExample(owner);
  return {
    ...(parts.length > 0 ? { description: parts.join(" ") } : {}),
    ...(example === undefined ? {} : { examples: [example] }),
  };
}

const COMPUTED = { reference: null, writeScope: "", immutable: false, readOnly: true };

const sentence = (text: string): string => (text === "" || /[.!?]$/.test(text) ? text : `${text}.`);

function notes(field: Field | ComputedField): string {
  const stored = "at" in field ? field : { ...field, ...COMPUTED };
  const { reference, readScope, writeScope, immutable, readOnly } = stored;
  return [
    ...(reference !== null ? [`The id of one of the ${reference.resource}.`] : []),
    ...(immutable && !readOnly ? ["Given once, when the object is created."] : []),
    ...(readScope === "" ? [] : [`Shown to callers with the scope \`${readScope}\`.`]),
    ...(writeScope === "" ? [] : [`Set by callers with the scope \`${writeScope}\`.`]),
  ].join(" ");
}

// ---------------------------------------------------------------- what is given

/** The body of a creation. `fixed` is given by the path, and may be left out. */
export function createRef(described: Described, fixed: Field | null, making: Making): Json {
  const { noun, resource } = described;
  const make = (): Schema => {
    const given = givenFields(described);
    const properties = given.map((shown) => [
      shown.name,
      { ...givenSchema(shown, described, making), ...defaultOf(shown.field) },
    ]);
    const required = given.filter(({ field }) => field.required && field !== fixed);
    return { ...closed(Object.fromEntries(properties), required), ...uniqueTogether(described) };
  };
  const suffix = fixed === null ? "Create" : `CreateIn${pascal(fixed.name)}`;
  return making.components.ref("schemas", noun + suffix, make, `${resource.name} ${suffix}`);
}

/** What whoever creates an object may say of it. */
export const givenFields = (described: Described): ShownField[] =>
  described.view.fields.filter(({ field }) => isGiven(field, described));

const isGiven = (field: Field, { resource }: Described): boolean =>
  !field.readOnly || (field === resource.id && resource.idRule.kind === "given");

function givenSchema({ name, field }: ShownField, described: Described, making: Making): Schema {
  return {
    ...storedSchema(name, field, described, making),
    ...told(field, name, making),
    ...heldTo(field),
    ...(field.writeOnly ? { writeOnly: true } : {}),
  };
}

/** Rules that no keyword has words for: `turnpike diff` compares them. */
const heldTo = ({ unique, reference, writeScope }: Field): Schema => ({
  ...(unique ? { "x-unique": true } : {}),
  ...(reference === null ? {} : { "x-refers-to": reference.resource }),
  ...(writeScope === "" ? {} : { "x-write-scope": writeScope }),
});

/** Of bodies that change an object. */
const keptAs = ({ immutable }: Field): Schema => (immutable ? { "x-immutable": true } : {});

/** Names of fields that are unique together, in this version; what a version does not have, its clients do not give. */
function uniqueTogether({ resource, view }: Described): Schema {
  const nameOf = (field: Field): string[] =>
    view.fields.filter((one) => one.field === field).map(({ name }) => name);
  const groups = resource.uniques.map((group) => group.flatMap(nameOf)).filter(({ length }) => length > 0);
  return groups.length === 0 ? {} : { "x-unique-together": groups };
}

function defaultOf(field: Field): Schema {
  const { default: standard } = field;
  return standard === null || standard === "now" ? {} : { default: asJson(field, standard.value) };
}

const asJson = (field: Field, value: FieldValue): unknown => (value === null ? null : jsonOf(field, value));

/** An object without other members than these. */
function closed(properties: Json, required: readonly ShownField[]): Schema {
  return {
    type: "object",
    properties,
    ...(required.length > 0 ? { required: required.map(({ name }) => name) } : {}),
    additionalProperties: false,
  };
}

/** The body of a PUT: everything, also what is read-only, which may be sent back as it is. */
export function replaceRef(described: Described, making: Making): Json {
  const { noun, view, resource } = described;
  const make = (): Schema => {
    const properties = view.fields.map((shown) => [shown.name, replaced(shown, described, making)]);
    const needed = view.fields.filter(({ field }) => isNeeded(field, described));
    return {
      ...closed(Object.fromEntries([...properties, ...sentBack(described, making)]), needed),
      ...uniqueTogether(described),
    };
  };
  return making.components.ref("schemas", `${noun}Replace`, make, `${resource.name} replace`);
}

function replaced(shown: ShownField, described: Described, making: Making): Schema {
  const own = { ...givenSchema(shown, described, making), ...keptAs(shown.field) };
  return isGiven(shown.field, described) ? { ...own, ...defaultOf(shown.field) } : { ...own, ...READ_ONLY };
}

const sentBack = (described: Described, making: Making): [string, Schema][] =>
  described.view.computed.map(({ name, field }) => [
    name,
    { ...storedSchema(name, field, described, making), ...told(field, name, making), ...READ_ONLY },
  ]);

/** What a body that stands for the whole object must not leave out. */
function isNeeded(field: Field, described: Described): boolean {
  const meant =
    isGiven(field, described) && !field.writeOnly && field.readScope === "" && field.writeScope === "";
  if (!meant || field.immutable || field === described.resource.id) return false;
  return field.required || (field.default === null && !field.nullable);
}

/** The body of a PATCH (RFC 7396). */
export function updateRef(described: Described, making: Making): Json {
  const { noun, view, resource } = described;
  const make = (): Schema => {
    const properties = view.fields.map((shown) => [shown.name, patched(shown, described, making)]);
    return {
      ...closed(Object.fromEntries([...properties, ...sentBack(described, making)]), []),
      ...uniqueTogether(described),
    };
  };
  return making.components.ref("schemas", `${noun}Update`, make, `${resource.name} update`);
}

function patched({ name, field }: ShownField, described: Described, making: Making): Schema {
  if (!isGiven(field, described)) return { ...givenSchema({ name, field }, described, making), ...READ_ONLY };
  const isMerged = field.type === "object";
  const own = isMerged
    ? plainSchema("object", {})
    : storedSchema(name, { ...field, nullable: false }, described, making);
  const restores = !field.required && field.default !== null && field.default !== "now";
  return {
    ...(field.nullable || restores ? orNull(own) : own),
    ...told(field, name, making),
    ...heldTo(field),
    ...keptAs(field),
    ...(isMerged
      ? { description: `${sentence(field.summary)} Merged with what is there; null removes a member.`.trim() }
      : {}),
    ...(field.writeOnly ? { writeOnly: true } : {}),
  };
}

/** The body of an action; null where it takes none. */
export function actionRef(described: Described, action: Action, making: Making): Json | null {
  const { input, name } = action;
  if (input.length === 0) return null;
  const noun = `${described.noun}${pascal(name)}`;
  const make = (): Schema => {
    const shown = input.map((field) => ({ name: field.name, field }));
    const properties = shown.map((one) => [
      one.name,
      { ...givenSchema(one, { ...described, noun }, making), ...defaultOf(one.field) },
    ]);
    const needed = shown.filter(({ field }) => field.required);
    return closed(Object.fromEntries(properties), needed);
  };
  return making.components.ref("schemas", `${noun}Input`, make, `${described.resource.name} action ${name}`);
}
