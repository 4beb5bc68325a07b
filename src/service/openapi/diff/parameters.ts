/** Compares the parameters of operations. */
import type { Fields } from "../../../core/json-schema/documents.ts";
import type { Comparison, Direction } from "./pair.ts";
import { compareSchemas } from "./schemas.ts";
import { fields, type Source } from "./source.ts";

/** What an operation reads beside its body. */
export interface Asked {
  /** `/orders/{id}` */
  readonly path: string;
  readonly parameters: readonly unknown[];
}

interface Parameter {
  readonly subject: string;
  readonly value: Fields;
}

export function compareParameters(
  before: Asked,
  after: Asked,
  sends: Direction,
  comparison: Comparison,
): void {
  const [old, now] = [parametersOf(before, comparison.before), parametersOf(after, comparison.after)];
  for (const [key, one] of old) {
    const other = now.get(key);
    if (other === undefined)
      comparison.changes.add("breaking", "parameter-removed", one.subject, "is no longer read");
    else compareParameter(one, other, sends, comparison);
  }
  for (const [key, one] of now) {
    if (old.has(key)) continue;
    const isNeeded = one.value["required"] === true;
    if (isNeeded)
      comparison.changes.add(
        "breaking",
        "parameter-required",
        one.subject,
        "has to be given, and did not exist",
      );
    else comparison.changes.add("addition", "parameter-added", one.subject, "is new");
  }
}

/** By place and name; those of the path by their order, because nobody sees their names. */
function parametersOf({ path, parameters }: Asked, source: Source): Map<string, Parameter> {
  const inPath = [...path.matchAll(/\{([^}]*)\}/g)].map(([, name]) => name);
  const entries = parameters.map((one): [string, Parameter] => {
    const value = source.follow(one);
    const [place, name] = [String(value["in"]), String(value["name"])];
    const position = inPath.indexOf(name);
    const key =
      place === "path" && position >= 0 ? String(position) : place === "header" ? name.toLowerCase() : name;
    return [`${place} ${key}`, { value, subject: `the ${place} parameter ${name}` }];
  });
  return new Map(entries);
}

function compareParameter(old: Parameter, now: Parameter, sends: Direction, comparison: Comparison): void {
  const { subject } = old;
  const { changes } = comparison;
  const [was, is] = [old.value["required"] === true, now.value["required"] === true];
  if (is && !was)
    changes.add("breaking", "parameter-required", subject, "has to be given, and could be left out");
  if (was && !is) changes.add("change", "parameter-optional", subject, "may be left out");
  for (const [word, standard] of stylesOf(old.value)) {
    const [before, after] = [
      old.value[word] ?? standard,
      now.value[word] ?? new Map(stylesOf(now.value)).get(word),
    ];
    if (before !== after)
      changes.add(
        "breaking",
        "parameter-style",
        subject,
        `is written in another way: ${word} was ${String(before)} and is ${String(after)}`,
      );
  }
  const schemas = [old.value, now.value].map(schemaOf);
  compareSchemas({ before: schemas[0], after: schemas[1], subject, direction: sends }, comparison);
}

/** How a parameter is written unless it says otherwise (OpenAPI 3.1 §4.8.12.2). */
function stylesOf({ in: place, style }: Fields): [string, unknown][] {
  const standard = place === "query" || place === "cookie" ? "form" : "simple";
  return [
    ["style", standard],
    ["explode", (style ?? standard) === "form"],
    ["allowReserved", false],
  ];
}

/** Of a parameter or a header field. */
export function schemaOf({ schema, content }: Fields): unknown {
  const [media] = Object.values(fields(content));
  return schema ?? fields(media)["schema"] ?? true;
}
