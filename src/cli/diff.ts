import { readFile } from "node:fs/promises";
import { styleText } from "node:util";
import { isFields, parseFile } from "../core/json-schema/documents.ts";
import { type Change, type ChangeKind, compareDocuments } from "../service/openapi/diff/index.ts";
import { documentOf, type OpenApiCommand } from "./openapi.ts";
import { Refusal } from "./refusal.ts";

export interface DiffCommand extends Pick<OpenApiCommand, "config" | "apiVersion"> {
  readonly json?: true;
}

/** `turnpike diff`: what changed, and whether it breaks clients of the older document. Resolves with the exit code. */
export async function diff(old: string, now: string | undefined, options: DiffCommand): Promise<number> {
  const before = await read(old);
  const after = now === undefined ? await ofConfig(before, options) : await read(now);
  const changes = compareDocuments(before, after);
  const breaking = changes.filter(({ kind }) => kind === "breaking").length;
  process.stdout.write(
    options.json ? `${JSON.stringify({ breaking: breaking > 0, changes }, null, 2)}\n` : text(changes),
  );
  return breaking > 0 ? 1 : 0;
}

async function read(file: string): Promise<Readonly<Record<string, unknown>>> {
  const bytes = await readFile(file).catch((error: NodeJS.ErrnoException) => {
    const why = error.code === "ENOENT" ? "there is no such file" : error.message;
    throw new Refusal(`${file}: ${why}`, 2);
  });
  const document = parsed(file, bytes);
  if (isFields(document) && /^3\./.test(String(document["openapi"]))) return document;
  throw new Refusal(`${file} is no OpenAPI 3 document: it has no \`openapi: 3.…\``, 2);
}

function parsed(file: string, bytes: Buffer): unknown {
  try {
    return parseFile(file, bytes);
  } catch (error) {
    throw new Refusal((error as Error).message, 2);
  }
}

/** The version that the older document says it is of, so that each published one is held to its own. */
function ofConfig(
  before: Readonly<Record<string, unknown>>,
  options: DiffCommand,
): ReturnType<typeof documentOf> {
  const { info, servers } = before;
  const version = isFields(info) ? info["version"] : undefined;
  const named = Array.isArray(servers) && JSON.stringify(servers[0]).includes('"/v');
  return documentOf(named && typeof version === "string" ? { apiVersion: version, ...options } : options);
}

const MARKS: Readonly<
  Record<ChangeKind, { readonly word: string; readonly style: "red" | "yellow" | "green" }>
> = {
  breaking: { word: "breaking", style: "red" },
  change: { word: "changed ", style: "yellow" },
  addition: { word: "added   ", style: "green" },
};
/** Operations that one change concerns, of those that are shown. */
const MOST_SHOWN = 4;

function text(changes: readonly Change[]): string {
  if (changes.length === 0) return "nothing changed\n";
  const lines = changes.map(({ kind, subject, message, operations }) => {
    const { word, style } = MARKS[kind];
    const mark = styleText(style, word, { stream: process.stdout });
    return `${mark}  ${subject} ${message.replace(/,$/, "")}${placesOf(subject, operations)}\n`;
  });
  const count = (kind: ChangeKind): number => changes.filter((change) => change.kind === kind).length;
  return `${lines.join("")}${count("breaking")} breaking, ${count("change")} changed, ${count("addition")} added\n`;
}

function placesOf(subject: string, operations: readonly string[]): string {
  const others = operations.filter((operation) => !subject.includes(operation));
  if (others.length === 0) return "";
  const more = others.length > MOST_SHOWN ? ` and ${others.length - MOST_SHOWN} more` : "";
  return ` (${others.slice(0, MOST_SHOWN).join(", ")}${more})`;
}
