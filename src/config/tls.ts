/** The certificates of `listen.tls`: read, and refused where no client could use them. */
import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { resolve } from "node:path";
import { createSecureContext } from "node:tls";
import { quoted } from "../core/found.ts";
import type { CertificatePlan, TlsPlan } from "../core/plan.ts";
import type { Finding, Path } from "./problem.ts";
import type { TlsConfig } from "./schema-tls.ts";

export interface ReadTls {
  readonly plan: TlsPlan;
  /** Absolute names of the files. */
  readonly files: readonly string[];
  readonly errors: readonly Finding[];
  readonly warnings: readonly Finding[];
}

const AT: Path = ["listen", "tls"];
/** NIST SP 800-57: what is below can be broken, or soon. */
const MIN_RSA_BITS = 2048;
const MIN_CURVE_BITS = 256;

/** `wall` in milliseconds since the epoch: certificates that have expired are warned of. */
export function readTls(config: TlsConfig, folder: string, wall: number): ReadTls {
  const errors: Finding[] = [];
  const warnings: Finding[] = [];
  const certificates: CertificatePlan[] = [];
  const files = new Set<string>();
  for (const { cert, key, hosts, at } of entriesOf(config)) {
    const error = (part: string, message: string) => errors.push({ path: [...at, part], message });
    const warn = (part: string, message: string) => warnings.push({ path: [...at, part], message });
    files.add(resolve(folder, cert)).add(resolve(folder, key));
    const [certText, keyText] = [readText(cert, folder), readText(key, folder)];
    if ("problem" in certText) error("cert", certText.problem);
    if ("problem" in keyText) error("key", keyText.problem);
    const parsed = "text" in certText ? parseCertificate(cert, certText.text) : undefined;
    const secret = "text" in keyText ? parseKey(key, keyText.text) : undefined;
    if (typeof parsed === "string") error("cert", parsed);
    if (typeof secret === "string") error("key", secret);
    if (!(parsed instanceof X509Certificate) || secret === undefined || typeof secret === "string") continue;
    const plan = { cert: text(certText), key: text(keyText), hosts: hosts ?? namesOf(parsed) };
    const unfit = weakness(parsed.publicKey) ?? mismatch(parsed, secret, cert) ?? unusable(plan);
    if (unfit !== undefined) {
      error(unfit.part, unfit.message);
      continue;
    }
    const doubt = validity(parsed, wall);
    if (doubt !== undefined) warn("cert", doubt);
    if (plan.hosts.length === 0)
      warn("cert", "names no host in subjectAltName, so no client accepts it; write hosts if that is meant");
    if (readableByAll(key, folder)) warn("key", "this private key can be read by everybody; chmod 600 it");
    certificates.push(plan);
  }
  const minVersion = !Array.isArray(config) && config.minVersion === "1.3" ? "TLSv1.3" : "TLSv1.2";
  return { plan: { certificates, minVersion }, files: [...files], errors, warnings };
}

/** Seconds that browsers shall insist on https; 0 for no word about it. */
export function hstsSeconds(config: TlsConfig | undefined): number {
  if (config === undefined) return 0;
  return Array.isArray(config) ? DEFAULT_HSTS : Math.floor(config.hsts / 1000);
}

const DEFAULT_HSTS = 365 * 86_400;

interface Entry {
  readonly cert: string;
  readonly key: string;
  readonly hosts?: readonly string[] | undefined;
  readonly at: Path;
}

function entriesOf(config: TlsConfig): Entry[] {
  if (Array.isArray(config)) return config.map((entry, index) => ({ ...entry, at: [...AT, index] }));
  if ("certificates" in config)
    return config.certificates.map((entry, index) => ({ ...entry, at: [...AT, "certificates", index] }));
  return [{ ...config, at: AT }];
}

function readText(file: string, folder: string): { text: string } | { problem: string } {
  try {
    return { text: readFileSync(resolve(folder, file), "utf8") };
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === "ENOENT";
    return {
      problem: `${quoted(file)} ${missing ? "does not exist" : "cannot be read"}; the name is relative to the config`,
    };
  }
}

const text = (read: { text: string } | { problem: string }): string => ("text" in read ? read.text : "");

function parseCertificate(file: string, pem: string): X509Certificate | string {
  try {
    return new X509Certificate(pem);
  } catch {
    return `${quoted(file)} is not a PEM file with certificates`;
  }
}

function parseKey(file: string, pem: string): KeyObject | string {
  if (/ENCRYPTED/.test(pem))
    return `${quoted(file)} is encrypted, and nobody is there to type its passphrase; openssl pkey -in … -out … decrypts it`;
  try {
    return createPrivateKey(pem);
  } catch {
    return `${quoted(file)} is not a PEM file with a private key`;
  }
}

interface Unfit {
  readonly part: "cert" | "key";
  readonly message: string;
}

function weakness(key: KeyObject): Unfit | undefined {
  const { asymmetricKeyType: type, asymmetricKeyDetails: details } = key;
  if (type === "rsa" || type === "rsa-pss") {
    const bits = details?.modulusLength ?? 0;
    if (bits >= MIN_RSA_BITS) return undefined;
    return { part: "cert", message: `its RSA key has ${bits} bits; ${MIN_RSA_BITS} are the least` };
  }
  if (type === "ec") {
    const curve = details?.namedCurve ?? "";
    const bits = Number(/\d{3}/.exec(curve)?.[0] ?? 0);
    if (bits >= MIN_CURVE_BITS) return undefined;
    return { part: "cert", message: `its key is on the curve ${curve}; P-256 is the least` };
  }
  if (type === "ed25519" || type === "ed448") return undefined;
  return { part: "cert", message: `its key is of a kind that TLS does not use here (${type})` };
}

function mismatch(certificate: X509Certificate, key: KeyObject, cert: string): Unfit | undefined {
  if (certificate.checkPrivateKey(key)) return undefined;
  return { part: "key", message: `this is not the key of the first certificate in ${quoted(cert)}` };
}

/** What OpenSSL finds besides: signatures that are too weak, a chain that is no chain. */
function unusable({ cert, key }: CertificatePlan): Unfit | undefined {
  try {
    createSecureContext({ cert, key });
    return undefined;
  } catch (error) {
    const reason = (error as { reason?: string }).reason ?? "it cannot be used";
    return { part: "cert", message: `OpenSSL refuses it: ${reason}` };
  }
}

function validity(certificate: X509Certificate, wall: number): string | undefined {
  if (certificate.validToDate.getTime() < wall)
    return `this certificate expired on ${day(certificate.validToDate)}`;
  if (certificate.validFromDate.getTime() > wall)
    return `this certificate is not valid before ${day(certificate.validFromDate)}`;
  return undefined;
}

const day = (date: Date): string => date.toISOString().slice(0, 10);

/** RFC 9525 §6: the names are those of subjectAltName; the common name is nobody's business any more. */
function namesOf({ subjectAltName = "" }: X509Certificate): string[] {
  return [...subjectAltName.matchAll(/(?:^|, )DNS:([^,"]+)/g)].map(([, name = ""]) => name.toLowerCase());
}

function readableByAll(key: string, folder: string): boolean {
  return process.platform !== "win32" && (statSync(resolve(folder, key)).mode & 0o004) !== 0;
}
