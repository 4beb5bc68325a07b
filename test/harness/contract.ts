/** Holds answers to an OpenAPI document: what it does not allow is a mistake, of the answer or of the document. */
import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import addFormats from "ajv-formats";

export interface Exchange {
  readonly method: string;
  /** With its query, as the client sent it. */
  readonly path: string;
  /** Lower-case names. */
  readonly requestHeaders?: Readonly<Record<string, string>>;
  readonly requestBody?: string;
  readonly status: number;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

type Json = Readonly<Record<string, unknown>>;

/** Fields that say something about every answer, or about none in particular. */
const UNDECLARED: ReadonlySet<string> = new Set([
  ...[
    "date",
    "connection",
    "keep-alive",
    "content-length",
    "content-type",
    "transfer-encoding",
    "via",
    "age",
  ],
  ...["x-content-type-options", "content-security-policy", "referrer-policy", "strict-transport-security"],
  ...["x-client-request-id", "x-ratelimit-degraded", "x-ratelimit-dry-run", "cache-status", "proxy-status"],
  ...["access-control-allow-origin", "access-control-allow-credentials", "access-control-expose-headers"],
]);

interface Operation {
  readonly pointer: string;
  readonly operation: Json;
}

export class Contract {
  readonly #document: Json;
  readonly #ajv = new Ajv2020({ strict: false, allErrors: true, validateFormats: true });
  readonly #compiled = new Map<string, ValidateFunction>();

  constructor(document: unknown) {
    this.#document = document as Json;
    (addFormats as unknown as (ajv: Ajv2020) => void)(this.#ajv);
    // As it is; without members that it does not name; and, besides, with objects that are whole.
    const strict = closed(this.#document);
    this.#ajv.addSchema(strict as Json, "answers");
    this.#ajv.addSchema(whole(strict) as Json, "whole");
    this.#ajv.addSchema(this.#document, "requests");
  }

  /** Everything that the document does not allow; nothing for paths that it does not have. */
  mistakes(exchange: Exchange): string[] {
    const item = this.#item(exchange.path);
    if (item === null || exchange.method === "OPTIONS") return [];
    const operation = item.operation[exchange.method.toLowerCase()];
    const shown = `${exchange.method} ${exchange.path} → ${exchange.status}`;
    const found =
      operation === undefined
        ? this.#notOffered(exchange)
        : this.#inOperation(exchange, {
            pointer: `${item.pointer}/${exchange.method.toLowerCase()}`,
            operation: operation as Json,
          });
    return found.map((mistake) => `${shown}: ${mistake}`);
  }

  /** Every operation, as `GET /orders/{id}`, with the statuses that it declares. */
  declared(): Map<string, string[]> {
    const entries = Object.entries(this.#document["paths"] as Record<string, Json>).flatMap(([path, item]) =>
      Object.entries(item).map(([method, operation]): [string, string[]] => [
        `${method.toUpperCase()} ${path}`,
        Object.keys((operation as Json)["responses"] as Json),
      ]),
    );
    return new Map(entries);
  }

  /** The template of a path: `/orders/{id}`; null for none. */
  template(path: string): string | null {
    return this.#item(path)?.template ?? null;
  }

  #item(path: string): (Operation & { readonly template: string }) | null {
    const [server] = this.#document["servers"] as readonly { readonly url: string }[];
    const before = server === undefined || server.url === "/" ? "" : server.url;
    const bare = path.split("?", 1)[0] as string;
    const inside = before !== "" && bare.startsWith(`${before}/`) ? bare.slice(before.length) : bare;
    const segments = inside.split("/");
    const paths = this.#document["paths"] as Record<string, Json>;
    for (const [template, operation] of Object.entries(paths)) {
      const wanted = template.split("/");
      const fits = wanted.every(
        (one, i) => one === segments[i] || (one.startsWith("{") && segments[i] !== ""),
      );
      if (fits && wanted.length === segments.length) {
        return { template, operation, pointer: `/paths/${escaped(template)}` };
      }
    }
    return null;
  }

