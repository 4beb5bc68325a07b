/** The tables of resources in a database, and what asks it, without a service around. */
import { randomFillSync } from "node:crypto";
import type { Database, Query, Rows, Statement, Work } from "../../src/core/database.ts";
import type { Field, FieldValue, Resource, Resources, Row } from "../../src/core/resource.ts";
import { migrate } from "../../src/service/migrations/index.ts";
import { Ids } from "../../src/service/resources/ids.ts";
import { withDefaults } from "../../src/service/resources/input/index.ts";
import { born } from "../../src/service/resources/rows.ts";
import { makeResourceStore } from "../../src/service/resources/sql/index.ts";
import type { Owner, ResourceStore } from "../../src/service/resources/store.ts";
import { openRecords } from "../../src/stores/records/open.ts";
import { openDatabase } from "../../src/stores/resources/open.ts";
import { openSchemaSession } from "../../src/stores/resources/schema-session.ts";

const random = (bytes: Uint8Array): void => void randomFillSync(bytes);

export class ResourceStand {
  readonly resources: Resources;
  readonly database: WatchedDatabase;
  readonly store: ResourceStore;
  readonly #ids = new Ids(() => Date.now(), random);
  readonly #close: () => Promise<void>;

  private constructor(resources: Resources, database: WatchedDatabase, close: () => Promise<void>) {
    this.resources = resources;
    this.database = database;
    this.store = makeResourceStore(database, resources, { wall: () => Date.now(), random });
    this.#close = close;
  }

  /** `url`: a file, or a `postgres://` URL. */
  static async open(url: string, resources: Resources, connections = 10): Promise<ResourceStand> {
    const records = await openRecords(url);
    const session = await openSchemaSession(url, { writes: true });
    try {
      await migrate(session, resources);
    } finally {
      await session.close();
    }
    const database = new WatchedDatabase(await openDatabase(url, { connections }));
    return new ResourceStand(resources, database, async () => {
      await database.close();
      await records.close();
    });
  }

  resource(name: string): Resource {
    return this.resources.get(name) as Resource;
  }

  field(resource: string, name: string): Field {
    const found = this.resource(resource).fields.find((field) => field.name === name);
    if (found === undefined) throw new Error(`${resource} has no ${name}`);
    return found;
  }

  /** A row with these values by the names of their fields, and what every row has. */
  row(name: string, values: Readonly<Record<string, FieldValue>>, owner: Owner = null): Row {
    const resource = this.resource(name);
    const given = resource.fields.map((field) => values[field.name]);
    const now = Date.now();
    const id = values["id"] ?? this.#ids.for(resource);
    const row = born(resource, withDefaults(resource, given, now), { id, owner, now });
    // Some tests set what only the service sets.
    return row.map((value, at) => given[at] ?? value);
  }

  close(): Promise<void> {
    return this.#close();
  }
}

/** Notes the texts of all statements. */
export class WatchedDatabase implements Database {
  readonly asked: Query[] = [];
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  get dialect(): Database["dialect"] {
    return this.#database.dialect;
  }

  get texts(): ReadonlySet<string> {
    return new Set(this.asked.map(({ statement }) => statement.text));
  }

  query(statement: Statement, values: Query["values"]): Promise<Rows> {
    this.asked.push({ statement, values });
    return this.#database.query(statement, values);
  }

  run(statement: Statement, values: Query["values"]): Promise<Rows> {
    this.asked.push({ statement, values });
    return this.#database.run(statement, values);
  }

  write<Result>(work: () => Work<Result>): Promise<Result> {
    return this.#database.write(() => this.#watched(work()));
  }

  *#watched<Result>(work: Work<Result>): Work<Result> {
    let step = work.next();
    while (step.done !== true) {
      this.asked.push(step.value);
      step = work.next(yield step.value);
    }
    return step.value;
  }

  close(): Promise<void> {
    return this.#database.close();
  }
}
