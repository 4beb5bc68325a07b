/** An OpenAPI 3.1 document, as what it asks of requests. */
import type { Call } from "../../core/call.ts";
import { GatewayError } from "../../core/errors.ts";
import { LOCATIONS, type Location } from "../../core/field-path.ts";
import { type Document, type Fields, isFields, step } from "../../core/json-schema/documents.ts";
import type { Placed, Schemas } from "../../core/json-schema/schema.ts";
import { BodyRules, type Content, essence } from "./content.ts";
import type { Found, Operation } from "./operation.ts";
import { type Parameter, Parameters, type Style } from "./parameters.ts";
import { PathTemplates } from "./path-templates.ts";
import { type Shape, shapeOf } from "./shape.ts";

export interface OpenApiOptions {
  readonly basePath: string | undefined;
  readonly undeclared: "refuse" | "allow";
  readonly unknownQuery: "ignore" | "reject";
}

/** The operations of one path, by method. */
type Operations = ReadonlyMap<string, Operation>;

const METHODS = ["get", "put", "post", "delete", "options", "head", "patch", "trace", "query"] as const;

/**
 * Finds the operation of a call.
 *
 * @throws Error with a sentence for the config's author; the function throws GatewayError for what is not declared.
 */
export function openApiOperations(
  document: Document,
  options: OpenApiOptions,
  schemas: Schemas,
): (call: Call) => Found | null {
  const templates = new PathTemplates<Operations>();
  const paths = pathsOf(document);
  const base = (options.basePath ?? serverPath(document)).replace(/\/$/, "");
  for (const [template, item] of Object.entries(paths)) {
    if (template.startsWith("x-")) continue;
    const pointer = step("paths") + step(template);
    const reader = new PathReader(document, options, schemas, template);
    try {
      templates.add(base + template, reader.operations(item, pointer));
    } catch (error) {
      const { message } = error as Error;
      throw message.startsWith(document.name) ? error : document.error(pointer, message);
    }
  }
  const refuse = options.undeclared === "refuse";
  return ({ request: { method, path } }) => {
    const found = templates.find(path);
    if (found === null) {
      if (refuse) throw new GatewayError("ROUTE_NOT_FOUND", { message: "The API has no such path." });
      return null;
    }
    const operation = found.item.get(method);
    if (operation !== undefined) return { operation, path: found.parameters };
    // What a resource offers may be asked of every resource (RFC 9110 §9.3.7).
    if (!refuse || method === "OPTIONS") return null;
    throw new GatewayError("METHOD_NOT_ALLOWED", { headers: { Allow: [...found.item.keys()].join(", ") } });
  };
}

function pathsOf(document: Document): Fields {
  const { root } = document;
  const version = isFields(root) ? root["openapi"] : undefined;
  if (!isFields(root) || typeof version !== "string") throw document.error("", "is no OpenAPI document");
  if (!/^3\.[12]\./.test(version)) {
    throw document.error("/openapi", `is ${JSON.stringify(version)}; convert the document to 3.1`);
  }
  const paths = root["paths"] ?? {};
  if (!isFields(paths)) throw document.error("/paths", "expected an object");
  return paths;
}

/** Requests come with the path under which the document's first server has its paths. */
function serverPath({ root }: Document): string {
  const servers = (root as Fields)["servers"];
  const first: unknown = Array.isArray(servers) ? servers[0] : undefined;
  const url = isFields(first) && typeof first["url"] === "string" ? first["url"] : "/";
  const variables = isFields(first) && isFields(first["variables"]) ? first["variables"] : {};
  const filled = url.replace(/\{([^{}]+)\}/g, (whole, name: string) => {
    const variable = variables[name];
    return isFields(variable) ? String(variable["default"]) : whole;
  });
  return URL.parse(filled, "http://localhost/")?.pathname ?? "/";
}

/** Reads one path of the document. */
class PathReader {
  readonly #document: Document;
  readonly #options: OpenApiOptions;
  readonly #schemas: Schemas;
  readonly #template: string;

