import { anyOf } from "../../core/found.ts";
import { type Access, VERBS, type Verb } from "../../core/resource.ts";
import type { ResourceConfig } from "./schema.ts";
import type { Draft, Scope } from "./scope.ts";

/** Who may do what with a resource. */

export interface Rights {
  readonly access: Readonly<Record<Verb, Access>>;
  /** What is offered at all. */
  readonly verbs: ReadonlySet<Verb>;
  /** Who may do what is no verb; null where the config leaves nobody to be so by default. */
  readonly act: Access | null;
}

type Who = NonNullable<ResourceConfig["access"]["read"]>;

const READING: ReadonlySet<Verb> = new Set(["list", "get"]);
export const NOBODY: Access = { scopes: [] };

export function rightsOf({ name, config, at }: Draft, { report }: Scope): Rights {
  const { access } = config;
  const of = (verb: Verb): Who => {
    const [group, scope] = READING.has(verb)
      ? [access.read, `${name}:read`]
      : [access.write, `${name}:write`];
    return access[verb] ?? group ?? scope;
  };
  const verbs = new Set(VERBS.filter((verb) => of(verb) !== "nobody"));
  if (verbs.size === 0)
    report.error([...at, "access"], "offers nothing to anybody; leave one verb to somebody");
  checkGroups({ name, config, at } as Draft, report);
  const rights = Object.fromEntries(VERBS.map((verb) => [verb, readAccess(of(verb))]));
  const act = access.write ?? `${name}:write`;
  return { access: rights as Record<Verb, Access>, verbs, act: act === "nobody" ? null : readAccess(act) };
}

export function readAccess(who: Who): Access {
  if (typeof who !== "string") return { scopes: who };
  if (who === "public" || who === "authenticated") return who;
  return who === "nobody" ? NOBODY : { scopes: [who] };
}

/** `read` says nothing where `list` and `get` say it all. */
function checkGroups({ config: { access, owner }, at }: Draft, report: Scope["report"]): void {
  const place = [...at, "access"];
  if (access.read !== undefined && access.list !== undefined && access.get !== undefined)
    report.keyWarn([...place, "read"], "has no effect: list and get are said one by one");
  const writing = [access.create, access.replace, access.update, access.delete];
  if (access.write !== undefined && writing.every((one) => one !== undefined))
    report.keyWarn(
      [...place, "write"],
      "has no effect: create, replace, update and delete are said one by one",
    );
  if (owner === false) return;
  for (const [verb, who] of Object.entries(access))
    if (who === "public")
      report.warn(
        [...place, verb],
        "lets nobody in whom authenticated would not: objects have owners, so whoever has not proved who he is gets 401",
      );
}

/** `public`, `orders:read`, `orders:read or orders:admin`. */
export function describeAccess(access: Access): string {
  if (typeof access === "string") return access;
  return access.scopes.length === 0 ? "nobody" : anyOf(access.scopes);
}
