/** From the `resources` of a config to those of a plan. */
import { quoted } from "../../core/found.ts";
import type { Field, Resource, Resources } from "../../core/resource.ts";
import type { VersionsPlan } from "../../core/version.ts";
import type { Path } from "../problem.ts";
import { Report } from "../report.ts";
import { rightsOf } from "./access.ts";
import { actionsOf } from "./actions.ts";
import { type OwnColumns, ownColumns } from "./columns.ts";
import { declaredFields } from "./fields.ts";
import { always, type Placed } from "./history.ts";
import { checkPrefixes, type Identity, identityOf } from "./identity.ts";
import { groupsOf, limitsOf, sortOf } from "./lists.ts";
import { singularOf } from "./nouns.ts";
import { checkColumns, checkPaths, checkTables, pathOf, type TablePlace, tableOf } from "./places.ts";
import { checkCircles, checkOwners } from "./references.ts";
import type { ResourceConfig } from "./schema.ts";
import type { Draft, Scope } from "./scope.ts";
import { checkSublists, sublistsOf } from "./sublists.ts";
import { viewsOf } from "./views.ts";

export interface Around {
  /** Null for an API without versions; undefined where they cannot be read. */
  readonly versions: Pick<VersionsPlan, "list" | "from" | "query"> | null | undefined;
  /** Of `store.records`; null where it is not known. */
  readonly dialect: "sqlite" | "postgres" | null;
  /** By resource: fields that cannot be read; nothing is said of what names them. */
  readonly unread?: ReadonlyMap<string, ReadonlySet<string>>;
}

/**
 * Resources as everything that shows or keeps them looks at them. What is wrong goes to the report, all of it at once;
 * what is made then is for nobody to use.
 *
 * @param configs by name; undefined for one that cannot be read.
 */
export function buildResources(
  configs: ReadonlyMap<string, ResourceConfig | undefined>,
  { versions, dialect, unread = new Map() }: Around,
  report: Report = new Report(),
): Resources {
  const scope: Scope = {
    versions: versions?.list ?? [],
    versionsKnown: versions !== undefined,
    versionWord: versions?.from.includes("query") === true ? versions.query : "",
    dialect,
    names: new Set(configs.keys()),
    complete: [...configs.values()].every((config) => config !== undefined),
    report,
  };
  const drafts = [...configs].flatMap(([name, config]) =>
    config === undefined ? [] : [draftOf(name, config, unread.get(name) ?? NONE, scope)],
  );
  const identities = new Map(drafts.map((draft) => [draft.name, identityOf(draft, scope)]));
  checkNouns(drafts, scope);
  checkPaths(drafts, { ...scope, versionPaths: versions?.from.includes("path") === true });
  checkPrefixes(
    new Map(
      drafts.map((draft) => [draft.name, { draft, rule: (identities.get(draft.name) as Identity).rule }]),
    ),
    scope,
  );
  const tables = new Map(drafts.map((draft) => [draft, tableOf(draft, scope)]));
  checkTables(tables, scope);
  const made = drafts.map((draft) => resourceOf(draft, identities, tables.get(draft) as TablePlace, scope));
  const resources = new Map(made.map((resource) => [resource.name, resource]));
  const at = ({ name }: Resource): Path => ["resources", name];
  checkSublists(made, at, scope);
  checkCircles(resources, at, scope);
  checkOwners(resources, at, scope);
  return resources;
}

const NONE: ReadonlySet<string> = new Set();

function draftOf(
  name: string,
  config: ResourceConfig,
  unread: ReadonlySet<string>,
  { report }: Scope,
): Draft {
  const at = ["resources", name];
  const derived = singularOf(name);
  if (config.singular === undefined && derived === null)
    report.error([...at, "singular"], `one of ${quoted(name)} is called what? write singular: with the word`);
  checkTogether(config, at, report);
  return { name, singular: config.singular ?? derived ?? name, config, at, unread };
}

function checkTogether({ external, softDelete, revision }: ResourceConfig, at: Path, report: Report): void {
  if (external && softDelete)
    report.keyError(
      [...at, "softDelete"],
      "does not go together with external: somebody else's table has no such column, and others would see what is deleted",
    );
  if (!external && revision === false)
    report.error(
      [...at, "revision"],
      "cannot be false: If-Match would have nothing to compare; only external tables do without",
    );
}

