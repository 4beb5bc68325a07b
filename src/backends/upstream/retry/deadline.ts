import { type Headers, Kind } from "../../../core/headers.ts";

/** Milliseconds of the units of `grpc-timeout`. */
const UNITS: Readonly<Record<string, number>> = { H: 3_600_000, M: 60_000, S: 1000, m: 1, u: 1e-3, n: 1e-6 };

/**
 * How long the client says it will wait, in milliseconds from its request on; Infinity where it does not say, or
 * nobody can read it. `grpc-timeout` is that of gRPC over HTTP/2, `Connect-Timeout-Ms` that of the Connect protocol.
 */
export function clientPatience(headers: Headers): number {
  if ((headers.kinds & Kind.deadline) === 0) return Number.POSITIVE_INFINITY;
  return Math.min(
    grpcTimeout(headers.get("grpc-timeout")),
    connectTimeout(headers.get("connect-timeout-ms")),
  );
}

function grpcTimeout(value = ""): number {
  const [, digits, unit = ""] = /^(\d{1,8})([HMSmun])$/.exec(value) ?? [];
  return digits === undefined ? Number.POSITIVE_INFINITY : Number(digits) * (UNITS[unit] as number);
}

const connectTimeout = (value = ""): number =>
  /^\d{1,10}$/.test(value) ? Number(value) : Number.POSITIVE_INFINITY;
