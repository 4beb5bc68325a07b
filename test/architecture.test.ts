/** Who may import whom: the table of ARCHITECTURE.md, held. */
import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { describe, test } from "node:test";

const root = join(import.meta.dirname, "..");

/** Folders under src, and the folders each may import besides itself. `main.ts`, `index.ts`, `threads` and `cli` may all. */
const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  core: [],
  wire: ["core"],
  backends: ["core", "wire"],
  policies: ["core"],
  stores: ["core"],
  observe: ["core"],
  config: ["core"],
  flow: ["core", "wire", "observe"],
  identity: ["core"],
  admin: ["core", "identity"],
  service: ["core"],
};

interface Import {
  readonly from: string;
  readonly to: string;
}

const sources = globSync("src/**/*.ts", { cwd: root }).filter(
  (file) => !file.endsWith(".test.ts") && !file.includes("/testdata/"),
);
const imports = sources.flatMap(importsOf);

function importsOf(file: string): Import[] {
  const text = readFileSync(join(root, file), "utf8");
  return [...text.matchAll(/(?:from|import)\s*\(?\s*"(\.[^"]+)"/g)].map((match) => ({
    from: file,
    to: normalize(join(dirname(file), match[1] as string)),
  }));
}

const folderOf = (file: string): string => file.split("/")[1] as string;

describe("the source tree", () => {
  test("imports only what the table of ARCHITECTURE.md allows", () => {
    const forbidden = imports.filter(({ from, to }) => {
      const allowed = ALLOWED[folderOf(from)];
      return allowed !== undefined && folderOf(to) !== folderOf(from) && !allowed.includes(folderOf(to));
    });
    assert.deepEqual(forbidden, []);
    assert.ok(imports.length > 50, "the imports were found");
  });

  test("never imports tests or benchmarks", () => {
    assert.deepEqual(
      imports.filter(({ to }) => !to.startsWith("src/")),
      [],
    );
  });

  test("has every folder in the table, or free to import all", () => {
    const free = ["cli", "threads", "main.ts", "index.ts"];
    const folders = new Set(sources.map(folderOf));
    assert.deepEqual(
      [...folders].filter((folder) => !(folder in ALLOWED) && !free.includes(folder)),
      [],
    );
  });

  test("has no import cycles", () => {
    const next = new Map<string, string[]>();
    for (const { from, to } of imports) next.set(from, [...(next.get(from) ?? []), to]);
    assert.deepEqual(findCycle(next), []);
  });
});

/** The files of one cycle, or none. Type-only imports count too: they are what a reader has to follow. */
function findCycle(next: ReadonlyMap<string, readonly string[]>): string[] {
  const done = new Set<string>();
  function visit(file: string, path: readonly string[]): string[] {
    if (path.includes(file)) return [...path.slice(path.indexOf(file)), file];
    if (done.has(file)) return [];
    done.add(file);
    for (const to of next.get(file) ?? []) {
      const cycle = visit(to, [...path, file]);
      if (cycle.length > 0) return cycle;
    }
    return [];
  }
  for (const file of next.keys()) {
    const cycle = visit(file, []);
    if (cycle.length > 0) return cycle;
  }
  return [];
}
