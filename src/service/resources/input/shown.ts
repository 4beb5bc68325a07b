/** `fields=number,total` and `expand=customer,customer.account`: how much of an object is answered. */
import type { Field, Resource, Resources, View } from "../../../core/resource.ts";
import { isReadable } from "./filters.ts";
import type { Issues } from "./issues.ts";
import { DEEPEST_EXPANSION, MOST_EXPANSIONS } from "./limits.ts";
import { onlyValue, type Parameter } from "./query.ts";
import type { Expansion, Shown } from "./types.ts";
import { unknownName } from "./unknown.ts";

type Scopes = ReadonlySet<string>;

export const EVERYTHING: Shown = { fields: null, key: "", expand: [] };

/** What can be told of a field, stored or computed. */
interface Visible {
  readonly name: string;
  readonly readScope: string;
}

/** A reference that leads on. */
interface Link {
  readonly name: string;
  readonly field: Field;
  readonly resource: Resource;
  readonly view: View;
}

export class ShownReader {
  readonly #resource: Resource;
  readonly #view: View;
  readonly #visible: readonly Visible[];
  readonly #links: Links;

  constructor(resource: Resource, view: View, resources: Resources) {
    this.#resource = resource;
    this.#view = view;
    this.#visible = visibleOf(view);
    this.#links = new Links(resources);
  }

  read(fields: Parameter | undefined, expand: Parameter | undefined, scopes: Scopes, issues: Issues): Shown {
    if (fields === undefined && expand === undefined) return EVERYTHING;
    const names = fields === undefined ? null : this.#fields(fields, scopes, issues);
    const expansions = expand === undefined ? [] : this.#expand(expand, scopes, issues);
    if (names === null) return { fields: null, key: "", expand: expansions };
    for (const { name } of expansions) names.add(name);
    // In the order of the view, so that the same fields are the same text.
    const ordered = this.#visible.filter(({ name }) => names.has(name)).map(({ name }) => name);
    return { fields: new Set(ordered), key: ordered.join(), expand: expansions };
  }

  #fields(parameter: Parameter, scopes: Scopes, issues: Issues): Set<string> {
    const names = new Set<string>();
    for (const { name, field } of this.#view.fields) if (field === this.#resource.id) names.add(name);
    const text = onlyValue(parameter, issues.at(["fields"], "query"));
    if (text === undefined) return names;
    const known = this.#visible.filter((one) => isReadable(one, scopes)).map(({ name }) => name);
    for (const name of new Set(text.split(",", this.#visible.length + 1))) {
      if (known.includes(name)) names.add(name);
      else issues.say(unknownName(name, "a field", known));
    }
    return names;
  }

  #expand(parameter: Parameter, scopes: Scopes, issues: Issues): Expansion[] {
    const tree: Expansion[] = [];
    const text = onlyValue(parameter, issues.at(["expand"], "query"));
    if (text === undefined) return tree;
    const paths = text.split(",", MOST_EXPANSIONS + 1);
    if (paths.length > MOST_EXPANSIONS) issues.say(`must name at most ${MOST_EXPANSIONS} references`);
    for (const path of paths.slice(0, MOST_EXPANSIONS)) this.#addPath(tree, path, scopes, issues);
    return tree;
  }

  #addPath(tree: Expansion[], path: string, scopes: Scopes, issues: Issues): void {
    const names = path.split(".", DEEPEST_EXPANSION + 1);
    if (names.length > DEEPEST_EXPANSION) {
      issues.say(`must lead through at most ${DEEPEST_EXPANSION} references`);
      return;
    }
    let level = tree;
    let view = this.#view;
    for (const name of names) {
      const links = this.#links.of(view).filter(({ field }) => isReadable(field, scopes));
      const link = links.find((one) => one.name === name);
      if (link === undefined) {
        const known = links.map((one) => one.name);
        issues.say(unknownName(name, "a reference", known));
        return;
      }
      level = expansionIn(level, link);
      view = link.view;
    }
  }
}

/** What is below the link, which is added where it is not there. */
function expansionIn(level: Expansion[], { name, field, resource }: Link): Expansion[] {
  const known = level.find((one) => one.name === name);
  if (known !== undefined) return known.expand as Expansion[];
  const expand: Expansion[] = [];
  level.push({ name, field, resource, expand });
  return expand;
}

function visibleOf(view: View): Visible[] {
  const stored = view.fields.filter(({ field }) => !field.writeOnly);
  return [...stored, ...view.computed].map(({ name, field }) => ({ name, readScope: field.readScope }));
}

/** Looked up when they are asked for: resources refer to each other in circles. */
class Links {
  readonly #resources: Resources;
  readonly #known = new Map<View, readonly Link[]>();

  constructor(resources: Resources) {
    this.#resources = resources;
  }

  of(view: View): readonly Link[] {
    const known = this.#known.get(view);
    if (known !== undefined) return known;
    const links = view.fields.flatMap(({ name, field }) => this.#link(view, name, field));
    this.#known.set(view, links);
    return links;
  }

  #link(view: View, name: string, field: Field): Link[] {
    const resource = field.writeOnly ? undefined : this.#resources.get(field.reference?.resource ?? "");
    const target = resource?.views.get(view.version);
    if (resource?.verbs.has("get") !== true || target === undefined) return [];
    return [{ name, field, resource, view: target }];
  }
}