  constructor(document: Document, options: OpenApiOptions, schemas: Schemas, template: string) {
    this.#document = document;
    this.#options = options;
    this.#schemas = schemas;
    this.#template = template;
  }

  operations(item: unknown, at: string): Operations {
    const { value, pointer } = this.#document.follow(item, at);
    if (!isFields(value)) throw this.#document.error(at, "expected an object");
    const operations = new Map<string, Operation>();
    for (const method of METHODS) {
      const operation = value[method];
      if (operation === undefined) continue;
      const place = pointer + step(method);
      if (!isFields(operation)) throw this.#document.error(place, "expected an object");
      const rules = this.#operation(operation, place, value, pointer);
      operations.set(method.toUpperCase(), rules);
      if (method === "get" && value["head"] === undefined) operations.set("HEAD", rules);
    }
    return operations;
  }

  #operation(operation: Fields, at: string, item: Fields, itemAt: string): Operation {
    const declared = new Map<string, Placed>();
    this.#collect(item["parameters"], itemAt + step("parameters"), declared);
    this.#collect(operation["parameters"], at + step("parameters"), declared);
    const parameters = LOCATIONS.flatMap((location) => {
      const own = [...declared.values()].filter(({ schema }) => (schema as Fields)["in"] === location);
      const rules = this.#parameters(location, own, at);
      return rules === null ? [] : [[location, rules] as const];
    });
    return { parameters, body: this.#body(operation["requestBody"], at + step("requestBody")) };
  }

