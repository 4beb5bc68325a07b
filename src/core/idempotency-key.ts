import { GatewayError } from "./errors.ts";

/** A string of RFC 9651 §3.3.3: printable ASCII in quotes, in which `\` stands before `"` and `\`. */
const QUOTED = /^"((?:[ !#-[\]-~]|\\["\\])*)"$/;
const KEY = /^[!-~]{1,255}$/;

/**
 * The key in the values of all `Idempotency-Key` lines of a request: `"abc"`, as the IETF draft has it, and `abc`, as
 * most clients send it, are the same key (IDEM-1). Null where there is none.
 *
 * @throws GatewayError IDEMPOTENCY_KEY_INVALID.
 */
export function idempotencyKey(values: readonly string[]): string | null {
  const [value, ...more] = values;
  if (value === undefined) return null;
  if (more.length > 0) throw invalid("There is more than one Idempotency-Key.");
  const key = value.includes('"') ? unquoted(value) : value;
  if (key === "") throw invalid("The Idempotency-Key is empty.");
  if (key.length > 255) throw invalid("The Idempotency-Key is longer than 255 characters.");
  if (!KEY.test(key)) throw invalid("The Idempotency-Key has characters other than visible ASCII.");
  return key;
}

function unquoted(value: string): string {
  const inside = QUOTED.exec(value)?.[1];
  if (inside === undefined) throw invalid("The quotes of the Idempotency-Key do not match.");
  return inside.replaceAll(/\\(["\\])/g, "$1");
}

const invalid = (message: string): GatewayError => new GatewayError("IDEMPOTENCY_KEY_INVALID", { message });