/** `order` and `orders` name types of events and, later, of GraphQL. */
function checkNouns(drafts: readonly Draft[], { report, names }: Scope): void {
  const first = new Map<string, Draft>();
  for (const draft of drafts) {
    const { singular, at } = draft;
    const place = [...at, "singular"];
    const other = first.get(singular);
    if (other !== undefined)
      report.error(place, `one of ${other.name} is called ${quoted(singular)} already`);
    first.set(singular, draft);
    if (names.has(singular))
      report.error(
        place,
        `${quoted(singular)} is the name of a resource; one of ${draft.name} needs another word`,
      );
  }
}

function resourceOf(
  draft: Draft,
  identities: ReadonlyMap<string, Identity>,
  place: TablePlace,
  scope: Scope,
): Resource {
  const { name, singular, config, at } = draft;
  const identity = identities.get(name) as Identity;
  const own = ownColumns(draft);
  const declared = declaredFields(draft, own, identities, scope);
  const { fields, shown } = numbered(identity.field, at, declared.stored, own);
  const byName = new Map(shown.map(({ field }) => [field.name, field]));
  const known = { byName, unread: draft.unread };
  checkColumns(fields, declared.stored.length, scope);
  const all = fields.map(({ field }) => field);
  const ofName = (one: Field | null | undefined): Field | null =>
    one == null
      ? null
      : (all.find((field) => field.name === one.name && field.column === one.column) ?? null);
  const id = all[0] as Field;
  const createdAt = ofName(own.createdAt?.field);
  const updatedAt = ofName(own.updatedAt?.field);
  const owner = ofName(own.owner?.field);
  const { act, ...rights } = rightsOf(draft, scope);
  const written = new Set([id, createdAt, updatedAt, owner].filter((field) => field !== null));
  return {
    name,
    singular,
    summary: config.summary ?? "",
    path: pathOf(draft),
    ...place,
    external: config.external,
    idRule: identity.rule,
    id,
    fields: all,
    computed: declared.computed.map(({ field }) => field),
    byName,
    owner,
    everybodyScope: typeof config.owner === "object" ? (config.owner.scope ?? "") : "",
    revision: ofName(own.revision),
    createdAt,
    updatedAt,
    deletedAt: ofName(own.deletedAt),
    uniques: groupsOf("unique", draft, known, scope),
    indexes: groupsOf("indexes", draft, known, scope),
    ...rights,
    actions: actionsOf(draft, known, written, act, scope),
    sublists: sublistsOf(draft, byName, scope),
    sort: sortOf(draft, known, { id, createdAt }, scope),
    limits: limitsOf(draft, scope),
    preconditions: config.preconditions,
    events: config.events,
    hooks: given(config.hooks),
    views: viewsOf(shown, declared.computed, scope),
  };
}

/** All stored fields with their places in a row: the id, what the config names, what is there besides. */
function numbered(
  id: Field,
  at: Path,
  declared: readonly Placed<Field>[],
  { owner, createdAt, updatedAt, revision, deletedAt }: OwnColumns,
): { readonly fields: readonly { field: Field; at: Path }[]; readonly shown: readonly Placed<Field>[] } {
  const inOrder: (Placed<Field> | Field | null)[] = [
    { field: id, history: always("id"), at: [...at, "id"] },
    ...declared,
    owner,
    createdAt,
    updatedAt,
    revision,
    deletedAt,
  ];
  const present = inOrder.filter((one) => one !== null);
  const placed = present.map((one, place): Placed<Field> => {
    const {
      field,
      history,
      at: written,
    } = "field" in one ? one : { field: one, history: always(one.name), at };
    return { field: { ...field, at: place }, history, at: written };
  });
  const isHidden = ({ field }: Placed<Field>, place: number): boolean => {
    const one = present[place];
    return one === revision || one === deletedAt || (one === owner && !field.filter);
  };
  return { fields: placed, shown: placed.filter((one, place) => !isHidden(one, place)) };
}

/** Without the hooks that are not there. */
const given = (hooks: ResourceConfig["hooks"]): Resource["hooks"] =>
  Object.fromEntries(Object.entries(hooks).filter(([, hook]) => hook !== undefined));