  /** An operation's own parameter replaces that of its path (OpenAPI 3.1 §4.8.10). */
  #collect(list: unknown, at: string, into: Map<string, Placed>): void {
    if (list === undefined) return;
    if (!Array.isArray(list)) throw this.#document.error(at, "expected a list");
    for (const [i, one] of list.entries()) {
      const { value, pointer } = this.#document.follow(one, at + step(i));
      if (
        !isFields(value) ||
        typeof value["name"] !== "string" ||
        !LOCATIONS.includes(value["in"] as Location)
      ) {
        throw this.#document.error(pointer, 'expected a parameter with "name" and "in"');
      }
      into.set(`${String(value["in"])} ${value["name"]}`, {
        document: this.#document,
        schema: value,
        pointer,
      });
    }
  }

  #parameters(location: Location, all: readonly Placed[], at: string): Parameters | null {
    const own = all.filter(({ schema }) => !isIgnored(location, schema as Fields));
    this.#checkPath(location, own, at);
    const others = location === "query" && this.#options.unknownQuery === "reject" ? "reject" : "ignore";
    if (own.length === 0 && others === "ignore") return null;
    const parts = new Map<string, Placed>();
    const required: string[] = [];
    const parameters = own.map((placed): Parameter => {
      const fields = placed.schema as Fields;
      const name = fields["name"] as string;
      const part = this.#schemaOf(placed);
      parts.set(name, part);
      if (fields["required"] === true || location === "path") required.push(name);
      const shape = shapeOf(part.document, part.schema, part.pointer);
      return { name, shape, style: this.#style(placed, location, shape) };
    });
    const validator = this.#schemas.parameterListValidator(parts, required, {
      document: this.#document,
      schema: null,
      pointer: at,
    });
    return new Parameters({ location, parameters, others, validator });
  }

  #checkPath(location: Location, parameters: readonly Placed[], at: string): void {
    if (location !== "path") return;
    for (const { schema, pointer } of parameters) {
      const name = (schema as Fields)["name"];
      if (this.#template.includes(`{${String(name)}}`)) continue;
      throw this.#document.error(
        pointer,
        `the path ${this.#template} has no {${String(name)}} (${at.split("/").at(-1)})`,
      );
    }
  }

  /** `schema`, or the one of the only media type of `content`. */
  #schemaOf({ document, schema, pointer }: Placed): Placed {
    const fields = schema as Fields;
    const content = fields["content"];
    if (!isFields(content))
      return { document, schema: fields["schema"] ?? true, pointer: pointer + step("schema") };
    const [[type = "", media] = []] = Object.entries(content);
    if (essence(type) !== "application/json") {
      throw document.error(pointer, "the content of a parameter can only be application/json");
    }
    const place = pointer + step("content") + step(type) + step("schema");
    return { document, schema: (isFields(media) ? media["schema"] : undefined) ?? true, pointer: place };
  }

  #style({ schema, pointer }: Placed, location: Location, shape: Shape): Style {
    const fields = schema as Fields;
    if (isFields(fields["content"])) return { kind: "json" };
    const usual = location === "query" || location === "cookie" ? "form" : "simple";
    const style = fields["style"] ?? usual;
    const explode = fields["explode"] ?? style === "form";
    const isObject = shape.fields !== null && shape.scalars.size === 0 && shape.items === null;
    if (location === "query" && style === "deepObject") return { kind: "deep" };
    if (isObject && style === "form" && explode === true) return { kind: "spread" };
    const separator = isObject ? undefined : SEPARATORS[`${location} ${String(style)}`];
    if (separator === undefined) {
      const sort = isObject ? "an object in " : "";
      throw this.#document.error(
        pointer,
        `${sort}the style ${JSON.stringify(style)} in the ${location} is not supported; content: application/json is`,
      );
    }
    return { kind: "list", separator: usual === "form" && explode === true ? null : separator };
  }

  #body(requestBody: unknown, at: string): BodyRules | null {
    const { undeclared } = this.#options;
    if (requestBody === undefined) {
      return undeclared === "allow" ? null : new BodyRules({ required: false, contents: [], anyJson: false });
    }
    const { value, pointer } = this.#document.follow(requestBody, at);
    if (!isFields(value) || !isFields(value["content"]))
      throw this.#document.error(at, 'expected a body with "content"');
    const contents = Object.entries(value["content"]).map(([type, media]) =>
      this.#content(type, media, pointer + step("content") + step(type)),
    );
    return new BodyRules({ required: value["required"] === true, contents, anyJson: false });
  }

  #content(type: string, media: unknown, at: string): Content {
    const range = essence(type);
    const document = this.#document;
    const schema = isFields(media) ? media["schema"] : undefined;
    const placed: Placed = { document, schema: schema ?? true, pointer: at + step("schema") };
    if (schema === undefined || isOpaque(range)) return { range, validator: null, form: null };
    if (range !== "application/x-www-form-urlencoded") {
      return { range, validator: this.#schemas.validator(placed), form: null };
    }
    const { fields } = shapeOf(document, placed.schema, placed.pointer);
    const parameters = [...(fields ?? [])].map(([name, shape]): Parameter => {
      return { name, shape, style: { kind: "list", separator: null } };
    });
    const validator = this.#schemas.validator(placed);
    return {
      range,
      validator: null,
      form: new Parameters({ location: undefined, parameters, others: "include", validator }),
    };
  }
}

/** OpenAPI 3.1 §4.8.12.2: these are described elsewhere. */
const DESCRIBED_ELSEWHERE: ReadonlySet<string> = new Set(["accept", "content-type", "authorization"]);

function isIgnored(location: Location, { name }: Fields): boolean {
  return location === "header" && DESCRIBED_ELSEWHERE.has(String(name).toLowerCase());
}

/** Between the items of a list that does not repeat its name. Undefined for styles that are not read. */
const SEPARATORS: Readonly<Record<string, string | RegExp>> = {
  "path simple": ",",
  "header simple": /\s*,\s*/,
  "query form": ",",
  "query spaceDelimited": /%20|\+| /,
  "query pipeDelimited": /%7C|\|/i,
  "cookie form": ",",
};

/** Bodies that stream past: nobody looks inside. */
function isOpaque(range: string): boolean {
  return !(
    range.endsWith("json") ||
    range.startsWith("text/") ||
    range.endsWith("/*") ||
    range.endsWith("x-www-form-urlencoded")
  );
}
