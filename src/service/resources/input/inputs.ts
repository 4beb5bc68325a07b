import { GatewayError } from "../../../core/errors.ts";
import type { Resource, Resources, Row, View } from "../../../core/resource.ts";
import { ActionReader } from "./actions.ts";
import { readBody } from "./body.ts";
import { type ChangeBody, changed, readChanges } from "./change.ts";
import type { Check } from "./check.ts";
import { readNew } from "./create.ts";
import { checkOf } from "./field-checks.ts";
import { Issues } from "./issues.ts";
import { readItem, readNoWords } from "./item.ts";
import { ListReader } from "./list.ts";
import { Members } from "./members.ts";
import { type IdReader, idReader } from "./path-id.ts";
import { ShownReader } from "./shown.ts";
import type {
  ActionInput,
  Asked,
  ChangeInput,
  ConditionInput,
  CreateInput,
  Fixed,
  Inputs,
  ItemInput,
  ListInput,
  ReplaceInput,
  Values,
} from "./types.ts";

/** What requests for a resource say in one version. Made once: everything that can be looked up before a request is. */
export function makeInputs(resource: Resource, view: View, resources: Resources): Inputs {
  return new ResourceInputs(resource, view, resources);
}

class ResourceInputs implements Inputs {
  readonly id: IdReader;
  readonly #resource: Resource;
  readonly #checkId: Check;
  readonly #members: Members;
  readonly #shown: ShownReader;
  readonly #list: ListReader;
  readonly #actions: ReadonlyMap<string, ActionReader>;

  constructor(resource: Resource, view: View, resources: Resources) {
    this.id = idReader(resource);
    this.#resource = resource;
    this.#checkId = checkOf(resource.id);
    this.#members = new Members(resource, view);
    this.#shown = new ShownReader(resource, view, resources);
    this.#list = new ListReader(resource, view, this.#shown);
    this.#actions = new Map(resource.actions.map((action) => [action.name, new ActionReader(action)]));
  }

  list(asked: Asked): ListInput {
    return this.#list.read(asked);
  }

  item(asked: Asked): ItemInput {
    const issues = new Issues();
    const item = readItem(this.#shown, asked, issues);
    issues.refuse();
    return item;
  }

  remove(asked: Asked): ConditionInput {
    const issues = new Issues();
    const input = readNoWords(asked, issues);
    issues.refuse();
    return input;
  }

  create(asked: Asked, bytes: Buffer, fixed: Fixed | null): CreateInput {
    const issues = new Issues();
    const item = readItem(this.#shown, asked, issues);
    const body = readBody(bytes, issues);
    const values = readNew(this.#members, body, asked.scopes, fixed === null ? [] : [fixed], issues);
    issues.refuse();
    return { ...item, values };
  }

  replace(asked: Asked, bytes: Buffer, id: string): ReplaceInput {
    const head = new Issues();
    const item = readItem(this.#shown, asked, head);
    const change = this.#change("replace", asked, bytes, head);
    const over = changeOver(change, head);
    const fresh = (): Values => {
      const issues = new Issues(head.details);
      const fixed = [{ field: this.#resource.id, value: this.#newId(id, issues.at(["id"], "path")) }];
      const values = readNew(this.#members, change.body, asked.scopes, fixed, issues);
      issues.refuse();
      return values;
    };
    return { ...item, over, fresh };
  }

  update(asked: Asked, bytes: Buffer): ChangeInput {
    const head = new Issues();
    const item = readItem(this.#shown, asked, head);
    const change = this.#change("update", asked, bytes, head);
    return { ...item, over: changeOver(change, head) };
  }

  action(name: string, asked: Asked, bytes: Buffer): ActionInput {
    const reader = this.#actions.get(name);
    if (reader === undefined) throw new GatewayError("ROUTE_NOT_FOUND");
    const issues = new Issues();
    const item = readItem(this.#shown, asked, issues);
    const input = reader.read(bytes, issues);
    issues.refuse();
    return { ...item, input };
  }

  /** Says so where no new object can have the id. */
  #newId(text: string, issues: Issues): string | number {
    const id = this.id(text);
    if (id === null) issues.say("is no id that an object can have");
    else void this.#checkId(id, issues);
    return id ?? text;
  }

  #change(kind: ChangeBody["kind"], { scopes }: Asked, bytes: Buffer, issues: Issues): ChangeBody {
    return { resource: this.#resource, members: this.#members, body: readBody(bytes, issues), scopes, kind };
  }
}

/**
 * A body is told to be wrong at once where that can be told without the object, and else with what can be told only
 * beside it: a caller gets one list of everything.
 */
function changeOver(change: ChangeBody, head: Issues): ChangeInput["over"] {
  const issues = new Issues(head.details);
  const first = readChanges(change, null, issues);
  if (!first.open) issues.refuse();
  function over(row: Row): Row;
  function over(row: Row | null): Row | null;
  function over(row: Row | null): Row | null {
    if (row === null || !first.open) issues.refuse();
    if (row === null) return null;
    if (!first.open) return changed(change.resource, row, first.values);
    const all = new Issues(head.details);
    const { values } = readChanges(change, row, all);
    all.refuse();
    return changed(change.resource, row, values);
  }
  return over;
}
