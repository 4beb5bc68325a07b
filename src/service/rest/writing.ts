/** POST, PUT, PATCH, DELETE and actions. */
import type { Call } from "../../core/call.ts";
import type { Reply } from "../../core/reply.ts";
import type { Action, FieldValue, Resource, Row, SubList } from "../../core/resource.ts";
import type { Conditions, Inputs, Shown } from "../resources/input/index.ts";
import { type KeyedCall, keyedCall } from "../resources/once.ts";
import { notFound, type Permit, permitAction, permitInside, permitVerb } from "../resources/permit.ts";
import { type Outcome, orRepeated, type Write } from "../resources/write.ts";
import { requireJsonAccepted } from "./accept.ts";
import { askedOf, bodyOf, callerOf } from "./asked.ts";
import { requireState } from "./etag.ts";
import { expanderOf, parentOf } from "./reading.ts";
import { replaceOrCreate } from "./replacing.ts";
import { bareReply, jsonReply, type Written } from "./replies.ts";
import type { RestTools } from "./tools.ts";

const DONE = { caching: "no-store" } as const;

export async function postObject(
  tools: RestTools,
  resource: Resource,
  call: Call,
  inside: { readonly sublist: SubList; readonly parent: Resource; readonly id: string } | null,
): Promise<Reply> {
  const permit = permitVerb(resource, "create", callerOf(call));
  const around = inside === null ? null : permitInside(inside.parent, permit.caller);
  requireJsonAccepted(call.request.headers);
  const body = await bodyOf(call);
  return once(tools, call, body, (keyed) => {
    const parent = inside === null || around === null ? null : parentOf(tools, around, inside);
    const fixed = parent === null ? null : { field: parent.field, value: parent.id };
    const input = tools.inputs.of(permit.view).create(askedOf(call, permit), body, fixed);
    const write = writeOf(tools, permit, call, keyed, input);
    return tools.operations.writes.create(permit, input.values, parent, write);
  });
}

export async function patchObject(
  tools: RestTools,
  resource: Resource,
  call: Call,
  id: string,
): Promise<Reply> {
  const permit = permitVerb(resource, "update", callerOf(call));
  requireJsonAccepted(call.request.headers);
  const body = await bodyOf(call);
  return once(tools, call, body, (keyed) => {
    const inputs = tools.inputs.of(permit.view);
    const input = inputs.update(askedOf(call, permit), body);
    const write = writeOf(tools, permit, call, keyed, input);
    return tools.operations.writes.update(permit, idOf(permit, inputs, id), input.over, write);
  });
}

export async function putObject(
  tools: RestTools,
  resource: Resource,
  call: Call,
  id: string,
): Promise<Reply> {
  const permit = permitVerb(resource, "replace", callerOf(call));
  requireJsonAccepted(call.request.headers);
  const body = await bodyOf(call);
  return once(tools, call, body, (keyed) => {
    const inputs = tools.inputs.of(permit.view);
    const input = inputs.replace(askedOf(call, permit), body, id);
    const write = writeOf(tools, permit, call, keyed, input);
    const { writes } = tools.operations;
    if (resource.idRule.kind === "given" && resource.verbs.has("create"))
      return replaceOrCreate(writes, permit, inputs.id(id), input, write);
    return writes.update(permit, idOf(permit, inputs, id), input.over, write);
  });
}

export async function deleteObject(
  tools: RestTools,
  resource: Resource,
  call: Call,
  id: string,
): Promise<Reply> {
  const permit = permitVerb(resource, "delete", callerOf(call));
  const body = await bodyOf(call);
  return once(tools, call, body, (keyed) => {
    const inputs = tools.inputs.of(permit.view);
    const { conditions } = inputs.remove(askedOf(call, permit));
    const write: Write<Written> = {
      keyed: keyed?.keyed ?? null,
      expander: null,
      expects: (row) => requireState(resource, row, conditions),
      answer: () => kept(bareReply(204, DONE), keyed),
    };
    return tools.operations.writes.delete(permit, idOf(permit, inputs, id), write);
  });
}

export async function postAction(
  tools: RestTools,
  resource: Resource,
  action: Action,
  call: Call,
  id: string,
): Promise<Reply> {
  const permit = permitAction(resource, action, callerOf(call));
  requireJsonAccepted(call.request.headers);
  const body = await bodyOf(call);
  return once(tools, call, body, (keyed) => {
    const inputs = tools.inputs.of(permit.view);
    const input = inputs.action(action.name, askedOf(call, permit), body);
    const write = writeOf(tools, permit, call, keyed, input);
    return tools.operations.writes.act(permit, idOf(permit, inputs, id), action, input.input, write);
  });
}

/** Carries a request out, unless its key says that this has been done. */
async function once(
  tools: RestTools,
  call: Call,
  body: Buffer,
  attempt: (keyed: KeyedCall | null) => Promise<Outcome<Written>>,
): Promise<Reply> {
  const keyed = keyedCall(call, body, tools.sight);
  const outcome = await orRepeated(keyed?.keyed ?? null, tools.store, async () => attempt(keyed));
  return outcome.kind === "done" ? outcome.result : (keyed as KeyedCall).replay(outcome.repetition);
}

function writeOf(
  tools: RestTools,
  permit: Permit,
  call: Call,
  keyed: KeyedCall | null,
  { shown, conditions }: { readonly shown: Shown; readonly conditions: Conditions },
): Write<Written> {
  const { resource, caller } = permit;
  return {
    keyed: keyed?.keyed ?? null,
    expander: expanderOf(tools, shown, caller),
    expects: (row) => requireState(resource, row, conditions),
    answer(row, expanded, isNew) {
      const one = { row: row as Row, expanded };
      const { text, etag } = tools.representations.object(permit, shown, one);
      const location = isNew ? { location: locationOf(resource, call, one.row) } : {};
      return kept(jsonReply(isNew ? 201 : 200, text, { ...DONE, etag, ...location }), keyed);
    },
  };
}

const kept = (result: Written, keyed: KeyedCall | null): ReturnType<Write<Written>["answer"]> => ({
  result,
  kept:
    keyed === null
      ? null
      : keyed.keep({ status: result.status, headers: result.headers, body: result.bytes }),
});

function locationOf({ path, id }: Resource, { versionPrefix }: Call, row: Row): string {
  return `${versionPrefix}${path}/${encodeURIComponent(String(row[id.at]))}`;
}

function idOf(permit: Permit, inputs: Inputs, text: string): FieldValue {
  const id = inputs.id(text);
  if (id === null) throw notFound(permit);
  return id;
}
