/**
 * The closed catalogue of everything the gateway answers on its own behalf.
 *
 * A code is one cause and has one status for ever (ERR-3); messages may change, codes may not.
 * `docs/errors.md` is generated from this table, and `errors.test.ts` binds the two.
 */

/** Whose fault it is: the metric label, the log field, and what a circuit breaker looks at. */
export type Blame = "client" | "config" | "upstream" | "gateway";

export interface ErrorKind {
  readonly status: number;
  readonly blame: Blame;
  /** The same sentence for every occurrence (RFC 9457 `title`). */
  readonly title: string;
  /** What the reader should do about it; goes into the documentation. */
  readonly remedy: string;
}

const kind = (status: number, blame: Blame, title: string, remedy: string): ErrorKind => ({
  status,
  blame,
  title,
  remedy,
});

export const catalogue = {
  MALFORMED_REQUEST: kind(
    400,
    "client",
    "The request is not well-formed HTTP.",
    "Send the request with a maintained HTTP client. The message names the rule that was broken; the connection is closed because its framing can no longer be trusted.",
  ),
  HTTPS_REQUIRED: kind(
    400,
    "client",
    "The request came in plain text to a port that speaks TLS only.",
    "Use `https://`. What was sent has travelled readable: change any credential in it.",
  ),
  INVALID_PATH: kind(
    400,
    "client",
    "The path of the request is ambiguous.",
    "Send a path that every server reads the same way: no encoded slashes, backslashes, NUL, dot segments above the root, double encoding or broken UTF-8. `paths` in the config relaxes single rules.",
  ),
  INVALID_HOST: kind(
    400,
    "client",
    "The Host of the request is missing, repeated or malformed.",
    "Send exactly one Host header with a host name or address and an optional port.",
  ),
  INVALID_UPGRADE: kind(
    400,
    "client",
    "The WebSocket handshake is malformed.",
    "Send `GET` with `Connection: Upgrade`, `Upgrade: websocket` and a base64 `Sec-WebSocket-Key` of 16 bytes.",
  ),
  MALFORMED_CREDENTIALS: kind(
    400,
    "client",
    "The credentials of the request cannot be read.",
    "Send `Authorization: Bearer <token>` with one space and a token of letters, digits and `-._~+/=`, or the key alone in `X-API-Key`.",
  ),
  MULTIPLE_CREDENTIALS: kind(
    400,
    "client",
    "The request carries more than one credential.",
    "Send one key or one token, in one header: the gateway does not choose between them.",
  ),
  INVALID_JSON: kind(
    400,
    "client",
    "The body of the request is not JSON that every reader understands alike.",
    "The message says where. Besides syntax errors, repeated names, `__proto__`, `prototype` in a `constructor`, half surrogate pairs, numbers that no double holds, nesting beyond 64 levels, more than 10,000 names or 100,000 objects and arrays, and broken UTF-8 are refused.",
  ),
  BODY_REQUIRED: kind(
    400,
    "client",
    "The request has no body, and this operation needs one.",
    "Send the body that the API's documentation describes, with its `Content-Type`.",
  ),
  VERSION_MALFORMED: kind(
    400,
    "client",
    "The version that the request asks for is not a version.",
    "Write it as the API's documentation does, such as `2` or `2026-11-01`, once.",
  ),
  VERSION_REQUIRED: kind(
    400,
    "client",
    "The request does not say which version of the API it wants.",
    "Name a version in the path, the `API-Version` header or the `version` parameter; the message lists the versions.",
  ),
  VERSION_CONFLICT: kind(
    400,
    "client",
    "The request asks for two versions of the API at once.",
    "Name the version in one place; the message says which two disagree.",
  ),
  UNSUPPORTED_VERSION: kind(
    400,
    "client",
    "The version that the request asks for does not exist.",
    "Use one of the versions that the message lists.",
  ),
  INVALID_CURSOR: kind(
    400,
    "client",
    "The cursor is not one that this list has given out.",
    "Start again without `cursor`, and pass on `next_cursor` as it is, with the other parameters unchanged.",
  ),
  CURSOR_EXPIRED: kind(
    400,
    "client",
    "The cursor is too old.",
    "Start again without `cursor`; a cursor is good for three days.",
  ),
  PAGE_TOO_DEEP: kind(
    400,
    "client",
    "The page lies deeper than pages can be counted.",
    "Read on with `cursor`: every answer holds the next one. Pages by number end at the depth that the message names.",
  ),
  IDEMPOTENCY_KEY_INVALID: kind(
    400,
    "client",
    "The Idempotency-Key of the request cannot be used.",
    "Send one `Idempotency-Key` of 1 to 255 visible ASCII characters, such as a UUID.",
  ),
  IDEMPOTENCY_KEY_REQUIRED: kind(
    400,
    "client",
    "This route needs an Idempotency-Key, and the request carries none.",
    "Send an `Idempotency-Key`, such as a UUID: a new one with each new request, the same one when you repeat a request.",
  ),
  AUTHENTICATION_REQUIRED: kind(
    401,
    "client",
    "This route needs a credential, and the request carries none.",
    "Send an API key in `X-API-Key`, or a key or token in `Authorization: Bearer`. Credentials in the URL are not looked at.",
  ),
  INVALID_API_KEY: kind(
    401,
    "client",
    "The API key is not valid.",
    "Check for a typing error or a cut-off copy; `turnpike keys list` shows which keys there are.",
  ),
  KEY_EXPIRED: kind(
    401,
    "client",
    "The API key has expired.",
    "Issue a new key, or rotate the old one before it expires (`turnpike keys rotate`).",
  ),
  KEY_REVOKED: kind(
    401,
    "client",
    "The API key has been revoked.",
    "Issue a new key. A revoked key never becomes valid again.",
  ),
  INVALID_TOKEN: kind(
    401,
    "client",
    "The token is not valid.",
    "Get a new token from the issuer, for this API as its audience. Why exactly it was refused is in the gateway's log.",
  ),
  TOKEN_EXPIRED: kind(401, "client", "The token has expired.", "Get a new token from the issuer."),
  TOKEN_REVOKED: kind(401, "client", "The token has been revoked.", "Sign in again to get a new token."),
  STEP_UP_REQUIRED: kind(
    401,
    "client",
    "This route needs a stronger or more recent sign-in than the token shows.",
    "Have the user sign in again at the issuer with the `acr_values` and `max_age` of `WWW-Authenticate`, then send the new token (RFC 9470).",
  ),
  FORBIDDEN: kind(
    403,
    "client",
    "The credential is valid, but not allowed to do this.",
    "Ask whoever issued the credential for the right; a retry with the same one will not help.",
  ),
  INSUFFICIENT_SCOPE: kind(
    403,
    "client",
    "The credential lacks a scope that this route needs.",
    "Use a key or token with the scopes in `WWW-Authenticate`.",
  ),
  ADDRESS_NOT_ALLOWED: kind(
    403,
    "client",
    "Requests from this address are not allowed.",
    "Call from a network that the route, or the key, allows.",
  ),
  PREFLIGHT_REFUSED: kind(
    403,
    "client",
    "Pages of this origin may not make this request.",
    "The details say what was refused: the origin, the method or a header. `origins`, `methods` and `headers` of the route's `cors` allow more.",
  ),
  ROUTE_NOT_FOUND: kind(
    404,
    "client",
    "No route matches this path.",
    "Check the path against the API's documentation; `turnpike explain` lists the routes of a config.",
  ),
  VERSION_NOT_FOUND: kind(
    404,
    "client",
    "The version in the path does not exist.",
    "Use one of the versions that the message lists.",
  ),
  RESOURCE_NOT_FOUND: kind(
    404,
    "client",
    "There is nothing with this id.",
    "Check the id. What belongs to somebody else is not found either.",
  ),
  KEY_NOT_FOUND: kind(
    404,
    "client",
    "There is no API key with this id.",
    "Check the id against `turnpike keys list`. Keys that live in the config are not managed here.",
  ),
  REVOCATION_NOT_FOUND: kind(
    404,
    "client",
    "There is no revocation with this id.",
    "Check the id against `turnpike tokens list`. What has expired is forgotten.",
  ),
  IDEMPOTENCY_RECORD_NOT_FOUND: kind(
    404,
    "client",
    "There is no record of an idempotent request with this id.",
    "Check the id against the `Link` that named it. What has expired is forgotten, and so is what did nothing.",
  ),
  CIRCUIT_NOT_FOUND: kind(
    404,
    "client",
    "There is no circuit with this name.",
    "`GET /v1/circuits` lists them: one for each upstream with a `circuitBreaker`, and one for each of its targets where there are several.",
  ),
  METHOD_NOT_ALLOWED: kind(
    405,
    "client",
    "The route does not offer this method.",
    "Use one of the methods in the `Allow` header.",
  ),
  NOT_ACCEPTABLE: kind(
    406,
    "client",
    "The request accepts no media type that this resource has.",
    "Send `Accept: application/json`, or no `Accept` at all.",
  ),
  REQUEST_TIMEOUT: kind(
    408,
    "client",
    "The request did not arrive in time.",
    "Send the whole head within `timeouts.head` and the body without pauses longer than `timeouts.body`.",
  ),
  CONFLICT: kind(
    409,
    "client",
    "What the request wants to change is in a state that does not allow it.",
    "The message says which; read the resource again and decide anew.",
  ),
  ALREADY_EXISTS: kind(
    409,
    "client",
    "There is another one with the same value.",
    "`details` names the fields whose value is taken; choose another value, or change the one that is there.",
  ),
  STILL_REFERENCED: kind(
    409,
    "client",
    "Others refer to it.",
    "Delete or change those first; the message says what they are.",
  ),
  STATE_CONFLICT: kind(
    409,
    "client",
    "The action is not possible in the state that the object is in.",
    "Read the object again; `details` names the fields and the values with which the action is possible.",
  ),
  IDEMPOTENCY_KEY_IN_USE: kind(
    409,
    "client",
    "A request with this Idempotency-Key is still running.",
    "Wait the seconds in `Retry-After`, then send the same request again: it gets the answer of the one that runs.",
  ),
  IDEMPOTENCY_OUTCOME_UNKNOWN: kind(
    409,
    "client",
    "An earlier request with this Idempotency-Key was sent on, and nobody knows what came of it.",
    "Find out from the API itself whether it was carried out, then go on with a new key. `Link` leads to what the gateway knows; the operator can have the key forgotten.",
  ),
  IDEMPOTENCY_ANSWER_NOT_KEPT: kind(
    409,
    "client",
    "The request was carried out before, and its answer was not kept.",
    "Do not send it again: the message names the status that it was answered with. Read the result from the API itself.",
  ),
  VERSION_RETIRED: kind(
    410,
    "client",
    "This version of the API has been retired.",
    "Move to a newer version; `Link` leads to the one that follows and to the documentation.",
  ),
  VERSION_BROWNOUT: kind(
    410,
    "client",
    "This version of the API is switched off for a while, because it will be retired.",
    "Move to a newer version, see `Link`. Until `Sunset` the version comes back after the seconds in `Retry-After`.",
  ),
  PRECONDITION_FAILED: kind(
    412,
    "client",
    "The object is not what the request takes it for.",
    "Read it again, and send its `ETag` in `If-Match` with what you decide then.",
  ),
  PAYLOAD_TOO_LARGE: kind(
    413,
    "client",
    "The body of the request is larger than this route allows.",
    "Send less, or raise `limits.body` for the route (`unlimited` for streams).",
  ),
  URI_TOO_LONG: kind(
    414,
    "client",
    "The request target is longer than allowed.",
    "Move data from the query to the body, or raise `limits.uri`.",
  ),
  UNSUPPORTED_MEDIA_TYPE: kind(
    415,
    "client",
    "The body of the request has a type that this operation does not take.",
    "Send one of the types in `Accept`, without a `Content-Encoding`.",
  ),
  EXPECTATION_FAILED: kind(
    417,
    "client",
    "The Expect header asks for something unknown.",
    "Only `Expect: 100-continue` exists.",
  ),
  MISDIRECTED_REQUEST: kind(
    421,
    "client",
    "This server does not answer for that host.",
    "Check the Host header (or the URL); routes are bound to hosts with `hosts`.",
  ),
  VALIDATION_ERROR: kind(
    422,
    "client",
    "The request is not valid.",
    "`details` lists every field that fails and why: correct them all, then send it again.",
  ),
  IDEMPOTENCY_KEY_REUSED: kind(
    422,
    "client",
    "The Idempotency-Key was used before, for another request.",
    "Send a new key with a new request; an old key only with exactly the same one.",
  ),
  COST_EXCEEDS_LIMIT: kind(
    422,
    "client",
    "The request costs more than the limit ever allows at once.",
    "Ask for less in one request: waiting will not help.",
  ),
  TOO_EARLY: kind(
    425,
    "client",
    "The request came as TLS early data, which anybody can send again, and it may change something.",
    "Send the request again when the TLS handshake is complete; clients do so by themselves.",
  ),
  UPGRADE_REQUIRED: kind(
    426,
    "client",
    "The WebSocket version is not supported.",
    "Send `Sec-WebSocket-Version: 13`.",
  ),
  PRECONDITION_REQUIRED: kind(
    428,
    "client",
    "A change has to say which state of the object it means.",
    "Read the object, and send its `ETag` in `If-Match`.",
  ),
  RATE_LIMITED: kind(
    429,
    "client",
    "Too many requests.",
    "Wait the seconds in `Retry-After`, then send the request again. `RateLimit` says what is left, `details` which limit was met.",
  ),
  HEADERS_TOO_LARGE: kind(
    431,
    "client",
    "The header fields of the request are too large or too many.",
    "Send smaller or fewer headers (often: clear cookies), or raise `limits.headers`.",
  ),
  CLIENT_CLOSED: kind(
    499,
    "client",
    "The client went away before the answer was complete.",
    "Nothing is sent for it; it is only seen in the log.",
  ),
  INTERNAL_ERROR: kind(
    500,
    "gateway",
    "The gateway failed on this request.",
    "Retry later. If it persists, report the `request_id`: the gateway's log has the cause under it.",
  ),
  METHOD_NOT_IMPLEMENTED: kind(
    501,
    "client",
    "The method of the request is unknown.",
    "Method names are case-sensitive: `GET`, not `get`.",
  ),
  TRANSFER_CODING_UNSUPPORTED: kind(
    501,
    "client",
    "The transfer coding of the request is not supported.",
    "Send `Transfer-Encoding: chunked`, or a `Content-Length`.",
  ),
  UPSTREAM_UNREACHABLE: kind(
    502,
    "upstream",
    "The service behind the gateway could not be reached.",
    "Nothing was sent to the service: a retry is safe.",
  ),
  UPSTREAM_DISCONNECTED: kind(
    502,
    "upstream",
    "The service behind the gateway closed the connection before it answered.",
    "The request may or may not have been processed; retry only what is safe to repeat.",
  ),
  UPSTREAM_INVALID_RESPONSE: kind(
    502,
    "upstream",
    "The service behind the gateway sent an answer that is not valid HTTP.",
    "The request may have been processed. The gateway's log names the rule that was broken.",
  ),
  ANSWER_NOT_CONVERTIBLE: kind(
    502,
    "upstream",
    "The service's answer cannot be converted to the version of the API that the request asks for.",
    "Only whole, unencoded JSON up to `versions.maxBody` is converted; the gateway's log says what was wrong. The request has been processed.",
  ),
  OVERLOADED: kind(
    503,
    "gateway",
    "The gateway has no capacity left for this request.",
    "Retry after the seconds in `Retry-After`.",
  ),
  CIRCUIT_OPEN: kind(
    503,
    "upstream",
    "The service behind the gateway is failing, and is given time to recover.",
    "Nothing was sent to the service: retry after the seconds in `Retry-After`. The gateway's log and `/circuits` of its admin API say what has failed.",
  ),
  AUTH_UNAVAILABLE: kind(
    503,
    "gateway",
    "The credential cannot be checked at the moment.",
    "Keep the credential and retry after the seconds in `Retry-After`: what is needed to check it (the issuer's keys, a store) cannot be reached.",
  ),
  RATE_LIMIT_UNAVAILABLE: kind(
    503,
    "gateway",
    "The rate limit cannot be checked at the moment.",
    "Retry after the seconds in `Retry-After`: the store of the counters cannot be reached, and the route is configured to refuse then.",
  ),
  IDEMPOTENCY_UNAVAILABLE: kind(
    503,
    "gateway",
    "The Idempotency-Key cannot be checked at the moment.",
    "Retry with the same key after the seconds in `Retry-After`: the store of the records cannot be reached, and nothing was sent on.",
  ),
  SERVICE_UNAVAILABLE: kind(
    503,
    "gateway",
    "The service cannot answer at the moment.",
    "Repeat the request, with its Idempotency-Key if it has one, after the seconds in `Retry-After`: nothing is done twice. Whoever takes a new key for the same request may do it twice.",
  ),
  RECORDS_UNAVAILABLE: kind(
    503,
    "gateway",
    "The gateway's records cannot be read or written at the moment.",
    "Retry after the seconds in `Retry-After`: the database of `store.records` cannot be reached. Without that field a change was under way, and nobody knows whether it was made: repeat it with its Idempotency-Key, or look. Keys that have been issued go on working meanwhile.",
  ),
  UPSTREAM_CONNECT_TIMEOUT: kind(
    504,
    "upstream",
    "The service behind the gateway did not accept a connection in time.",
    "Nothing was sent to the service: a retry is safe.",
  ),
  UPSTREAM_TIMEOUT: kind(
    504,
    "upstream",
    "The service behind the gateway did not answer in time.",
    "The request may or may not have been processed; retry only what is safe to repeat.",
  ),
  DEADLINE_EXCEEDED: kind(
    504,
    "upstream",
    "The service behind the gateway did not answer within the time that the request may take.",
    "The request may or may not have been processed; retry only what is safe to repeat. The time is `timeout.total` of the upstream, or what the client allowed in `grpc-timeout` or `Connect-Timeout-Ms` if that is less.",
  ),
  NOT_CACHED: kind(
    504,
    "client",
    "The request asked for a stored answer only, and there is none.",
    "Send the request without `Cache-Control: only-if-cached` to have the service asked.",
  ),
  HTTP_VERSION_NOT_SUPPORTED: kind(
    505,
    "client",
    "The HTTP version of the request is not supported.",
    "Use HTTP/1.1 (HTTP/1.0 is understood).",
  ),
  LOOP_DETECTED: kind(
    508,
    "config",
    "The request has already passed through this gateway.",
    "An upstream of this route points back at the gateway; correct its targets.",
  ),
} as const satisfies Record<string, ErrorKind>;

