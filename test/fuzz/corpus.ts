/**
 * Samples worth keeping. A file holds samples of one class, separated by empty lines; lines that start with `# ` are
 * comments; the bytes are written as `escapes.ts` says. The name's first part says which target reads it.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fromText } from "./escapes.ts";

const FOLDER = join(import.meta.dirname, "corpus");

/** All samples of `requests.*.txt` or `responses.*.txt`, as latin1 strings. */
export function loadCorpus(kind: "requests" | "responses"): string[] {
  return readdirSync(FOLDER)
    .filter((file) => file.startsWith(`${kind}.`) && file.endsWith(".txt"))
    .sort()
    .flatMap((file) => readSamples(readFileSync(join(FOLDER, file), "latin1")));
}

export function readSamples(text: string): string[] {
  return text
    .split(/\r?\n\r?\n+/)
    .map((sample) => sample.replace(/^# .*(?:\r?\n|$)/gm, ""))
    .filter((sample) => sample.trim() !== "")
    .map(fromText);
}
