import { hash } from "node:crypto";
import type {
  ComputedField,
  Field,
  FieldType,
  FieldValue,
  Resource,
  Row,
  View,
} from "../../core/resource.ts";
import { compute, type ObjectValues, storedObject } from "../resources/objects.ts";

/** How a value becomes JSON. */
const AS_IS = 0;
const QUOTED = 1;
const ESCAPED = 2;
const NUMBER = 3;
const COMPUTED = 4;

/** JSON is stored as its text; what has no character to escape needs only its quotes. */
const FORMS: Readonly<Record<FieldType, number>> = {
  string: ESCAPED,
  uuid: QUOTED,
  integer: NUMBER,
  bigint: QUOTED,
  number: NUMBER,
  decimal: QUOTED,
  boolean: AS_IS,
  datetime: QUOTED,
  date: QUOTED,
  object: AS_IS,
  array: AS_IS,
};

interface Member {
  /** `,"name":` */
  readonly start: string;
  readonly form: number;
  readonly at: number;
  readonly computed: ComputedField | null;
}

/** What stands in the place of a reference: JSON text; null for the id. */
export type Instead = (field: Field, id: FieldValue) => string | null;

/** How the objects of a resource are written for one version, one set of scopes and one choice of fields. */
export class Representation {
  /** Differs where anything but the row makes the text differ. */
  readonly tag: string;
  readonly #resource: Resource;
  readonly #members: readonly Member[];
  readonly #references: ReadonlyMap<Member, Field>;
  readonly #computes: boolean;

  constructor(resource: Resource, view: View, scopes: ReadonlySet<string>, only: ReadonlySet<string> | null) {
    const isShown = ({ name, field }: { name: string; field: { readScope: string } }): boolean =>
      (only === null || only.has(name)) && (field.readScope === "" || scopes.has(field.readScope));
    const stored = view.fields.filter((one) => !one.field.writeOnly && isShown(one));
    const computed = view.computed.filter(isShown);
    const references = new Map<Member, Field>();
    const members = stored.map(({ name, field }) => {
      const member = { start: startOf(name), form: FORMS[field.type], at: field.at, computed: null };
      if (field.reference !== null) references.set(member, field);
      return member;
    });
    this.#resource = resource;
    this.#references = references;
    this.#members = [
      ...members,
      ...computed.map(({ name, field }) => ({
        start: startOf(name),
        form: COMPUTED,
        at: -1,
        computed: field,
      })),
    ];
    this.#computes = computed.length > 0;
    const functions = computed.map(({ field }) => field.compute.toString());
    const shape = [
      view.version?.name ?? null,
      stored.map(({ name, field }) => [name, field.type, field.column]),
      functions,
    ];
    this.tag = hash("sha256", JSON.stringify([shape, computed.map(({ name }) => name)]), "hex").slice(0, 10);
  }

  text(row: Row, instead: Instead | null = null): string {
    const object = this.#computes ? storedObject(this.#resource, row) : null;
    let text = "";
    for (const member of this.#members) {
      const value = row[member.at] ?? null;
      const field = instead === null || value === null ? undefined : this.#references.get(member);
      const other = field === undefined ? null : (instead as Instead)(field, value);
      text += member.start + (other ?? valueText(member, value, object));
    }
    return text === "" ? "{}" : `{${text.slice(1)}}`;
  }
}

const startOf = (name: string): string => `,${JSON.stringify(name)}:`;

function valueText({ form, computed }: Member, value: FieldValue, object: ObjectValues | null): string {
  if (form === COMPUTED) return JSON.stringify(compute(computed as ComputedField, object as ObjectValues));
  if (value === null) return "null";
  switch (form) {
    case QUOTED:
      return `"${value as string}"`;
    case ESCAPED:
      return JSON.stringify(value);
    case NUMBER:
      // A table of somebody else's may hold what JSON cannot say.
      return Number.isFinite(value) ? String(value) : "null";
    default:
      return String(value);
  }
}
