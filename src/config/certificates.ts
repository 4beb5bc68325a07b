import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { quoted } from "../core/found.ts";

/** The PEM text of a file with certificates to trust, or the sentence that says what is wrong with it. */
export function readCertificates(file: string, folder: string): { pem: string } | { problem: string } {
  let pem: string;
  try {
    pem = readFileSync(resolve(folder, file), "utf8");
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === "ENOENT";
    return {
      problem: `${quoted(file)} ${missing ? "does not exist" : "cannot be read"}; the name is relative to the config`,
    };
  }
  try {
    new X509Certificate(pem);
    return { pem };
  } catch {
    return { problem: `${quoted(file)} is not a PEM file with certificates` };
  }
}
