import { quoted } from "../../core/found.ts";
import { readJson } from "../../core/json.ts";
import type { Algorithm } from "./algorithms.ts";
import type { KeyOptions } from "./jwt.options.ts";
import { refuseAmbiguity, type TrustedKey, trustJwk, trustPem, trustSecret } from "./keys.ts";

/** The keys that a config holds or names. @throws Error with one sentence for the config's author. */
export function localKeys(
  entries: readonly KeyOptions[],
  allowed: readonly Algorithm[] | undefined,
  readFile: (file: string) => Buffer,
): TrustedKey[] {
  const keys = entries.flatMap((entry) => keysOf(entry, allowed, readFile));
  refuseAmbiguity(keys);
  return keys;
}

function keysOf(
  { kid, secret, encoding, pem, jwk, file }: KeyOptions,
  allowed: readonly Algorithm[] | undefined,
  readFile: (file: string) => Buffer,
): TrustedKey[] {
  if (secret !== undefined) return [trustSecret(secretBytes(secret, encoding), kid, allowed)];
  if (pem !== undefined) return [trustPem(pem, kid, allowed)];
  if (jwk !== undefined) return [trustJwk(jwk, kid, allowed)];
  return keysOfFile(file ?? "", kid, allowed, readFile);
}

function secretBytes(secret: string, encoding: KeyOptions["encoding"]): Buffer {
  const bytes = Buffer.from(secret, encoding);
  // Node skips what it cannot read, which would leave a shorter secret than the one that was meant.
  const written = encoding === "hex" ? secret.toLowerCase() : secret.replace(/=+$/, "");
  const read = bytes.toString(encoding).replace(/=+$/, "");
  if (encoding !== "utf8" && read !== written) throw new Error(`the secret is not ${encoding}`);
  return bytes;
}

function keysOfFile(
  file: string,
  kid: string | undefined,
  allowed: readonly Algorithm[] | undefined,
  readFile: (file: string) => Buffer,
): TrustedKey[] {
  const bytes = readKeyFile(file, readFile);
  try {
    if (bytes.includes("-----BEGIN ")) return [trustPem(bytes.toString("latin1"), kid, allowed)];
    const value = readJson(bytes) as { readonly keys?: unknown } | null;
    const jwks = Array.isArray(value?.keys) ? value.keys : [value];
    return jwks.map((jwk: unknown) => trustJwk(jwk, kid, allowed));
  } catch (thrown) {
    throw new Error(`${quoted(file)}: ${(thrown as Error).message}`);
  }
}

function readKeyFile(file: string, readFile: (file: string) => Buffer): Buffer {
  try {
    return readFile(file);
  } catch (thrown) {
    const missing = (thrown as NodeJS.ErrnoException).code === "ENOENT";
    throw new Error(
      `${quoted(file)} ${missing ? "does not exist" : "cannot be read"}; the name is relative to the config`,
    );
  }
}
