import { z } from "zod";
import { distinct, name, refuseFieldName, text, word } from "../core/fields.ts";
import { found } from "../core/found.ts";
import { size } from "../core/values.ts";
import { canonicalVersion, SELECTORS, type VersionChange } from "../core/version.ts";

/** The versions of the API, key by key; what they mean together is in check-versions.ts. */

const EXAMPLE = 'a version such as "2" or "2026-11-01"';

/** A version by name, as a key or as a value. */
export const versionName = text(EXAMPLE, (value) =>
  canonicalVersion(value) === null ? `expected ${EXAMPLE}, ${found(value)}` : undefined,
);

const MOVING: readonly string[] = ["oldest", "newest"];
const defaultVersion = text(`${EXAMPLE}, oldest or newest`, (value) =>
  MOVING.includes(value) || canonicalVersion(value) !== null
    ? undefined
    : `expected ${EXAMPLE}, oldest or newest, ${found(value)}`,
);

const INSTANT = /^\d{4}-\d{2}-\d{2}(?:[Tt ]\d{2}:\d{2}(?::\d{2}(?:\.\d{1,3})?)?(Z|z|[+-]\d{2}:\d{2})?)?$/;

/** A day, which begins at midnight UTC, or a time, which is UTC where it names no zone. Read into epoch milliseconds. */
const instant = z.preprocess(
  (value: string | Date) =>
    value instanceof Date && !Number.isNaN(value.getTime()) ? value.toISOString() : value,
  text("a date such as 2027-03-01", (value) =>
    Number.isNaN(epochOf(value)) ? `expected a date such as 2027-03-01, ${found(value)}` : undefined,
  )
    .transform(epochOf)
    .meta({ examples: ["2027-03-01", "2027-03-01T12:00:00Z"] }),
);

function epochOf(value: string): number {
  const match = INSTANT.exec(value);
  if (match === null) return Number.NaN;
  const zoned = value.length === 10 || match[1] !== undefined ? value : `${value}Z`;
  // 30 February would be read as 2 March.
  const day = value.slice(0, 10);
  const isDay = new Date(`${day}T00:00:00Z`).toJSON()?.slice(0, 10) === day;
  return isDay ? Date.parse(zoned.replace(" ", "T").toUpperCase()) : Number.NaN;
}

const url = text("a URL", (value) =>
  URL.canParse(value) && /^https?:\/\/[^\s<>"]+$/.test(value) ? undefined : `expected a URL, ${found(value)}`,
);

/** Only a TypeScript config can hold one. */
function conversion<Part extends "query" | "headers" | "request" | "response" | "error">(summary: string) {
  const schema = z.unknown().check(({ value, issues }) => {
    if (typeof value === "function") return;
    const message = `expected a function, ${found(value)}; changes are written in a TypeScript config`;
    issues.push({ code: "custom", input: value, message });
  });
  type Conversion = NonNullable<VersionChange[Part]>;
  return (schema as unknown as z.ZodType<Conversion, Conversion>)
    .optional()
    .describe(`${summary} A function, in TypeScript configs only.`);
}

const change = z
  .strictObject({
    summary: text("a sentence", (value) =>
      value.trim() === "" ? "expected a sentence, found nothing" : undefined,
    ).describe("What changed, in one sentence."),
    routes: distinct(name)
      .min(1)
      .optional()
      .describe("Names of the routes that it concerns; all when left out."),
    query: conversion<"query">("Makes the parameters of an older request those of a newer one."),
    headers: conversion<"headers">("Makes the headers of an older request those of a newer one."),
    request: conversion<"request">("Makes the JSON body of an older request that of a newer one."),
    response: conversion<"response">("Makes the JSON body of a newer answer that of an older one."),
    error: conversion<"error">("The same for answers with a status of 400 and above."),
  })
  .check(({ value, issues }) => {
    const { summary: _, routes: __, ...parts } = value;
    if (Object.values(parts).some((part) => part !== undefined)) return;
    const message = "a change that converts nothing; give it query, headers, request, response or error";
    issues.push({ code: "custom", input: value, message });
  });

const brownout = z
  .strictObject({
    from: instant.describe("When it begins."),
    to: instant.describe("When it is over."),
  })
  .refine(({ from, to }) => from < to, { error: "ends before it begins" });

const version = z.strictObject({
  deprecated: instant
    .optional()
    .describe(
      "When it is, or was, deprecated: `Deprecation` on every answer. A day begins at midnight UTC. May be in the future.",
    ),
  sunset: instant
    .optional()
    .describe(
      "When it retires: `Sunset` on every answer until then, 410 from then on. A day begins at midnight UTC.",
    ),
  retired: z.boolean().default(false).describe("Retired now, whatever the date: 410."),
  brownouts: z
    .array(brownout)
    .prefault([])
    .describe(
      "When it is refused for a while (410, VERSION_BROWNOUT), so that clients notice before the sunset.",
    ),
  link: url.optional().describe("Page that says how to move to a newer version, for the `Link` header."),
  changes: z
    .array(change)
    .prefault([])
    .describe(
      "What it changed against the version before, so that a service that only speaks the newest version can serve the older ones.",
    ),
});

const pinned = z
  .strictObject({
    consumers: z
      .record(z.string(), versionName)
      .prefault({})
      .describe("The version of a consumer (of API keys and tokens), for requests that name none."),
    claim: text("the name of a claim", (value) => (value === "" ? "expected the name of a claim" : undefined))
      .optional()
      .describe("Claim of a token that holds the version, for requests that name none."),
  })
  .describe("Who gets another version than the default.");

const forward = z
  .strictObject({
    path: z.boolean().default(false).describe("`/v1` in front of the path, where the client wrote it."),
    header: z.boolean().default(true).describe("The header, with the version that the upstream is to speak."),
    query: z.boolean().default(false).describe("The parameter, where the client wrote it."),
  })
  .describe("What the upstream sees of the version.");

export const versions = z
  .strictObject({
    from: distinct(word(SELECTORS))
      .min(1)
      .default([...SELECTORS])
      .describe(
        "Where a request may name its version: `path` (`/v1/…`), `header`, `query`. Two that disagree are refused.",
      ),
    header: text("the name of a header", refuseFieldName)
      .default("API-Version")
      .describe("The header in requests, in answers and towards upstreams."),
    query: text("the name of a parameter", (value) =>
      /^[\w.~-]+$/.test(value) ? undefined : `expected letters, digits, ".", "_" and "-", ${found(value)}`,
    )
      .default("version")
      .describe("The query parameter; name another one if the API has its own `version`."),
    default: defaultVersion
      .optional()
      .describe(
        "What a request gets that names none; `oldest` and `newest` move on when a version retires, and are never a preview.",
      ),
    required: z.boolean().default(false).describe("Whether every request has to name a version (400)."),
    pinned: pinned.prefault({}),
    forward: forward.prefault({}),
    maxBody: size({ min: "1kb", max: "64mb" })
      .prefault("1mb")
      .describe("Largest body that `changes` convert: 413 for requests beyond, 502 for answers."),
    list: z.record(versionName, version).describe("The versions by name: majors such as `1`, or dates."),
  })
  .describe("Versions of the API.");

export type VersionsConfig = z.output<typeof versions>;
