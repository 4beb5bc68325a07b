import { type Fact, fact } from "./facts.ts";

/** Who is calling, as far as a credential has proved it. Made once for a credential, then shared by its calls. */
export interface Principal {
  readonly kind: "key" | "token";
  /** Which credential, for logs and for revoking it: a key's id, a token's `jti`. Never a secret; may be empty. */
  readonly id: string;
  /** Whose it is: what limits count by, what logs, metrics and upstreams are told. */
  readonly consumer: string;
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
