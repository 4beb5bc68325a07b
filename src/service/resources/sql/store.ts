import type { Database } from "../../../core/database.ts";
import type { FieldValue, Resource, Row } from "../../../core/resource.ts";
import type { OnceRecords } from "../once-records.ts";
import type {
  Decision,
  Found,
  Keyed,
  Owner,
  Page,
  Referred,
  Repetition,
  ResourceStore,
  Selection,
  Told,
  Written,
} from "../store.ts";
import { change } from "./change.ts";
import { type Birth, creation, type Decide, nextId, nextIdQuery } from "./creation.ts";
import { createdOf, creationQuery } from "./creation-postgres.ts";
import type { Deletion } from "./deletion.ts";
import { countQuery, foundOf, listQuery } from "./lists.ts";
import { isUnfit, refusedOf } from "./refusal.ts";
import type { Tables } from "./tables.ts";
import { unfitFields } from "./unfit.ts";
import { toldOf, type Writer } from "./writer.ts";

export interface SqlParts {
  readonly database: Database;
  readonly tables: Tables;
  readonly once: OnceRecords;
  readonly writer: Writer;
  readonly deletion: Deletion;
}

/** A key that was used before is found used: but for one that expires at that very moment. */
const MOST_TRIES = 5;

export class SqlStore implements ResourceStore {
  readonly #parts: SqlParts;

  constructor(parts: SqlParts) {
    this.#parts = parts;
  }

  async get(resource: Resource, id: FieldValue, owner: Owner): Promise<Row | null> {
    const { database, tables } = this.#parts;
    const table = tables.of(resource);
    const { statement, values } = table.get(id, owner);
    return table.rows(await database.query(statement, values))[0] ?? null;
  }

  async getMany(resource: Resource, ids: readonly FieldValue[], owner: Owner): Promise<readonly Row[]> {
    if (ids.length === 0) return [];
    const { database, tables } = this.#parts;
    const table = tables.of(resource);
    const { statement, values } = table.getMany(ids, owner);
    return table.rows(await database.query(statement, values));
  }

  async list(selection: Selection, page: Page): Promise<Found> {
    const { database, tables } = this.#parts;
    const table = tables.of(selection.resource);
    const { statement, values } = listQuery(table, selection, page);
    return foundOf(table, await database.query(statement, values), page);
  }

  async count(selection: Pick<Selection, "resource" | "owner" | "filters">): Promise<number> {
    const { database, tables } = this.#parts;
    const { statement, values } = countQuery(tables.of(selection.resource), selection);
    return Number((await database.query(statement, values))[0]?.[0]);
  }

  async repetition(keyed: Keyed): Promise<Repetition | null> {
    const { database, once } = this.#parts;
    const { statement, values } = once.find(keyed);
    return once.read(await database.query(statement, values), keyed);
  }

  async create<Result>(
    resource: Resource,
    keyed: Keyed | null,
    decide: Decide<Result>,
  ): Promise<Written<Result>> {
    const { database, writer } = this.#parts;
    let decision: Birth<Result> | null = null;
    const noted: Decide<Result> = (counted) => {
      decision = decide(counted);
      return decision;
    };
    try {
      if (database.dialect === "postgres" && !resource.external)
        return await this.#createAtOnce(resource, keyed, noted);
      const result = await database.write(() => creation(writer, resource, keyed, noted));
      return { kind: "done", result, along: [] };
    } catch (thrown) {
      return this.#refused(thrown, resource, null, decision);
    }
  }

  async #createAtOnce<Result>(
    resource: Resource,
    keyed: Keyed | null,
    decide: Decide<Result>,
  ): Promise<Written<Result>> {
    const { database, tables } = this.#parts;
    const decision = decide(await this.#nextId(resource));
    const told = toldOf(decision, decision.row);
    const { statement, values } = creationQuery(tables, resource, keyed, decision, told);
    for (let tries = 0; tries < MOST_TRIES; tries++) {
      const created = createdOf(await database.run(statement, values), decision.referred);
      if (created !== null) return writtenOf(told, created.dangling);
      const repetition = keyed === null ? null : await this.repetition(keyed);
      if (repetition !== null) return { kind: "repeated", repetition };
    }
    throw new Error("a key is neither new nor used");
  }

  async #nextId(resource: Resource): Promise<FieldValue> {
    if (resource.idRule.kind !== "counted") return null;
    const { database, tables } = this.#parts;
    const { statement, values } = nextIdQuery(tables.of(resource));
    return nextId(resource, await database.query(statement, values));
  }

  async change<Result>(
    resource: Resource,
    id: FieldValue,
    owner: Owner,
    keyed: Keyed | null,
    decide: (row: Row | null) => Decision<Result>,
  ): Promise<Written<Result>> {
    const { database, writer, deletion } = this.#parts;
    let decision: Decision<Result> | null = null;
    let before: Row | null = null;
    const noted = (row: Row | null): Decision<Result> => {
      before = row;
      decision = decide(row);
      return decision;
    };
    try {
      const asked = { resource, id, owner, keyed };
      return await database.write(() => change(writer, deletion, asked, noted));
    } catch (thrown) {
      return this.#refused(thrown, resource, before, decision);
    }
  }

  async #refused(
    thrown: unknown,
    resource: Resource,
    before: Row | null,
    decision: Decision<unknown> | null,
  ): Promise<Written<never>> {
    const refused = refusedOf(thrown, resource, decision?.referred ?? []);
    // What refers to an object that was deleted, and is in no definition, is in the way all the same.
    if (refused.kind === "dangling" && decision?.row === null) return { kind: "referred", by: null };
    if (refused.kind !== "unfit" || !isUnfit(refused.cause) || !decision?.row) return refused;
    const { database, tables } = this.#parts;
    return { ...refused, fields: await unfitFields(database, tables.of(resource), before, decision.row) };
  }
}

function writtenOf<Result>({ result }: Told<Result>, dangling: readonly Referred[]): Written<Result> {
  if (dangling.length === 0) return { kind: "done", result, along: [] };
  return { kind: "dangling", fields: dangling.map(({ field }) => field) };
}
