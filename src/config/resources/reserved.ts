import type { Scope } from "./scope.ts";

/** Words that are taken. */

const OF_QUERIES = ["page", "limit", "cursor", "sort", "fields", "expand", "total"];

/** Why a field cannot have a name, in any version; undefined where it can. */
export function refuseName(name: string, { versionWord }: Pick<Scope, "versionWord">): string | undefined {
  if (name === versionWord)
    return `?${name}=… names the version of the API; call the field otherwise, or that parameter with versions.query`;
  if (OF_QUERIES.includes(name))
    return `${name} is a word of queries (?${name}=…), and a field is filtered by its name; call it otherwise`;
  return name === "id" ? OWN_ID : undefined;
}

const OWN_ID = "every object has an id anyway; what is said of it stands in id of the resource";

/** Tables of Turnpike's own, in the SQLite file that resources share with them; PostgreSQL has a schema for them. */
export const OWN_TABLES: ReadonlySet<string> = new Set([
  "admin_token",
  "audit",
  "changes",
  "events",
  "idempotency",
  "idempotency_owners",
  "key_secrets",
  "keys",
  "remembered",
  "resource_parts",
  "revocations",
  "schema_version",
  "secrets",
]);
export const OWN_SCHEMA = "turnpike";
