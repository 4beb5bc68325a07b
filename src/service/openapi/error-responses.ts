/** Answers that say what was wrong: our envelope, and RFC 9457 for those who ask for it (ERR-1, ERR-12). */
import { catalogue, type ErrorCode } from "../../core/errors.ts";
import { type AnswerField, commonHeaders, headersOf } from "./answer-headers.ts";
import { codesOf, gatewayCodes, type Traits } from "./error-codes.ts";
import { capital } from "./names.ts";
import type { Json, Making, Schema } from "./types.ts";

/** By status, and `default` for what the gateway in front may say of any request. */
export function errorResponses(traits: Traits, making: Making): Record<string, Json> {
  const entries = [...codesOf(traits)].map(([status, codes]) => [
    String(status),
    refTo(status, codes, traits, making),
  ]);
  return { ...Object.fromEntries(entries), default: gatewayRef(making) };
}

/** Operations that know the same codes share a response. */
function refTo(status: number, codes: readonly ErrorCode[], traits: Traits, making: Making): Json {
  const [name, description] = WORDS[status] as readonly [string, string];
  const response = { description, ...contentOf(codes, making), headers: headersFor(status, making) };
  return making.components.sameRef("responses", name, suffixOf(traits), response);
}

const suffixOf = ({ kind, named, bound, referred }: Traits): string =>
  `To${capital(kind)}${named && (kind === "list" || kind === "create") ? "Inside" : ""}${kind === "delete" && !referred ? "Free" : ""}${bound ? "Bound" : ""}`;

const WORDS: Readonly<Record<number, readonly [name: string, description: string]>> = {
  400: ["BadRequest", "The request cannot be read."],
  401: ["Unauthorized", "Nobody has proved who is calling."],
  403: ["Forbidden", "Whoever is calling may not do this."],
  404: ["NotFound", "There is no such object, or none that the caller may see."],
  406: ["NotAcceptable", "The request accepts nothing that could be answered."],
  409: ["Conflict", "What is there already is in the way."],
  410: ["Gone", "This version of the API has ended, or is switched off for a while because it will."],
  412: ["PreconditionFailed", "The object is not in a state that the request allows."],
  413: ["ContentTooLarge", "The body of the request is too large."],
  415: ["UnsupportedMediaType", "The body of the request is of a type that the operation does not take."],
  422: [
    "UnprocessableContent",
    "The request can be read, and is not valid: `details` has everything that is wrong.",
  ],
  428: [
    "PreconditionRequired",
    "The request has to say which state of the object it means, with `If-Match`.",
  ],
  429: ["TooManyRequests", "The caller has reached a limit."],
  500: ["InternalServerError", "Something is wrong here, not with the request."],
  503: ["ServiceUnavailable", "This cannot be done now; another try later may succeed."],
};

const MORE: Readonly<
  Record<number, { readonly always?: readonly AnswerField[]; readonly others?: readonly AnswerField[] }>
> = {
  400: { others: ["WWW-Authenticate", "Link"] },
  401: { always: ["WWW-Authenticate"] },
  403: { others: ["WWW-Authenticate"] },
  409: { others: ["Retry-After", "Original-Request", "Link"] },
  410: { others: ["Link"] },
  415: { others: ["Accept", "Accept-Patch", "Accept-Post", "Accept-Encoding"] },
  422: { others: ["Original-Request", "Link"] },
  429: { others: ["Retry-After"] },
  503: { others: ["Retry-After"] },
};

function headersFor(status: number, making: Making): Json {
  const { always = [], others = [] } = MORE[status] ?? {};
  return {
    ...commonHeaders(true, making),
    ...headersOf(["X-Error-Code", "Cache-Control", ...always], ["Vary", ...others], making),
  };
}

function gatewayRef(making: Making): Json {
  return making.components.ref("responses", "GatewayError", () => ({
    description: "What may be said of any request: too large, too slow, or not understood.",
    ...contentOf(gatewayCodes(), making),
    headers: {
      ...commonHeaders(true, making),
      ...headersOf(["X-Error-Code", "Cache-Control"], ["Vary", "Allow", "Retry-After", "Link"], making),
    },
  }));
}

