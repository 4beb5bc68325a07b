import { type Fact, fact } from "./facts.ts";

/** Who is calling, as far as a credential has proved it. Made once for a credential, then shared by its calls. */
export interface Principal {
  readonly kind: "key" | "token";
  /** Which credential, for logs and for revoking it: a key's id, a token's `jti`. Never a secret; may be empty. */
  readonly id: string;
  /** Whose it is: what limits count by, what logs, metrics and upstreams are told. */
  readonly consumer: string;
  /** `live` or `test`: whose data do not mix; empty where the credential does not say. */
  readonly environment: string;
  readonly scopes: ReadonlySet<string>;
  readonly roles: ReadonlySet<string>;
  /** Name of the plan that limits may depend on; empty for none. */
  readonly plan: string;
  /** A token's claims; empty for keys. */
  readonly claims: Readonly<Record<string, unknown>>;
  /** `X-Consumer-*` field lines, each with its CRLF, that tell the upstream. */
  readonly fields: string;
}

/** Known as `call.principal`; the fact is what policies say they need and learn. */
export const principal: Fact<Principal> = fact<Principal>("principal");

/**
 * A field line for `Principal.fields`; none for an empty value. What is not printable ASCII, and `%`, is
 * percent-encoded as UTF-8: no value can end its line, and no two become the same.
 */
export function consumerField(name: `X-Consumer-${string}`, value: string): string {
  return value === "" ? "" : `${name}: ${PLAIN.test(value) ? value : encoded(value)}\r\n`;
}

export function consumerFields(values: Readonly<Record<`X-Consumer-${string}`, string>>): string {
  const entries = Object.entries(values) as [`X-Consumer-${string}`, string][];
  return entries.map(([name, value]) => consumerField(name, value)).join("");
}

const PLAIN = /^(?! )[ -$&-~]*(?<! )$/;

const encoded = (value: string): string =>
  value.toWellFormed().replaceAll(/%|[^ -~]+|^ +| +$/g, encodeURIComponent);
