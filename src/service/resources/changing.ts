import { GatewayError } from "../../core/errors.ts";
import type { FieldValue, Row } from "../../core/resource.ts";
import { type Expanded, NOTHING_EXPANDED } from "./expand.ts";
import { notFound, type Permit } from "./permit.ts";
import { referredBy, sameRow } from "./rows.ts";
import { decide, settle, type WriteParts } from "./settling.ts";
import { Turns } from "./turns.ts";
import type { Outcome, Write } from "./write.ts";

/** The row after a change, given the one before; null to delete it. What it throws is the answer. */
export type Step = (row: Row) => Row | null;

export interface Changing {
  /** Of the event: `updated`, `deleted`, or the name of an action. */
  readonly what: string;
  readonly step: Step;
  /** Asks the functions of the config, without a transaction around them; null where there are none. */
  readonly ask: ((row: Row) => Promise<Step>) | null;
  /** For no such row; what it throws is the answer, else it is not found. */
  readonly missing: () => void;
}

/** What was made ready, and for which row. */
interface Prepared {
  readonly seen: Row;
  readonly step: Step;
  readonly expanded: Expanded;
}

/** The object has changed while functions of the config were asked about it. */
const MOVED = Symbol("moved");
/** Others of this process wait for their turn, so it is other processes that are in the way. */
const MOST_TRIES = 10;

/** Changes objects, one row at a time. */
export class Changes {
  readonly #parts: WriteParts;
  readonly #turns = new Turns();

  constructor(parts: WriteParts) {
    this.#parts = parts;
  }

  async make<Result>(
    permit: Permit,
    id: FieldValue,
    changing: Changing,
    write: Write<Result>,
  ): Promise<Outcome<Result>> {
    if (changing.ask === null && write.expander === null)
      return this.#commit(permit, id, changing, null, write);
    if (write.keyed !== null) {
      const repetition = await this.#parts.store.repetition(write.keyed);
      if (repetition !== null) return { kind: "repeated", repetition };
    }
    const thing = `${permit.resource.name} ${String(id)}`;
    return this.#turns.take(thing, () => this.#prepared(permit, id, changing, write));
  }

  /** What needs time is done first, about a row that has to be the same when the change is made. */
  async #prepared<Result>(
    permit: Permit,
    id: FieldValue,
    changing: Changing,
    write: Write<Result>,
  ): Promise<Outcome<Result>> {
    for (let tries = 0; tries < MOST_TRIES; tries++) {
      const prepared = await this.#prepare(permit, id, changing, write);
      try {
        return await this.#commit(permit, id, changing, prepared, write);
      } catch (thrown) {
        if (thrown !== MOVED) throw thrown;
      }
    }
    throw new GatewayError("SERVICE_UNAVAILABLE", {
      message: `The ${permit.resource.singular} is changed all the time by others.`,
      headers: { "Retry-After": "1" },
    });
  }

  async #prepare<Result>(
    permit: Permit,
    id: FieldValue,
    changing: Changing,
    write: Write<Result>,
  ): Promise<Prepared> {
    const seen = await this.#parts.store.get(permit.resource, id, permit.owner);
    if (seen === null) throw missing(permit, changing);
    write.expects(seen);
    const step = changing.ask === null ? changing.step : await changing.ask(seen);
    const after = step(seen);
    const expanded = after === null ? undefined : await write.expander?.load([after]);
    return { seen, step, expanded: expanded ?? NOTHING_EXPANDED };
  }

  async #commit<Result>(
    permit: Permit,
    id: FieldValue,
    changing: Changing,
    prepared: Prepared | null,
    write: Write<Result>,
  ): Promise<Outcome<Result>> {
    const { resource, owner, caller } = permit;
    const { store, clock, resources } = this.#parts;
    const moment = { caller, now: clock.wall() };
    const { step, expanded } = prepared ?? { step: changing.step, expanded: NOTHING_EXPANDED };
    const written = await store.change(resource, id, owner, write.keyed, (row) => {
      if (row === null) throw missing(permit, changing);
      if (prepared !== null && !sameRow(prepared.seen, row)) throw MOVED;
      write.expects(row);
      const after = step(row);
      const change = { what: changing.what, before: row, after };
      const referred =
        after === null || after === row ? [] : referredBy(resource, row, after, resources, caller);
      return decide(this.#parts, resource, change, referred, write, expanded, moment);
    });
    return settle(this.#parts, permit, written, moment);
  }
}

function missing(permit: Permit, changing: Changing): GatewayError {
  changing.missing();
  return notFound(permit);
}
