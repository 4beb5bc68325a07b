/**
 * JWS in compact serialisation (RFC 7515 §3.1), read more strictly than libraries do: one text for one token, and
 * nothing in it that two readers could take for different things (RFC 8725 §2.4, JWT-3, JWT-6).
 */
import { found } from "../../core/found.ts";
import { readJson } from "../../core/json.ts";
import { TokenRefusal } from "./refusal.ts";

/** Characters of a whole token. */
export const MAX_TOKEN = 8192;
/** A look-up string of ours, not a text of theirs. */
const MAX_KID = 256;
const JSON_LIMITS = { depth: 16, names: 500, containers: 500 };

export interface UnverifiedToken {
  readonly alg: string;
  readonly kid: string | undefined;
  /** Lower-case, as a whole media type; empty for none. */
  readonly type: string;
  /** Not to be believed before the signature has been verified. */
  readonly claims: Readonly<Record<string, unknown>>;
}

/** @throws TokenRefusal */
export function readCompact(token: string): UnverifiedToken {
  if (token.length > MAX_TOKEN) throw new TokenRefusal(`longer than ${MAX_TOKEN} characters`);
  const [header = "", payload = "", signature = "", ...rest] = token.split(".");
  if (rest.length > 0 || signature === "") throw new TokenRefusal("not three parts with a signature");
  decode(signature, "signature");
  const fields = readObject(header, "header");
  return {
    ...readHeader(fields),
    claims: readObject(payload, "payload"),
  };
}

function readObject(part: string, what: string): Readonly<Record<string, unknown>> {
  const bytes = decode(part, what);
  let value: unknown;
  try {
    value = readJson(bytes, JSON_LIMITS);
  } catch (thrown) {
    throw new TokenRefusal(`the ${what} is not JSON: ${(thrown as Error).message}`);
  }
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new TokenRefusal(`the ${what} is not an object`);
  return value as Record<string, unknown>;
}

/** Base64url without padding (RFC 7515 §2), and in the one way that encoding writes it: unused bits are zero. */
function decode(part: string, what: string): Buffer {
  const bytes = Buffer.from(part, "base64url");
  if (part === "" || bytes.toString("base64url") !== part)
    throw new TokenRefusal(`the ${what} is not canonical base64url`);
  return bytes;
}

/**
 * Keys that a token brings along (`jwk`, `jku`, `x5u`, `x5c`) are not looked at (RFC 8725 §3.10): what a token says
 * of its key is no more than a name to look up.
 */
function readHeader(header: Readonly<Record<string, unknown>>): Omit<UnverifiedToken, "claims"> {
  const { alg, kid, typ, cty } = header;
  // RFC 7515 §4.1.11: whoever does not know an extension refuses it, and we know none.
  for (const name of ["crit", "b64", "zip", "enc"])
    if (Object.hasOwn(header, name)) throw new TokenRefusal(`the header has ${name}`);
  if (typeof alg !== "string") throw new TokenRefusal("the header has no alg");
  if (kid !== undefined && (typeof kid !== "string" || kid === "" || kid.length > MAX_KID))
    throw new TokenRefusal(`kid is not a text of 1 to ${MAX_KID} characters`);
  if (typ !== undefined && typeof typ !== "string") throw new TokenRefusal("typ is not a text");
  // RFC 7519 §5.2: a token within a token.
  if (cty !== undefined) throw new TokenRefusal(`cty says that the payload is something else: ${found(cty)}`);
  return { alg, kid, type: mediaType(typ ?? "") };
}

/** RFC 7515 §4.1.9: `application/` may be left out, and case does not matter. */
function mediaType(typ: string): string {
  const lower = typ.toLowerCase();
  return lower === "" || lower.includes("/") ? lower : `application/${lower}`;
}
