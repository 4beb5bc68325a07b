import type { Field } from "../../core/resource.ts";
import { always, type Placed } from "./history.ts";
import type { Draft } from "./scope.ts";
import { hidden, stored } from "./stored.ts";

/** What every object has besides its own fields: whose it is, when it was made and changed, how often. */

export interface OwnColumns {
  readonly owner: Placed<Field> | null;
  readonly createdAt: Placed<Field> | null;
  readonly updatedAt: Placed<Field> | null;
  readonly revision: Field | null;
  readonly deletedAt: Field | null;
}

export function ownColumns({ config, at }: Draft): OwnColumns {
  const { created, updated } = timesOf(config);
  const revision = config.revision ?? !config.external;
  return {
    owner: ownerOf(config.owner, [...at, "owner"]),
    createdAt: time(created, [...at, "timestamps", "created"]),
    updatedAt: time(updated, [...at, "timestamps", "updated"]),
    revision: revision ? hidden({ name: "revision", type: "integer", default: { value: 1 } }) : null,
    deletedAt: config.softDelete ? hidden({ name: "deleted_at", type: "datetime", nullable: true }) : null,
  };
}

function timesOf({ timestamps, external }: Draft["config"]): {
  created?: string | undefined;
  updated?: string | undefined;
} {
  if (typeof timestamps === "object") return timestamps;
  return (timestamps ?? !external) ? { created: "created_at", updated: "updated_at" } : {};
}

function time(name: string | undefined, at: Draft["at"]): Placed<Field> | null {
  if (name === undefined) return null;
  return {
    field: stored({ name, type: "datetime", default: "now", readOnly: true }),
    history: always(name),
    at,
  };
}

function ownerOf(owner: Draft["config"]["owner"], at: Draft["at"]): Placed<Field> | null {
  if (owner === false) return null;
  const { field, column } = owner === true ? {} : owner;
  const name = field ?? "owner";
  const given = { name, type: "string", column: column ?? name } as const;
  const made = field === undefined ? hidden(given) : stored({ ...given, readOnly: true });
  return { field: made, history: always(name), at: field === undefined ? at : [...at, "field"] };
}
