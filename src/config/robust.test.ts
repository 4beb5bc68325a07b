import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import fc from "fast-check";
import { parse } from "yaml";
import { checkConfig } from "./load.ts";
import { makePlan } from "./plan.ts";
import { ConfigError } from "./problem.ts";
import { type Source, sourceOf } from "./source.ts";
import { recordingWorld } from "./testdata/world.ts";
import { yamlSource } from "./yaml.ts";

/** Whatever stands in a config, what comes of it is a plan or sentences. */

const FOLDER = join(import.meta.dirname, "testdata");
const TEXTS = readdirSync(FOLDER)
  .filter((name) => name.endsWith(".in.yaml"))
  .map((name) => readFileSync(join(FOLDER, name), "utf8"));

function plansOrSays(read: () => Source): void {
  try {
    makePlan(checkConfig(read()), recordingWorld().world);
  } catch (error) {
    assert.ok(error instanceof ConfigError, error instanceof Error ? error.stack : String(error));
    assert.ok(error.problems.length > 0);
    for (const { message } of error.problems) {
      assert.match(message, /^[^\n\r]{5,}$/, "one sentence");
      assert.doesNotMatch(
        message,
        /Invalid input|undefined|\[object|is not valid, found/,
        "in words for people",
      );
    }
  }
}

type Tree = Record<string | number, unknown>;

/** Puts a value, or nothing, somewhere into a tree; `turns` choose the way. */
function disturb(tree: unknown, turns: readonly number[], value: unknown): void {
  let holder = tree as Tree;
  for (const turn of turns) {
    const keys = Object.keys(holder);
    const key = keys[turn % Math.max(1, keys.length)];
    if (key === undefined) return;
    const inner = holder[key];
    if (typeof inner !== "object" || inner === null) {
      holder[key] = value;
      return;
    }
    holder = inner as Tree;
  }
  holder["strange"] = value;
}

describe("a config of any kind", () => {
  test("gives a plan or sentences, as a value", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => plansOrSays(() => sourceOf(value))),
      { numRuns: 200 },
    );
  });

  test("gives a plan or sentences, as a good one with a change", () => {
    const strange = fc.oneof(
      fc.jsonValue(),
      fc.constantFrom(undefined, Number.NaN, -1, 1.5, "", "1s", "1mb", "/", [], {}, "__proto__"),
    );
    const change = fc.tuple(fc.nat(TEXTS.length - 1), fc.array(fc.nat(20), { maxLength: 7 }), strange);
    fc.assert(
      fc.property(change, ([index, turns, value]) => {
        const tree: unknown = parse(TEXTS[index] ?? "");
        disturb(tree, turns, value);
        plansOrSays(() => sourceOf(tree));
      }),
      { numRuns: 500 },
    );
  });

  test("gives a plan or sentences, as text with characters changed", () => {
    const junk = fc.constantFrom(
      ":",
      "{",
      "}",
      "[",
      "]",
      "-",
      "\t",
      "\n",
      " ",
      '"',
      "'",
      "#",
      "&a",
      "*a",
      "!",
      "|",
      "?",
      "\0",
      "${",
      "}",
      "é",
      "\uD800",
    );
    const change = fc.tuple(
      fc.nat(TEXTS.length - 1),
      fc.array(fc.tuple(fc.nat(2000), fc.nat(3), junk), { minLength: 1, maxLength: 4 }),
    );
    fc.assert(
      fc.property(change, ([index, edits]) => {
        let text = TEXTS[index] ?? "";
        for (const [at, cut, put] of edits)
          text = text.slice(0, at % text.length) + put + text.slice((at % text.length) + cut);
        plansOrSays(() =>
          yamlSource(text, "x.yaml", ".", {
            CARRIER_HOST: "h",
            CONNECTIONS: "1",
            SECRET: "s",
            PORT: "1",
            EMPTY: "",
          }),
        );
      }),
      { numRuns: 500 },
    );
  });

  test("gives a sentence where brackets go deeper than any config", () => {
    for (const text of [
      "[".repeat(10_000),
      `${"[".repeat(5_000)}${"]".repeat(5_000)}`,
      "a: ".repeat(5_000),
      "- ".repeat(5_000),
    ]) {
      plansOrSays(() => yamlSource(text, "x.yaml", ".", {}));
    }
  });
});
