/** Takes out of definitions what a config may not say, so that what is written can be used as it is. */
import type { ZodError } from "zod";
import { Report } from "../../config/report.ts";
import { buildResources } from "../../config/resources/index.ts";
import { type ResourceConfig, resource as schema } from "../../config/resources/schema.ts";
import { type Definition, type Definitions, isNeeded, NEEDED } from "./definitions.ts";

/** What a config says of a definition. */
export function configOf({ config, fields }: Definition): Record<string, unknown> {
  return { ...config, fields: Object.fromEntries([...fields].map(([name, field]) => [name, field.config])) };
}

/** In place: fields, and where that does not help resources, are left out with the reason. */
export function makeSound({ definitions, left }: Definitions, dialect: "sqlite" | "postgres"): Definitions {
  let sound = definitions;
  const gone = new Map(left);
  breakCircles(sound);
  for (const definition of sound) limitCreation(definition);
  for (
    let problems = problemsOf(sound, dialect);
    problems.length > 0;
    problems = problemsOf(sound, dialect)
  ) {
    for (const { definition, field, message } of problems) {
      if (field === undefined) {
        gone.set(definition.name, message);
        sound = sound.filter((one) => one !== definition);
        withoutReferences(sound, definition.name);
      } else leaveOut(definition, field, message);
      limitCreation(definition);
    }
  }
  return { definitions: sound, left: gone };
}

function leaveOut(definition: Definition, field: string, why: string): void {
  const line = definition.fields.get(field);
  if (line === undefined) return;
  definition.fields.delete(field);
  const needed = line.config["required"] === true ? NEEDED : "";
  definition.left.set(line.column.name, `${needed}${why}`);
  const groups = (definition.config["unique"] ?? []) as readonly (readonly string[])[];
  const kept = groups.filter((names) => !names.includes(field));
  if (kept.length > 0) definition.config["unique"] = kept;
  else delete definition.config["unique"];
}

function withoutReferences(definitions: readonly Definition[], to: string): void {
  for (const definition of definitions)
    for (const [name, { config }] of definition.fields)
      if (config["ref"] === to) leaveOut(definition, name, `it refers to ${to}, which is left out`);
}

/** Nobody can create what has to have a value that no field is for. */
function limitCreation({ config, fields, left, notes }: Definition): void {
  const shownOnly = [...fields.values()].filter(
    (line) => line.config["readOnly"] === true && isNeeded(line.column),
  );
  const needed = [
    ...[...left].filter(([, why]) => why.startsWith(NEEDED)).map(([name]) => name),
    ...shownOnly.map(({ column }) => column.name),
  ];
  if (needed.length === 0 || config["access"] !== undefined) return;
  config["access"] = { create: "nobody" };
  notes.push(`without ${needed.join(", ")}, which may not be empty, none can be created`);
}

interface Found {
  readonly definition: Definition;
  readonly field: string | undefined;
  readonly message: string;
}

function problemsOf(definitions: readonly Definition[], dialect: "sqlite" | "postgres"): readonly Found[] {
  const byName = new Map(definitions.map((definition) => [definition.name, definition]));
  const parsed = new Map<string, ResourceConfig>();
  const found: Found[] = [];
  for (const [name, definition] of byName) {
    const result = schema.safeParse(configOf(definition));
    if (result.success) parsed.set(name, result.data);
    else found.push(...schemaProblems(definition, result.error));
  }
  if (found.length > 0) return found;
  const report = new Report();
  buildResources(parsed, { versions: null, dialect }, report);
  return report.errors.flatMap(({ path: [, name, part, field], message }) => {
    const definition = byName.get(String(name));
    return definition === undefined
      ? []
      : [
          {
            definition,
            field: part === "fields" && field !== undefined ? String(field) : undefined,
            message,
          },
        ];
  });
}

const schemaProblems = (definition: Definition, { issues }: ZodError): readonly Found[] =>
  issues.map(({ path: [part, field], message }) => ({
    definition,
    field: part === "fields" && field !== undefined ? String(field) : undefined,
    message,
  }));

/** References that nothing could be the first of, and deletions that would go in a circle. */
function breakCircles(definitions: readonly Definition[]): void {
  const byName = new Map(definitions.map((definition) => [definition.name, definition]));
  breakEach(
    byName,
    true,
    ({ config }) => config["required"] === true,
    (line, to) => {
      const { ref: _, onDelete: __, ...rest } = line.config;
      const { config } = byName.get(to) as Definition;
      line.config = { ...idType(config["id"] as Record<string, unknown>), ...rest };
      line.notes.push(`refers to ${to}; as a reference nothing could be the first of all`);
    },
  );
  breakEach(
    byName,
    false,
    ({ config }) => config["onDelete"] === "delete",
    (line) => {
      line.config = Object.fromEntries(Object.entries(line.config).filter(([key]) => key !== "onDelete"));
      line.notes.push("deletions would go in a circle: refused here");
    },
  );
}

const idType = ({ type, maxLength }: Record<string, unknown>): Record<string, unknown> => ({
  type,
  ...(maxLength === undefined ? {} : { maxLength }),
});

type Line = Definition["fields"] extends Map<string, infer One> ? One : never;

/** `alone`: a reference to its own kind is a circle too. */
function breakEach(
  definitions: ReadonlyMap<string, Definition>,
  alone: boolean,
  counts: (line: Line) => boolean,
  cut: (line: Line, to: string) => void,
): void {
  const done = new Set<string>();
  const visit = (name: string, above: ReadonlySet<string>): void => {
    if (done.has(name)) return;
    const path = new Set([...above, name]);
    for (const line of definitions.get(name)?.fields.values() ?? []) {
      const to = line.config["ref"];
      if (typeof to !== "string" || !counts(line)) continue;
      if (!path.has(to)) visit(to, path);
      else if (to !== name || alone) cut(line, to);
    }
    done.add(name);
  };
  for (const name of definitions.keys()) visit(name, new Set());
}
