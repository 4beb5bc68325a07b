import type { Action, FieldValue, Row } from "../../core/resource.ts";
import { Changes, type Step } from "./changing.ts";
import { create } from "./creation.ts";
import type { Values } from "./input/types.ts";
import type { Permit } from "./permit.ts";
import { requireState } from "./refusals.ts";
import { changed, merged, momentOf, sameRow } from "./rows.ts";
import type { WriteParts } from "./settling.ts";
import type { Inside, Outcome, Write } from "./write.ts";

type ActionValues = Readonly<Record<string, unknown>>;

export class Writes {
  readonly #parts: WriteParts;
  readonly #changes: Changes;

  constructor(parts: WriteParts) {
    this.#parts = parts;
    this.#changes = new Changes(parts);
  }

  create<Result>(
    permit: Permit,
    values: Values,
    inside: Inside | null,
    write: Write<Result>,
  ): Promise<Outcome<Result>> {
    return create(this.#parts, permit, values, inside, write);
  }

  /** `over` gives the row afterwards, and may be asked about no row, to throw what is wrong whatever the row. */
  update<Result>(
    permit: Permit,
    id: FieldValue,
    over: (row: Row | null) => Row | null,
    write: Write<Result>,
  ): Promise<Outcome<Result>> {
    const { resource } = permit;
    const now = this.#parts.clock.wall();
    const step: Step = (row) => changed(resource, row, over(row) as Row, now);
    const ask = (row: Row): Promise<Step> => this.#askHook(permit, row, over(row) as Row, now);
    const changing = {
      what: "updated",
      step,
      ask: resource.hooks.beforeUpdate === undefined ? null : ask,
      missing: () => void over(null),
    };
    return this.#changes.make(permit, id, changing, write);
  }

  delete<Result>(permit: Permit, id: FieldValue, write: Write<Result>): Promise<Outcome<Result>> {
    const changing = { what: "deleted", step: () => null, ask: null, missing: () => undefined };
    return this.#changes.make(permit, id, changing, write);
  }

  act<Result>(
    permit: Permit,
    id: FieldValue,
    action: Action,
    input: ActionValues,
    write: Write<Result>,
  ): Promise<Outcome<Result>> {
    const now = this.#parts.clock.wall();
    const set = (row: Row): Row => {
      requireState(permit, action, row);
      const next = [...row];
      for (const [field, value] of action.set)
        next[field.at] = value === "now" ? momentOf(field, now) : value;
      return next;
    };
    const ask = (row: Row): Promise<Step> => this.#askRun(permit, action, input, row, set(row), now);
    const changing = {
      what: action.name,
      step: (row: Row) => changed(permit.resource, row, set(row), now),
      ask: action.run === null ? null : ask,
      missing: () => undefined,
    };
    return this.#changes.make(permit, id, changing, write);
  }

  async #askHook({ resource, caller }: Permit, before: Row, wanted: Row, now: number): Promise<Step> {
    if (sameRow(before, wanted)) return (row) => row;
    const values = await this.#parts.hooks.beforeUpdate(resource, before, wanted, { caller, now });
    const after = changed(resource, before, merged(before, values), now);
    return (row) => (after === before ? row : after);
  }

  async #askRun(
    { resource, caller }: Permit,
    action: Action,
    input: ActionValues,
    before: Row,
    set: Row,
    now: number,
  ): Promise<Step> {
    const values = await this.#parts.hooks.run(resource, action, structuredClone(input), before, {
      caller,
      now,
    });
    const after = changed(resource, before, merged(set, values), now);
    return (row) => (after === before ? row : after);
  }
}
