import { bufferBody } from "../../core/buffer-body.ts";
import type { Call } from "../../core/call.ts";
import { type ErrorDetail, GatewayError } from "../../core/errors.ts";
import { Document, parseFile } from "../../core/json-schema/documents.ts";
import { Schemas } from "../../core/json-schema/schema.ts";
import type { CounterSeries } from "../../core/metrics.ts";
import { definePolicy } from "../../core/policy.ts";
import type { PolicyTools } from "../../core/tools.ts";
import type { BodyCheck, BodyRules } from "./content.ts";
import { inlineOperation } from "./inline.ts";
import { openApiOperations } from "./openapi.ts";
import { checkParameters, type Found } from "./operation.ts";
import { type ValidateOptions, validateOptions } from "./validate.options.ts";

export const validate = definePolicy({
  name: "validate",
  summary:
    "Checks path, query, headers and body against JSON Schemas or an OpenAPI document, and lists all that is wrong.",
  options: validateOptions,
  versioned: true,
  rejects: [
    "INVALID_JSON",
    "BODY_REQUIRED",
    "ROUTE_NOT_FOUND",
    "METHOD_NOT_ALLOWED",
    "PAYLOAD_TOO_LARGE",
    "UNSUPPORTED_MEDIA_TYPE",
    "VALIDATION_ERROR",
  ],
  create(options, tools) {
    const checker = new Checker(options, tools);
    return (next) => (call) => {
      const rest = checker.checkHead(call);
      if (rest === null) return next(call);
      const bytes = bufferBody(call, options.maxBody);
      if (!(bytes instanceof Promise)) {
        checker.checkBody(call, rest, bytes);
        return next(call);
      }
      return bytes.then((whole) => {
        checker.checkBody(call, rest, whole);
        return next(call);
      });
    };
  },
});

/** What is left to be done when the body is there. */
interface Rest {
  readonly rules: BodyRules;
  readonly check: BodyCheck;
  /** What is wrong with the request so far: it is said together with what is wrong with the body (ERR-4). */
  readonly details: readonly ErrorDetail[];
}

class Checker {
  readonly #find: (call: Call) => Found | null;
  readonly #tools: PolicyTools;
  readonly #enforces: boolean;
  readonly #maxBody: number;
  readonly #failures: CounterSeries;

  constructor(options: ValidateOptions, tools: PolicyTools) {
    this.#find = operations(options, tools);
    this.#tools = tools;
    this.#enforces = options.mode === "enforce";
    this.#maxBody = options.maxBody;
    this.#failures = tools.metrics
      .counter("turnpike_validation_failures_total", "Requests that failed validation.", ["policy", "mode"])
      .with({ policy: tools.place, mode: options.mode });
  }

  /** Everything that can be checked before the body is read; null if that is all. */
  checkHead(call: Call): Rest | null {
    try {
      const found = this.#find(call);
      if (found === null) return null;
      const details = checkParameters(found, call);
      const rules = found.operation.body;
      const check = rules?.checkOf(call) ?? null;
      if (rules !== null && check !== null) {
        if ((call.request.body?.size ?? 0) > this.#maxBody) throw new GatewayError("PAYLOAD_TOO_LARGE");
        return { rules, check, details };
      }
      refuse(details);
    } catch (error) {
      this.#failed(call, error);
    }
    return null;
  }

  checkBody(call: Call, { rules, check, details }: Rest, bytes: Buffer): void {
    try {
      refuse([...details, ...rules.check(check, bytes)]);
    } catch (error) {
      this.#failed(call, error);
    }
  }

  #failed(call: Call, error: unknown): void {
    if (!(error instanceof GatewayError)) throw error;
    this.#failures.add();
    if (this.#enforces) throw error;
    const { code, details } = error;
    const fields = {
      id: call.id,
      policy: this.#tools.place,
      code,
      details: details.slice(0, LOGGED_DETAILS),
    };
    this.#tools.log.warn(fields, "a request is not valid, and passed on");
  }
}

const LOGGED_DETAILS = 10;

function operations(options: ValidateOptions, tools: PolicyTools): (call: Call) => Found | null {
  const { openapi, basePath, undeclared = "refuse", unknownFields, unknownQuery } = options;
  const warn = (message: string) => tools.log.warn({ policy: tools.place }, message);
  const schemas = new Schemas({ unknownFields, warn });
  if (openapi === undefined) return inlineOperation(options, schemas, tools.readFile);
  const document = new Document(openapi, parseFile(openapi, tools.readFile(openapi)));
  return openApiOperations(document, { basePath, undeclared, unknownQuery }, schemas);
}

function refuse(details: readonly ErrorDetail[]): void {
  if (details.length > 0) throw new GatewayError("VALIDATION_ERROR", { details });
}
