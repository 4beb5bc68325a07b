/** The members that a body may have: the fields of a view, by their names in it, with what is asked of each. */

import type { FieldPath } from "../../../core/field-path.ts";
import type { ComputedField, Field, Resource, View } from "../../../core/resource.ts";
import type { Check } from "./check.ts";
import { type Checked, checkOf } from "./field-checks.ts";
import { isReadable } from "./filters.ts";

export interface Member {
  readonly name: string;
  readonly path: FieldPath;
  readonly check: Check;
  /** Without the rules, which what is stored may be older than. */
  readonly normalise: Check;
  /** Null for a computed one. */
  readonly field: Field | null;
  readonly computed: ComputedField | null;
  readonly nullable: boolean;
  readonly readScope: string;
}

export interface StoredMember extends Member {
  readonly field: Field;
}

export class Members {
  readonly byName: ReadonlyMap<string, Member>;
  readonly stored: readonly StoredMember[];
  readonly #givenId: Field | null;

  constructor(resource: Resource, view: View) {
    this.stored = view.fields.map(({ name, field }) => storedMember(name, field));
    const computed = view.computed.map(({ name, field }) => computedMember(name, field));
    this.byName = new Map([...this.stored, ...computed].map((member) => [member.name, member]));
    this.#givenId = resource.idRule.kind === "given" ? resource.id : null;
  }

  /** Whether the caller may give it when an object is created. */
  isSettable({ field }: Member, scopes: ReadonlySet<string>): boolean {
    if (field === null) return false;
    if (field === this.#givenId) return true;
    return !field.readOnly && (field.writeScope === "" || scopes.has(field.writeScope));
  }

  /** Whether it stays as it was given first. */
  isImmutable({ field }: Member): boolean {
    return field !== null && (field.immutable || field === this.#givenId);
  }

  /** Of what a caller can neither see nor set he does not learn that it is there. */
  isKnown(member: Member, scopes: ReadonlySet<string>): boolean {
    return this.isVisible(member, scopes) || this.isSettable(member, scopes);
  }

  isVisible(member: Member, scopes: ReadonlySet<string>): boolean {
    return member.field?.writeOnly !== true && isReadable(member, scopes);
  }

  settableNames(scopes: ReadonlySet<string>): string[] {
    return this.stored.filter((member) => this.isSettable(member, scopes)).map(({ name }) => name);
  }
}

function named(name: string, { type, rules }: Checked) {
  return { name, path: [name], check: checkOf({ type, rules }), normalise: checkOf({ type, rules: {} }) };
}

function storedMember(name: string, field: Field): StoredMember {
  const { nullable, readScope } = field;
  return { ...named(name, field), field, computed: null, nullable, readScope };
}

function computedMember(name: string, computed: ComputedField): Member {
  const { nullable, readScope } = computed;
  return { ...named(name, computed), field: null, computed, nullable, readScope };
}
