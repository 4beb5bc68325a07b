import { Report } from "../../src/config/report.ts";
import { buildResources } from "../../src/config/resources/index.ts";
import { resources as schema } from "../../src/config/resources/schema.ts";
import type { Resources } from "../../src/core/resource.ts";

/** Resources as they stand in a config, of an API without versions. */
export function define(definitions: unknown, dialect: "sqlite" | "postgres"): Resources {
  const report = new Report();
  const made = buildResources(
    new Map(Object.entries(schema.parse(definitions))),
    { versions: null, dialect },
    report,
  );
  if (report.errors.length > 0) throw new Error(report.errors.map(({ message }) => message).join("; "));
  return made;
}
