/** Which codes of the catalogue an operation may answer with. */
import { catalogue, type ErrorCode } from "../../core/errors.ts";

/** What of an operation decides which errors it knows. */
export interface Traits {
  readonly kind: "list" | "get" | "create" | "replace" | "update" | "delete" | "action";
  /** Below an object: `/orders/{id}`, `/customers/{id}/orders`. */
  readonly named: boolean;
  readonly versioned: boolean;
  /** Changes have to say which state they mean. */
  readonly bound: boolean;
  /** Other objects may refer to it. */
  readonly referred: boolean;
}

type When = (traits: Traits) => boolean;

const always: When = () => true;
/** What the gateway in front may say of any request, whatever it is about. */
const anywhere: When = () => false;
const never = null;
const list: When = ({ kind }) => kind === "list";
const writes: When = ({ kind }) => kind !== "list" && kind !== "get";
const body: When = (traits) => writes(traits) && traits.kind !== "delete";
const conditional: When = ({ kind }) => kind !== "list" && kind !== "create";
const versioned: When = (traits) => traits.versioned;
const shown: When = ({ kind }) => kind !== "delete";

/** In the order of the catalogue; `null` for what no operation on a resource is answered with. */
const WHEN: Readonly<Record<ErrorCode, When | null>> = {
  MALFORMED_REQUEST: always,
  HTTPS_REQUIRED: always,
  INVALID_PATH: always,
  INVALID_HOST: always,
  INVALID_UPGRADE: always,
  MALFORMED_CREDENTIALS: always,
  MULTIPLE_CREDENTIALS: always,
  INVALID_JSON: body,
  BODY_REQUIRED: body,
  VERSION_MALFORMED: versioned,
  VERSION_REQUIRED: versioned,
  VERSION_CONFLICT: versioned,
  UNSUPPORTED_VERSION: versioned,
  INVALID_CURSOR: list,
  CURSOR_EXPIRED: list,
  PAGE_TOO_DEEP: list,
  IDEMPOTENCY_KEY_INVALID: writes,
  IDEMPOTENCY_KEY_REQUIRED: writes,
  AUTHENTICATION_REQUIRED: always,
  INVALID_API_KEY: always,
  KEY_EXPIRED: always,
  KEY_REVOKED: always,
  INVALID_TOKEN: always,
  TOKEN_EXPIRED: always,
  TOKEN_REVOKED: always,
  STEP_UP_REQUIRED: always,
  FORBIDDEN: always,
  INSUFFICIENT_SCOPE: always,
  ADDRESS_NOT_ALLOWED: always,
  PREFLIGHT_REFUSED: never,
  ROUTE_NOT_FOUND: always,
  VERSION_NOT_FOUND: versioned,
  RESOURCE_NOT_FOUND: ({ named }) => named,
  KEY_NOT_FOUND: never,
  REVOCATION_NOT_FOUND: never,
  IDEMPOTENCY_RECORD_NOT_FOUND: never,
  CIRCUIT_NOT_FOUND: never,
  METHOD_NOT_ALLOWED: anywhere,
  NOT_ACCEPTABLE: shown,
  REQUEST_TIMEOUT: anywhere,
  CONFLICT: never,
  ALREADY_EXISTS: body,
  STILL_REFERENCED: ({ kind, referred }) => kind === "delete" && referred,
  STATE_CONFLICT: ({ kind }) => kind === "action",
  IDEMPOTENCY_KEY_IN_USE: writes,
  IDEMPOTENCY_OUTCOME_UNKNOWN: writes,
  IDEMPOTENCY_ANSWER_NOT_KEPT: writes,
  VERSION_RETIRED: versioned,
  VERSION_BROWNOUT: versioned,
  PRECONDITION_FAILED: conditional,
  PAYLOAD_TOO_LARGE: writes,
  URI_TOO_LONG: anywhere,
  UNSUPPORTED_MEDIA_TYPE: writes,
  EXPECTATION_FAILED: anywhere,
  MISDIRECTED_REQUEST: anywhere,
  VALIDATION_ERROR: always,
  IDEMPOTENCY_KEY_REUSED: writes,
  COST_EXCEEDS_LIMIT: always,
  TOO_EARLY: anywhere,
  UPGRADE_REQUIRED: anywhere,
  PRECONDITION_REQUIRED: ({ bound }) => bound,
  RATE_LIMITED: always,
  HEADERS_TOO_LARGE: anywhere,
  CLIENT_CLOSED: never,
  INTERNAL_ERROR: always,
  METHOD_NOT_IMPLEMENTED: anywhere,
  TRANSFER_CODING_UNSUPPORTED: anywhere,
  UPSTREAM_UNREACHABLE: never,
  UPSTREAM_DISCONNECTED: never,
  UPSTREAM_INVALID_RESPONSE: never,
  ANSWER_NOT_CONVERTIBLE: anywhere,
  OVERLOADED: always,
  CIRCUIT_OPEN: never,
  AUTH_UNAVAILABLE: always,
  RATE_LIMIT_UNAVAILABLE: always,
  IDEMPOTENCY_UNAVAILABLE: writes,
  SERVICE_UNAVAILABLE: always,
  RECORDS_UNAVAILABLE: always,
  UPSTREAM_CONNECT_TIMEOUT: never,
  UPSTREAM_TIMEOUT: never,
  DEADLINE_EXCEEDED: anywhere,
  NOT_CACHED: anywhere,
  HTTP_VERSION_NOT_SUPPORTED: anywhere,
  LOOP_DETECTED: anywhere,
};

const CODES = Object.keys(catalogue) as readonly ErrorCode[];

/** The codes of an operation by their status, in ascending order. */
export function codesOf(traits: Traits): ReadonlyMap<number, readonly ErrorCode[]> {
  const codes = CODES.filter((code) => WHEN[code]?.(traits) === true);
  const byStatus = Map.groupBy(codes, (code) => catalogue[code].status);
  return new Map([...byStatus].sort(([one], [other]) => one - other));
}

/** What may be said of every request: too large, too slow, not understood. */
export const gatewayCodes = (): readonly ErrorCode[] => CODES.filter((code) => WHEN[code] === anywhere);
