import {
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type Pair,
  parseDocument,
  type YAMLError,
} from "yaml";
import { quoted } from "../core/found.ts";
import { substitute } from "./env.ts";
import { ConfigError, type Finding, type Path } from "./problem.ts";
import type { Place, Source, Variable } from "./source.ts";

type Document = ReturnType<typeof parseDocument>;
type Environment = Readonly<Record<string, string | undefined>>;

/** Past this many uses of anchors a file is not a config but a bomb. */
const MOST_ALIASES = 100;

/** A config from YAML text; throws for what is not YAML. */
export function yamlSource(text: string, file: string, folder: string, environment: Environment): Source {
  const lines = new LineCounter();
  const document = parseDocument(text, {
    lineCounter: lines,
    prettyErrors: false,
    schema: "core",
    stringKeys: true,
    uniqueKeys: false,
  });
  const placeOf = (offset: number): Place => {
    const { line, col } = lines.linePos(offset);
    return { line, column: col };
  };
  const fail = (offset: number, message: string): never => {
    throw new ConfigError([{ file, path: "", message, ...placeOf(offset) }]);
  };
  // What follows the first error is mostly its consequence. Warnings (unknown tags) are as wrong as errors.
  const [error] = [...document.errors, ...document.warnings].sort((a, b) => a.pos[0] - b.pos[0]);
  if (error !== undefined) fail(error.pos[0], syntaxMessage(error, text));

  const reader = new Reader(document, environment, fail);
  reader.walk(document.contents, []);
  return {
    file,
    folder,
    value: toValue(document, (message) => fail(0, message)),
    findings: reader.findings,
    variables: reader.variables,
    place: (path, part) => {
      const offset = offsetOf(document, path, part);
      return offset === undefined ? undefined : placeOf(offset);
    },
  };
}

function toValue(document: Document, fail: (message: string) => never): unknown {
  try {
    return document.toJS({ maxAliasCount: MOST_ALIASES });
  } catch {
    return fail(`too many aliases: at most ${MOST_ALIASES} uses of anchors (&name, *name) are allowed`);
  }
}

/** Goes through the document once: puts variables in, and finds what makes a mapping ambiguous. */
class Reader {
  readonly findings: Finding[] = [];
  readonly variables: Variable[] = [];
  readonly #document: Document;
  readonly #environment: Environment;
  readonly #fail: (offset: number, message: string) => never;

  constructor(
    document: Document,
    environment: Environment,
    fail: (offset: number, message: string) => never,
  ) {
    this.#document = document;
    this.#environment = environment;
    this.#fail = fail;
  }

  walk(node: unknown, path: Path): void {
    if (isScalar(node) && typeof node.value === "string") this.#scalar(node as { value: string }, path);
    else if (isSeq(node))
      node.items.forEach((item, index) => {
        this.walk(item, [...path, index]);
      });
    else if (isMap(node)) this.#mapping(node.items, path);
    else if (isAlias(node) && node.resolve(this.#document) === undefined) {
      this.#fail(node.range?.[0] ?? 0, `there is no anchor &${node.source} before this alias`);
    }
  }

  #mapping(pairs: readonly Pair[], path: Path): void {
    const seen = new Set<string>();
    for (const { key, value } of pairs) {
      const name = keyText(key);
      const at = [...path, name];
      if (name === "__proto__")
        this.findings.push({ path: at, key: true, message: "this key is not allowed" });
      if (seen.has(name))
        this.findings.push({
          path: at,
          key: true,
          message: "this key is written twice; only one of them can count",
        });
      seen.add(name);
      this.walk(value, at);
    }
  }

  #scalar(node: { value: string }, path: Path): void {
    const written = node.value;
    if (!written.includes("${")) return;
    const result = substitute(written, this.#environment);
    for (const message of result.problems) this.findings.push({ path, message });
    node.value = result.text;
    if (written.replaceAll("$${", "").includes("${")) this.variables.push({ path, written });
  }
}

const keyText = (key: unknown): string => (isScalar(key) ? String(key.value) : String(key));

/** Of keys written twice, the last: the one that the message is about. */
function offsetOf(document: Document, path: Path, part: "key" | "value"): number | undefined {
  let offset = start(document.contents);
  let node: unknown = document.contents;
  for (const [depth, step] of path.entries()) {
    const target = isAlias(node) ? node.resolve(document) : node;
    const last = depth === path.length - 1;
    if (isMap(target)) {
      const pair = target.items.findLast(({ key }) => keyText(key) === step);
      if (pair === undefined) break;
      node = pair.value;
      offset = (last && part === "value" ? written(pair.value) : undefined) ?? start(pair.key) ?? offset;
    } else if (isSeq(target) && typeof step === "number") {
      node = target.items[step];
      if (node === undefined) break;
      offset = start(node) ?? offset;
    } else break;
  }
  return offset;
}

const start = (node: unknown): number | undefined => (node as Node | null)?.range?.[0];

/** Where a value begins, unless there is none: an empty value is better shown by its key. */
function written(node: unknown): number | undefined {
  const range = (node as Node | null)?.range;
  return range === undefined || range === null || range[0] === range[1] ? undefined : range[0];
}

/** The parser's messages in words for people who do not know its terms. */
function syntaxMessage(error: YAMLError, text: string): string {
  const [from] = error.pos;
  const lineStart = text.lastIndexOf("\n", from - 1) + 1;
  const line = text.slice(lineStart, text.indexOf("\n", from) === -1 ? undefined : text.indexOf("\n", from));
  if (/[{[,][^"']*\$\{/.test(line)) return `inside { } and [ ] a variable needs quotes: "\${NAME}"`;
  return `not valid YAML: ${SYNTAX[error.code]?.(error) ?? lower(error.message)}`;
}

const lower = (message: string): string =>
  message.charAt(0).toLowerCase() + message.slice(1).replace(/[.:]$/, "");

const SYNTAX: Readonly<Partial<Record<YAMLError["code"], (error: YAMLError) => string>>> = {
  TAB_AS_INDENT: () => "this line is indented with a tab; use spaces",
  BAD_INDENT: ({ message }) =>
    message.includes("Flow")
      ? `a "${message.includes("map") ? "{" : "["}" before this is never closed`
      : "this line is indented differently from its neighbours",
  BLOCK_AS_IMPLICIT_KEY: () => 'a second ": " on one line; put the value in quotes, or on lines of its own',
  MULTIPLE_DOCS: () => 'a config is one document; remove what follows "---"',
  NON_STRING_KEY: () => "a key must be plain text",
  TAG_RESOLVE_FAILED: ({ message }) =>
    `unknown tag ${quoted(/![^\s]*/.exec(message)?.[0] ?? "!")}; write plain values`,
  MULTILINE_IMPLICIT_KEY: () => 'expected "key: value"; is the space after the colon missing?',
  MISSING_CHAR: ({ message }) =>
    message.includes("Implicit map keys")
      ? 'expected "key: value", found text without a colon'
      : message.includes("quote")
        ? "a quote before this is never closed"
        : lower(message),
  UNEXPECTED_TOKEN: () =>
    "this cannot follow what stands before it; is a quote, a comma or a bracket missing?",
};
