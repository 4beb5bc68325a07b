/** Header fields of answers. */
import type { ApiVersion } from "../../core/version.ts";
import type { Json, Making, Schema } from "./types.ts";

interface Described {
  readonly description: string;
  readonly schema: Schema;
  readonly example: string | number;
}

const TEXT = { type: "string", minLength: 1 };
const COUNT = { type: "integer", minimum: 0 };

const FIELDS = {
  "X-Request-Id": {
    description: "Names this request; the log has it, too.",
    schema: { type: "string", pattern: "^[A-Za-z0-9._~:+/=-]{1,128}$" },
    example: "req_01jd3q8m5t7v9x2b4d6f8h0k2m",
  },
  "X-Error-Code": {
    description: "The code of the error, for those who do not see the body.",
    schema: { type: "string", pattern: "^[A-Z][A-Z0-9_]+$" },
    example: "VALIDATION_ERROR",
  },
  ETag: {
    description: "Names the state of the object, for `If-Match` and `If-None-Match`.",
    schema: { type: "string", pattern: '^(?:W/)?"[!#-~]*"$' },
    example: '"3-5e0c8a1f2b"',
  },
  Location: {
    description: "The path of the new object.",
    schema: { type: "string", format: "uri-reference" },
    example: "/orders/ord_01jd3q8m5t7v9x2b4d6f8h0k2m",
  },
  Link: {
    description:
      "Related resources (RFC 8288): of a list `next`, `prev`, `first` and `last`, as far as there are such.",
    schema: { type: "string", pattern: "^<[^>]*>" },
    example: '<https://api.example.com/orders?cursor=eyJ2Ijox>; rel="next"',
  },
  "Cache-Control": {
    description: "What a cache may do with the answer.",
    schema: TEXT,
    example: "private, no-cache",
  },
  Vary: {
    description: "The fields of a request that the answer depends on.",
    schema: TEXT,
    example: "Accept",
  },
  "Retry-After": {
    description: "Seconds after which another try makes sense.",
    schema: COUNT,
    example: 1,
  },
  "WWW-Authenticate": {
    description: "How to prove who is calling.",
    schema: TEXT,
    example: 'Bearer realm="api"',
  },
  Allow: { description: "The methods that there are.", schema: TEXT, example: "GET, HEAD, POST, OPTIONS" },
  Accept: {
    description: "The media types that the operation takes.",
    schema: TEXT,
    example: "application/json",
  },
  "Accept-Patch": {
    description: "The media types of patches that the operation takes (RFC 5789).",
    schema: TEXT,
    example: "application/merge-patch+json, application/json",
  },
  "Accept-Post": {
    description: "The media types that POST takes.",
    schema: TEXT,
    example: "application/json",
  },
  "Accept-Encoding": {
    description: "The content codings that the operation takes.",
    schema: TEXT,
    example: "identity",
  },
  "Idempotent-Replayed": {
    description: "The request was carried out before, and this is the answer that was given then.",
    schema: { type: "string", enum: ["true"] },
    example: "true",
  },
  "Original-Request": {
    description: "The `X-Request-Id` of the request that was carried out.",
    schema: TEXT,
    example: "req_01jd3q8m5t7v9x2b4d6f8h0k2m",
  },
  RateLimit: { description: "What is left of the limits.", schema: TEXT, example: '"visitor";r=99;t=60' },
  "RateLimit-Policy": { description: "The limits.", schema: TEXT, example: '"visitor";q=100;w=60' },
  "X-RateLimit-Limit": {
    description: "Of the limit that is nearest to its end.",
    schema: COUNT,
    example: 100,
  },
  "X-RateLimit-Remaining": { description: "What is left of it.", schema: COUNT, example: 99 },
  "X-RateLimit-Reset": {
    description: "When it begins anew, in seconds since 1970.",
    schema: COUNT,
    example: 1795361418,
  },
  Deprecation: {
    description: "Since when this version of the API is deprecated (RFC 9745), in seconds since 1970.",
    schema: { type: "string", pattern: "^@-?[0-9]{1,15}$" },
    example: "@1767225600",
  },
  Sunset: {
    description: "When this version of the API ends (RFC 8594).",
    schema: { type: "string", pattern: "^[A-Z][a-z]{2}, [0-9]{2} [A-Z][a-z]{2} [0-9]{4} [0-9:]{8} GMT$" },
    example: "Fri, 31 Jul 2026 23:59:59 GMT",
  },
} as const satisfies Readonly<Record<string, Described>>;

export type AnswerField = keyof typeof FIELDS;

/** Fields of one answer: those that it always has, and others. */
export function headersOf(
  always: readonly AnswerField[],
  others: readonly AnswerField[],
  making: Making,
): Json {
  return Object.fromEntries([
    ...always.map((name) => [name, required(name, making)]),
    ...others.map((name) => [name, optional(name, making)]),
  ]);
}

/** A field that is always there and one that may be are two components: `required` cannot stand beside a reference. */
const required = (name: AnswerField, { components }: Making): Json =>
  components.ref("headers", `${name}-Always`, () => ({ ...FIELDS[name], required: true }));

const optional = (name: AnswerField, { components }: Making): Json =>
  components.ref("headers", name, () => FIELDS[name]);

const LIMITS: readonly AnswerField[] = [
  "RateLimit",
  "RateLimit-Policy",
  "X-RateLimit-Limit",
  "X-RateLimit-Remaining",
  "X-RateLimit-Reset",
];

/** What every answer has, whatever it is about. `isError`: a version that nobody could tell is not said. */
export function commonHeaders(isError: boolean, making: Making): Json {
  const { version, versions, components } = making;
  const common = headersOf(["X-Request-Id"], LIMITS, making);
  if (version === null || versions === null) return common;
  const header = {
    description: "The version of the API that the answer is of.",
    ...(isError ? {} : { required: true }),
    // What cannot be told what it asked for may be told in another version.
    schema: isError ? TEXT : { type: "string", enum: [version.name] },
    example: version.name,
  };
  const name = `${versions.header}${isError ? "" : "-Always"}`;
  return {
    ...common,
    [versions.header]: components.ref("headers", name, () => header),
    ...headersOf([], endOf(version), making),
  };
}

/** Of a version on its way out every answer says where to go on. */
const endOf = ({ deprecated, sunset, retired }: ApiVersion): AnswerField[] => [
  ...(deprecated === null ? [] : (["Deprecation"] as const)),
  ...(sunset === null ? [] : (["Sunset"] as const)),
  ...(deprecated === null && sunset === null && !retired ? [] : (["Link"] as const)),
];
