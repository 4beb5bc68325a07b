import type { GatewayError } from "../../core/errors.ts";
import type { Field, Row } from "../../core/resource.ts";
import { NOTHING_EXPANDED } from "./expand.ts";
import type { Moment } from "./hooks.ts";
import { withDefaults } from "./input/index.ts";
import type { Values } from "./input/types.ts";
import { notFound, type Permit } from "./permit.ts";
import { dangling } from "./refusals.ts";
import { born, referredBy, requireWhole } from "./rows.ts";
import { decide, settle, type WriteParts } from "./settling.ts";
import { ownerOf, ownerOfNew } from "./tenancy.ts";
import type { Inside, Outcome, Write } from "./write.ts";

/** Makes an object of what its caller says, the defaults, and a hook. */
export async function create<Result>(
  parts: WriteParts,
  permit: Permit,
  values: Values,
  inside: Inside | null,
  write: Write<Result>,
): Promise<Outcome<Result>> {
  const { resource, caller } = permit;
  const { store, clock, resources } = parts;
  const moment = { caller, now: clock.wall() };
  if (resource.hooks.beforeCreate !== undefined && write.keyed !== null) {
    const repetition = await store.repetition(write.keyed);
    if (repetition !== null) return { kind: "repeated", repetition };
  }
  const draft = await draftOf(parts, permit, values, inside, moment);
  const expanded = (await write.expander?.load([draft])) ?? NOTHING_EXPANDED;
  const referred = referredBy(resource, null, draft, resources, caller);
  const written = await store.create(resource, write.keyed, (counted) => {
    const row = counted === null ? draft : draft.with(resource.id.at, counted);
    const change = { what: "created", before: null, after: row };
    return { ...decide(parts, resource, change, referred, write, expanded, moment), row };
  });
  if (written.kind === "dangling") throw danglingIn(permit, written.fields, inside);
  return settle(parts, permit, written, moment);
}

async function draftOf(
  parts: WriteParts,
  permit: Permit,
  values: Values,
  inside: Inside | null,
  moment: Moment,
): Promise<Row> {
  const { resource } = permit;
  const { now, caller } = moment;
  let given = values;
  if (resource.hooks.beforeCreate !== undefined) {
    const input = withDefaults(resource, values, now);
    await requireReferred(parts, permit, input, inside);
    given = await parts.hooks.beforeCreate(resource, input, moment);
  }
  const birth = { id: parts.ids.for(resource), owner: ownerOfNew(resource, caller), now };
  const draft = born(resource, withDefaults(resource, given, now), birth);
  requireWhole(resource, draft);
  return draft;
}

/** The database has the last word on what is named; this spares functions of the config what is not there. */
async function requireReferred(
  { store, resources }: WriteParts,
  permit: Permit,
  row: Row,
  inside: Inside | null,
): Promise<void> {
  const named = referredBy(permit.resource, null, row, resources, permit.caller);
  const found = await Promise.all(
    named.map(({ resource, id }) => store.get(resource, id, ownerOf(resource, permit.caller))),
  );
  const fields = named.filter((_, n) => found[n] === null).map(({ field }) => field);
  if (fields.length > 0) throw danglingIn(permit, fields, inside);
}

/** What the path names is not found; what the body names is not valid. */
function danglingIn(permit: Permit, fields: readonly Field[], inside: Inside | null): GatewayError {
  return inside !== null && fields.includes(inside.field)
    ? notFound(inside.permit)
    : dangling(permit, fields);
}
