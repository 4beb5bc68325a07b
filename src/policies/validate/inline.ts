/** Schemas that stand in the config, one for each part of a request. */
import type { Call } from "../../core/call.ts";
import { Document, isFields, parseFile } from "../../core/json-schema/documents.ts";
import type { Placed, Schemas } from "../../core/json-schema/schema.ts";
import { BodyRules } from "./content.ts";
import type { Found, Operation } from "./operation.ts";
import { Parameters } from "./parameters.ts";
import { shapeOf } from "./shape.ts";
import type { ValidateOptions } from "./validate.options.ts";

type ReadFile = (file: string) => Buffer;

/** @throws Error with a sentence for the config's author. */
export function inlineOperation(
  options: ValidateOptions,
  schemas: Schemas,
  readFile: ReadFile,
): (call: Call) => Found {
  const placed = (key: "params" | "query" | "headers" | "body"): Placed | undefined => {
    const given = options[key];
    if (given === undefined) return undefined;
    const document =
      typeof given === "string"
        ? new Document(given, parseFile(given, readFile(given)))
        : new Document(key, given);
    return { document, schema: document.root, pointer: "" };
  };
  const { unknownQuery, bodyRequired = true } = options;
  const parameters: Operation["parameters"][number][] = [];
  const add = (key: "params" | "query" | "headers", location: "path" | "query" | "header") => {
    const schema = placed(key);
    if (schema === undefined) return;
    const others = location !== "query" ? "ignore" : unknownQuery === "reject" ? "reject" : "include";
    const validator = schemas.parametersValidator(schema);
    parameters.push([
      location,
      new Parameters({ location, parameters: declared(schema), others, validator }),
    ]);
  };
  add("params", "path");
  add("query", "query");
  add("headers", "header");
  const body = placed("body");
  const validator = body === undefined ? null : schemas.validator(body);
  const rules = (required: boolean) =>
    validator === null
      ? null
      : new BodyRules({
          required,
          anyJson: true,
          contents: [{ range: "application/json", validator, form: null }],
        });
  const withBody: Operation = { parameters, body: rules(bodyRequired) };
  const without: Operation = { parameters, body: rules(false) };
  return ({ request, params }) => ({
    operation: HAVE_BODIES.has(request.method) ? withBody : without,
    path: params,
  });
}

/** Methods whose requests mean nothing without a body. */
const HAVE_BODIES: ReadonlySet<string> = new Set(["POST", "PUT", "PATCH", "QUERY"]);

/** Every property of the schema is a parameter, its lists repeated names. */
function declared({ document, schema, pointer }: Placed) {
  const { value } = document.follow(schema, pointer);
  if (!isFields(value)) throw document.error(pointer, "expected a schema with properties");
  const { fields } = shapeOf(document, schema, pointer);
  return [...(fields ?? [])].map(([name, shape]) => ({
    name,
    style: { kind: "list", separator: null } as const,
    shape,
  }));
}