export type ErrorCode = keyof typeof catalogue;

/** One failing place of a request; `field` is `""`, `items[2].price`, `query.limit`, `header.Host` … (ERR-5). */
export interface ErrorDetail {
  readonly field: string;
  readonly issue: string;
}

export interface GatewayErrorOptions {
  /** For the caller, beside the title; never internals. */
  message?: string;
  details?: readonly ErrorDetail[];
  /** Sent with the answer: `Allow`, `Retry-After` … */
  headers?: Readonly<Record<string, string>>;
  /** What problem details say instead of our own type, where a registry has one for the cause. */
  problem?: Problem;
  /** `type` of the envelope, for clients that sort errors by it. */
  type?: string;
  /** Instead of the code's own, for clients of another API that know its cause by this one. */
  status?: number;
  /** For the log only. */
  cause?: unknown;
}

/** RFC 9457 §3.1 and §3.2. */
export interface Problem {
  readonly type: string;
  /** The same for every problem of the type. */
  readonly title: string;
  readonly members: Readonly<Record<string, unknown>>;
}

export class GatewayError extends Error {
  readonly code: ErrorCode;
  readonly details: readonly ErrorDetail[];
  readonly headers: Readonly<Record<string, string>>;
  readonly problem: Problem | null;
  /** Empty for none. */
  readonly type: string;
  readonly status: number;

  constructor(code: ErrorCode, options: GatewayErrorOptions = {}) {
    super(
      options.message ?? catalogue[code].title,
      options.cause === undefined ? {} : { cause: options.cause },
    );
    this.name = "GatewayError";
    this.code = code;
    this.details = options.details ?? [];
    this.headers = options.headers ?? {};
    this.problem = options.problem ?? null;
    this.type = options.type ?? "";
    this.status = options.status ?? catalogue[code].status;
  }

  get kind(): ErrorKind {
    return catalogue[this.code];
  }

  /** Anything thrown becomes one of ours here, and only here. */
  static from(thrown: unknown): GatewayError {
    return thrown instanceof GatewayError ? thrown : new GatewayError("INTERNAL_ERROR", { cause: thrown });
  }
}
