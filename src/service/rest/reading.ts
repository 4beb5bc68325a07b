/** GET of an object and of a list. */
import type { Call } from "../../core/call.ts";
import type { Reply } from "../../core/reply.ts";
import type { Resource, SubList } from "../../core/resource.ts";
import type { Caller } from "../resources/caller.ts";
import { type Expander, expanderFor } from "../resources/expand.ts";
import type { Shown } from "../resources/input/index.ts";
import type { Listed, Parent } from "../resources/operations-read.ts";
import { notFound, type Permit, permitInside, permitVerb } from "../resources/permit.ts";
import { requireJsonAccepted } from "./accept.ts";
import { askedOf, callerOf } from "./asked.ts";
import { isKnown } from "./etag.ts";
import { linkOf } from "./link.ts";
import { bareReply, type Caching, jsonReply } from "./replies.ts";
import type { RestTools } from "./tools.ts";

export async function getObject(
  tools: RestTools,
  resource: Resource,
  call: Call,
  id: string,
): Promise<Reply> {
  const permit = permitVerb(resource, "get", callerOf(call));
  requireJsonAccepted(call.request.headers);
  const inputs = tools.inputs.of(permit.view);
  const { shown, conditions } = inputs.item(askedOf(call, permit));
  const expander = expanderOf(tools, shown, permit.caller);
  const value = inputs.id(id);
  if (value === null) throw notFound(permit);
  const one = await tools.operations.reads.get(permit, value, expander);
  const { text, etag } = tools.representations.object(permit, shown, one);
  const caching = cachingOf(permit);
  return isKnown(etag, conditions)
    ? bareReply(304, { caching, etag })
    : jsonReply(200, text, { caching, etag });
}

/** `parent` is the id of the object that the list is inside of. */
export async function getList(
  tools: RestTools,
  resource: Resource,
  call: Call,
  inside: { readonly sublist: SubList; readonly parent: Resource; readonly id: string } | null,
): Promise<Reply> {
  const permit = permitVerb(resource, "list", callerOf(call));
  const around = inside === null ? null : permitInside(inside.parent, permit.caller);
  requireJsonAccepted(call.request.headers);
  const input = tools.inputs.of(permit.view).list(askedOf(call, permit));
  const expander = expanderOf(tools, input.shown, permit.caller);
  const parent = inside === null || around === null ? null : parentOf(tools, around, inside);
  const listed = await tools.operations.reads.list(permit, input, parent, expander);
  const write = tools.representations.writer(permit, input.shown, listed.expanded);
  return jsonReply(200, listText(listed, listed.rows.map(write)), {
    caching: cachingOf(permit),
    link: linkOf(call, listed, resource.limits.deepest),
  });
}

/** @throws GatewayError RESOURCE_NOT_FOUND for what is no id of it. */
export function parentOf(
  tools: RestTools,
  permit: Permit,
  { sublist, id }: { readonly sublist: SubList; readonly id: string },
): Parent {
  const value = tools.inputs.of(permit.view).id(id);
  if (value === null) throw notFound(permit);
  return { permit, id: value, field: sublist.field };
}

export function expanderOf({ store }: RestTools, { expand }: Shown, caller: Caller): Expander | null {
  return expand.length === 0 ? null : expanderFor(expand, caller, store);
}

function cachingOf({ caller }: Permit): Caching {
  return caller.principal === null ? "no-cache" : "private, no-cache";
}

function listText({ limit, page, more, next, previous, total }: Listed, objects: readonly string[]): string {
  const place =
    page === null
      ? `"limit":${limit},"has_more":${more},"next_cursor":${quoted(next)},"prev_cursor":${quoted(previous)}`
      : `"page":${page},"limit":${limit},"has_more":${more}`;
  const totals = total === null ? "" : `,"total":${total},"total_pages":${Math.ceil(total / limit)}`;
  return `{"data":[${objects.join(",")}],${place}${totals}}`;
}

/** A cursor has no character to escape. */
const quoted = (cursor: string | null): string => (cursor === null ? "null" : `"${cursor}"`);
