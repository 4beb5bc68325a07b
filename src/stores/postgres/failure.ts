/** What goes wrong with a PostgreSQL, told apart: it is not there, we lost against somebody, or we asked nonsense. */
import { DatabaseError } from "pg";
import { GatewayError } from "../../core/errors.ts";

/** serialization_failure, deadlock_detected: https://www.postgresql.org/docs/current/errcodes-appendix.html */
export function isConflict(error: unknown): boolean {
  return error instanceof DatabaseError && (error.code === "40001" || error.code === "40P01");
}

/**
 * Classes and codes of a server that cannot do now what it may do later: connection exceptions, too little of
 * something, intervention, system errors; read-only, as after a failover; and whoever waited for too long.
 */
const LATER = /^(?:08|53|57|58|25006|55P03)/;

/** Whether the server is there and has refused a statement: its connection is good for the next one. */
export function isAnswer(error: unknown): boolean {
  return error instanceof DatabaseError && !LATER.test(error.code ?? "");
}

/** What was thrown, as RECORDS_UNAVAILABLE where the database is not there rather than at fault or asked wrongly. */
export function unavailable(error: unknown): unknown {
  if (error instanceof GatewayError || isAnswer(error)) return error;
  return new GatewayError("RECORDS_UNAVAILABLE", { cause: error, headers: { "Retry-After": "1" } });
}

export const isUnavailable = (error: unknown): boolean =>
  error instanceof GatewayError && error.code === "RECORDS_UNAVAILABLE";

export class NewerSchema extends Error {}

/** Why a database cannot be used at all. `place` is its URL without a password. */
export function refusal(place: string, error: unknown): Error {
  const { code, message } = error as { code?: string; message: string };
  const reason = error instanceof NewerSchema ? NEWER : (REASONS[code ?? ""] ?? byMessage(message));
  return new Error(`the records store ${place} cannot be used: ${reason ?? message}`, { cause: error });
}

const NEWER = "it was written by a newer version of turnpike; use that version, or another database";
const SILENT = "nothing answers there within ten seconds";
const UNTRUSTED =
  "its certificate is signed by nobody that is trusted here; name the authority's file in sslrootcert";

const REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: "no server listens there",
  ECONNRESET: "the server ended the connection",
  ENOTFOUND: "its host has no address",
  EAI_AGAIN: "its host has no address at the moment",
  EHOSTUNREACH: "there is no way to its host",
  ENETUNREACH: "there is no way to its network",
  ETIMEDOUT: SILENT,
  ENOENT: "a file of its certificates, or its socket, is not there",
  EACCES: "this user may not read a file of its certificates, or use its socket",
  "28P01": "it refuses the user or the password",
  "28000": "it does not let this user in from here; if it wants TLS, add ?sslmode=require",
  "3D000": "there is no such database; create it first",
  "42501":
    "this user may not do what is needed: GRANT CREATE ON DATABASE lets it make the schema turnpike, which then is its own",
  "53300": "it has no connection left",
  "57P03": "the server is starting or stopping",
  "25006": "it is read-only, such as a standby",
  DEPTH_ZERO_SELF_SIGNED_CERT: UNTRUSTED,
  SELF_SIGNED_CERT_IN_CHAIN: UNTRUSTED,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: UNTRUSTED,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: UNTRUSTED,
  ERR_TLS_CERT_ALTNAME_INVALID:
    "its certificate is for another host; correct the host, or write sslmode=verify-ca",
  CERT_HAS_EXPIRED: "its certificate has expired",
};

/** What `pg` has no code for. */
function byMessage(message: string): string | undefined {
  if (/timeout|terminated unexpectedly/i.test(message)) return SILENT;
  if (/does not support SSL/.test(message)) return "it does not speak TLS, and sslmode asks for it";
  if (/password must be a (non-empty )?string/i.test(message)) return REASONS["28P01"];
  return undefined;
}
