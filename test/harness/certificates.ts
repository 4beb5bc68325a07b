import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface CertificateOptions {
  /** `rsa:2048`, `rsa:1024`, `ec:prime256v1`, `ed25519` … */
  readonly key?: string;
  /** Negative for one that has expired. */
  readonly days?: number;
}

/** Certificates made by `openssl` when a test asks for them, in a folder of their own. */
export class CertificateFolder {
  readonly path = mkdtempSync(join(tmpdir(), "turnpike-certificates-"));

  /** A self-signed one for these names. Overwrites what has that name. */
  make(
    name: string,
    hosts: readonly string[],
    options: CertificateOptions = {},
  ): { cert: string; key: string } {
    const { key = "ec:prime256v1", days = 30 } = options;
    const files = { cert: join(this.path, `${name}.crt`), key: join(this.path, `${name}.key`) };
    const names = hosts.map((host) => `DNS:${host}`).join(",");
    openssl(["genpkey", ...keyArguments(key), "-out", files.key]);
    openssl([
      ...["req", "-x509", "-new", "-key", files.key, "-out", files.cert, "-subj", `/CN=${name}`],
      ...(days > 0
        ? ["-days", String(days)]
        : ["-not_before", "20200101000000Z", "-not_after", "20200201000000Z"]),
      ...(names === "" ? [] : ["-addext", `subjectAltName=${names}`]),
    ]);
    return files;
  }

  remove(): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}

function keyArguments(key: string): string[] {
  const [kind = "", size = ""] = key.split(":");
  if (kind === "rsa") return ["-algorithm", "RSA", "-pkeyopt", `rsa_keygen_bits:${size}`];
  if (kind === "ec") return ["-algorithm", "EC", "-pkeyopt", `ec_paramgen_curve:${size}`];
  return ["-algorithm", kind];
}

export function openssl(args: readonly string[], input = ""): string {
  return execFileSync("openssl", args, { input, stdio: ["pipe", "pipe", "pipe"], encoding: "utf8" });
}