  /** A method that there is not is refused with the methods that there are. */
  #notOffered({ status, headers }: Exchange): string[] {
    if (status < 400) return ["the method is not declared"];
    return status === 405 && headers["allow"] === undefined ? ["405 without Allow"] : [];
  }

  #inOperation(exchange: Exchange, { pointer, operation }: Operation): string[] {
    const { status } = exchange;
    const responses = operation["responses"] as Json;
    const key = String(status) in responses ? String(status) : "default";
    if (!(key in responses) || (key === "default" && status < 400)) return [`the status is not declared`];
    const response = this.#follow(responses[key], `${pointer}/responses/${key}`);
    const asked = status < 300 ? this.#request(exchange, { pointer, operation }) : [];
    return [...asked, ...this.#headers(exchange, response), ...this.#body(exchange, response)];
  }

  #follow(value: unknown, pointer: string): Operation {
    const ref = (value as Json)["$ref"];
    if (typeof ref !== "string") return { pointer, operation: value as Json };
    let target: unknown = this.#document;
    for (const step of ref.slice(2).split("/")) target = (target as Json)[unescaped(step)];
    return { pointer: ref.slice(1), operation: target as Json };
  }

  // ---------------------------------------------------------------- what was asked

  /** What was carried out must be something that the document says can be asked for. */
  #request(
    { path, requestHeaders = {}, requestBody }: Exchange,
    { pointer, operation }: Operation,
  ): string[] {
    const parameters = (operation["parameters"] as unknown[]).map((one) => this.#follow(one, "").operation);
    const known = new Set(parameters.filter((one) => one["in"] === "query").map((one) => one["name"]));
    const names = [...new URLSearchParams(path.split("?")[1] ?? "").keys()];
    const mistakes = names
      .filter((name) => !known.has(name))
      .map((name) => `the parameter ${name} is not declared`);
    if (requestBody === undefined || requestBody === "") return mistakes;
    const body = operation["requestBody"] as Json | undefined;
    if (body === undefined) return requestBody === "{}" ? mistakes : [...mistakes, "the request has a body"];
    const type = essence(requestHeaders["content-type"]);
    const media = escaped(type in (body["content"] as Json) ? type : "application/json");
    const place = `requests#${pointer}/requestBody/content/${media}/schema`;
    return [...mistakes, ...this.#against(place, JSON.parse(requestBody), "the body of the request")];
  }

  // ---------------------------------------------------------------- what was answered

  #headers({ headers, status }: Exchange, { operation, pointer }: Operation): string[] {
    const declared = (operation["headers"] ?? {}) as Json;
    const mistakes: string[] = [];
    for (const [name, one] of Object.entries(declared)) {
      const header = this.#follow(one, `${pointer}/headers/${escaped(name)}`);
      const value = headers[name.toLowerCase()];
      if (value === undefined && header.operation["required"] === true)
        mistakes.push(`the field ${name} is missing`);
      if (value === undefined) continue;
      const schema = header.operation["schema"] as Json;
      const read = schema["type"] === "integer" && /^-?\d+$/.test(value) ? Number(value) : value;
      mistakes.push(...this.#against(`answers#${header.pointer}/schema`, read, `the field ${name}`));
    }
    const names = new Set(Object.keys(declared).map((name) => name.toLowerCase()));
    for (const name of Object.keys(headers)) {
      if (!names.has(name) && !UNDECLARED.has(name))
        mistakes.push(`the field ${name} is not declared for ${status}`);
    }
    return mistakes;
  }

  #body(exchange: Exchange, { operation, pointer }: Operation): string[] {
    const { method, status, headers, body, path } = exchange;
    const content = operation["content"] as Json | undefined;
    if (method === "HEAD" || status === 204 || status === 304) return body === "" ? [] : ["there is a body"];
    if (content === undefined) return body === "" ? [] : ["a body is not declared"];
    const type = essence(headers["content-type"]);
    if (!(type in content)) return [`the media type ${type || "none"} is not declared`];
    let value: unknown;
    try {
      value = JSON.parse(body);
    } catch {
      return ["the body is not JSON"];
    }
    const isPart = new URLSearchParams(path.split("?")[1] ?? "").has("fields");
    const place = `${isPart ? "answers" : "whole"}#${pointer}/content/${escaped(type)}/schema`;
    const agrees = status >= 400 ? disagreements(value as Json, exchange) : [];
    return [...this.#against(place, value, "the body"), ...agrees];
  }

  #against(place: string, value: unknown, what: string): string[] {
    const compiled = this.#compiled.get(place) ?? this.#ajv.compile({ $ref: place });
    this.#compiled.set(place, compiled);
    if (compiled(value)) return [];
    return (compiled.errors ?? []).map(
      ({ instancePath, message, params }) =>
        `${what} at "${instancePath}" ${message} ${JSON.stringify(params)}`,
    );
  }
}

/** What an error says twice it says alike. */
function disagreements(body: Json, { status, headers }: Exchange): string[] {
  const said = (body["error"] ?? body) as Json;
  return [
    ...(said["request_id"] === headers["x-request-id"] ? [] : ["request_id is not X-Request-Id"]),
    ...(said["code"] === headers["x-error-code"] ? [] : ["code is not X-Error-Code"]),
    ...(said["status"] === undefined || said["status"] === status ? [] : ["status is another one"]),
  ];
}

const essence = (type = ""): string => (type.split(";", 1)[0] as string).trim().toLowerCase();

/** A step of a JSON Pointer in a fragment. */
const escaped = (name: string): string =>
  encodeURIComponent(name.replaceAll("~", "~0").replaceAll("/", "~1"));
const unescaped = (step: string): string =>
  decodeURIComponent(step).replaceAll("~1", "/").replaceAll("~0", "~");

/** Clients have to expect members that a document does not name; our own answers have none. Schemas of configs (`Order_metadata`) say it themselves. */
function closed(value: unknown, name = ""): unknown {
  if (Array.isArray(value)) return value.map((one) => closed(one));
  if (typeof value !== "object" || value === null || /^[A-Z][^.]*_/.test(name)) return value;
  const schema = value as Json;
  const closes = schema["type"] === "object" && "properties" in schema && !("additionalProperties" in schema);
  const entries = Object.entries(schema).map(([key, one]) => [
    key,
    key === "example" ? one : closed(one, key),
  ]);
  return { ...Object.fromEntries(entries), ...(closes ? { additionalProperties: false } : {}) };
}

/** Objects without the parameter `fields`: where one or part of one is allowed, it is that one. */
function whole(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(whole);
  if (typeof value !== "object" || value === null) return value;
  const { anyOf } = value as { readonly anyOf?: readonly Json[] };
  const part = anyOf?.[1]?.["$ref"];
  if (typeof part === "string" && part.includes("/Partial")) return anyOf?.[0];
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, whole(one)]));
}