// ---------------------------------------------------------------- bodies

function contentOf(codes: readonly ErrorCode[], making: Making): { readonly content: Json } {
  const [first] = codes as readonly [ErrorCode, ...ErrorCode[]];
  const known = { properties: { code: openEnum(codes) } };
  return {
    content: {
      "application/json": {
        schema: { allOf: [errorRef(making), { properties: { error: known } }] },
        example: { error: { ...exampleOf(first), request_id: REQUEST } },
      },
      "application/problem+json": {
        schema: { allOf: [problemRef(making), known] },
        example: problemExample(first),
      },
    },
  };
}

/** Codes may be added for what did not exist before (VER-8): clients have to expect others. */
const openEnum = (codes: readonly ErrorCode[]): Schema => ({ enum: codes, "x-extensible-enum": codes });

const REQUEST = "req_01jd3q8m5t7v9x2b4d6f8h0k2m";
const SHOWN_DETAIL = { field: "email", issue: "must be an e-mail address" };

function exampleOf(code: ErrorCode): Json {
  return { code, message: catalogue[code].title, details: code === "VALIDATION_ERROR" ? [SHOWN_DETAIL] : [] };
}

function problemExample(code: ErrorCode): Json {
  const { status, title } = catalogue[code];
  const errors =
    code === "VALIDATION_ERROR" ? [{ field: "email", pointer: "#/email", detail: SHOWN_DETAIL.issue }] : [];
  return {
    ...{ type: "about:blank", title, status, detail: title, instance: `urn:turnpike:request:${REQUEST}` },
    ...{ code, request_id: REQUEST, errors },
  };
}

const CODE = {
  type: "string",
  pattern: "^[A-Z][A-Z0-9_]+$",
  description: "Stays the same for ever: what programs look at.",
};
const MESSAGE = { type: "string", description: "For people; may change at any time." };
const FIELD = {
  type: "string",
  description:
    "What is wrong: `items[2].price` of the body, `query.limit`, `header.If-Match`; empty for the whole body.",
};
const REQUEST_ID = { type: "string", description: "The same as in `X-Request-Id`." };
const TRUNCATED = { const: true, description: "There is more that is wrong than is listed." };

const errorRef = ({ components }: Making): Json =>
  components.ref("schemas", "Error", () => ({
    type: "object",
    properties: {
      error: {
        type: "object",
        properties: {
          type: {
            type: "string",
            enum: ["idempotency_error"],
            description: "Of errors about an `Idempotency-Key`.",
          },
          code: CODE,
          message: MESSAGE,
          details: {
            type: "array",
            maxItems: 100,
            description: "Everything that is wrong with the request, in a fixed order.",
            items: {
              type: "object",
              properties: { field: FIELD, issue: { type: "string", description: "Why." } },
              required: ["field", "issue"],
            },
          },
          truncated: TRUNCATED,
          request_id: REQUEST_ID,
        },
        required: ["code", "message", "details", "request_id"],
      },
    },
    required: ["error"],
  }));

const problemRef = ({ components }: Making): Json =>
  components.ref("schemas", "Problem", () => ({
    type: "object",
    description: "Problem details (RFC 9457), for requests that accept them rather than JSON.",
    properties: {
      type: { type: "string", format: "uri-reference" },
      title: { type: "string" },
      status: { type: "integer", minimum: 400, maximum: 599 },
      detail: { type: "string" },
      instance: { type: "string", format: "uri-reference" },
      code: CODE,
      request_id: REQUEST_ID,
      errors: {
        type: "array",
        maxItems: 100,
        items: {
          type: "object",
          properties: {
            field: FIELD,
            pointer: { type: "string", description: "JSON Pointer into the body." },
            detail: { type: "string" },
          },
          required: ["field", "detail"],
        },
      },
      truncated: TRUNCATED,
      "violated-policies": {
        type: "array",
        items: { type: "string" },
        description: "The limits that were reached.",
      },
    },
    required: ["type", "title", "status", "detail", "instance", "code", "request_id", "errors"],
  }));
