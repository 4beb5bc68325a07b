/** What creating an object and changing one have in common: the decision for the database, and what comes of it. */
import type { Resource, ResourceEvent, Resources, Row } from "../../core/resource.ts";
import type { Clock } from "../../core/tools.ts";
import { type Change, eventOf } from "./change-event.ts";
import type { Expanded } from "./expand.ts";
import type { Hooks, Moment } from "./hooks.ts";
import type { Ids } from "./ids.ts";
import type { Permit } from "./permit.ts";
import { alreadyExists, dangling, stillReferenced, unfit } from "./refusals.ts";
import type { Decision, Referred, ResourceStore, Told, Written } from "./store.ts";
import type { Outcome, Write } from "./write.ts";

export interface WriteParts {
  readonly store: ResourceStore;
  readonly resources: Resources;
  readonly clock: Clock;
  readonly hooks: Hooks;
  readonly ids: Ids;
}

export interface Done<Result> {
  readonly result: Result;
  readonly row: Row | null;
  readonly event: ResourceEvent | null;
}

export function decide<Result>(
  { ids }: Pick<WriteParts, "ids">,
  resource: Resource,
  change: Change,
  referred: readonly Referred[],
  write: Write<Result>,
  expanded: Expanded,
  { now }: Moment,
): Decision<Done<Result>> {
  const { before, after: row } = change;
  const changes = before !== row;
  const told = (after: Row | null): Told<Done<Result>> => {
    const wanted = changes && (resource.events || resource.hooks.afterCommit !== undefined);
    const event = wanted ? eventOf(resource, { ...change, after }, ids.prefixed("evt"), now) : null;
    const { result, kept } = write.answer(after, expanded, before === null);
    return { event: resource.events ? event : null, kept, result: { result, row: after, event } };
  };
  // Types, defaults and triggers of somebody else's table make other values of what it is given.
  if (resource.external && changes && row !== null) return { row, referred, told };
  return { row, referred, ...told(row) };
}

/** @throws GatewayError for what the database says against it. */
export function settle<Result>(
  { hooks }: Pick<WriteParts, "hooks">,
  permit: Permit,
  written: Written<Done<Result>>,
  moment: Moment,
): Outcome<Result> {
  switch (written.kind) {
    case "done": {
      const { result, row, event } = written.result;
      if (event !== null) hooks.afterCommit(permit.resource, event, row, moment);
      for (const one of written.along) hooks.afterCommit(one.resource, one.event, one.row, moment);
      return { kind: "done", result };
    }
    case "repeated":
      return written;
    case "taken":
      throw alreadyExists(permit, written.fields);
    case "dangling":
      throw dangling(permit, written.fields);
    case "referred":
      throw stillReferenced(written.by);
    case "unfit":
      throw unfit(permit, written.fields, written.cause);
  }
}
