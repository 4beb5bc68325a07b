import type { Resource, Resources } from "../../../core/resource.ts";
import type { Dialect } from "./columns.ts";
import { Table } from "./table.ts";

export class Tables {
  readonly dialect: Dialect;
  readonly #tables = new Map<Resource, Table>();

  constructor(resources: Resources, dialect: Dialect) {
    this.dialect = dialect;
    for (const resource of resources.values()) this.#tables.set(resource, new Table(resource, dialect));
  }

  of(resource: Resource): Table {
    const known = this.#tables.get(resource);
    if (known === undefined) throw new Error(`${resource.name} is no resource of this plan`);
    return known;
  }
}
