/** Definitions as the YAML of a config that can be used as it is. */
import { stringify } from "yaml";
import type { Definition, Definitions } from "./definitions.ts";

export function writeConfig({ definitions, left }: Definitions, records: string): string {
  const lines = [
    "# Written by `turnpike introspect`. The tables are external: Turnpike uses them as they are, and never changes them.",
    "# Everything takes a key with the scopes <resource>:read and <resource>:write; see `access` to say otherwise.",
    "store:",
    `  records: ${flow(records)}`,
    "routes:",
    '  - { name: api, path: "/*", to: { service: true }, policies: [{ api-key: {} }] }',
    definitions.length === 0 ? "resources: {}" : "resources:",
    ...definitions.flatMap(definitionLines),
    ...[...left].map(([table, why]) => comment("  ", `Left out: ${table}: ${why}.`)),
  ];
  return `${lines.join("\n")}\n`;
}

function definitionLines({ name, notes, config, fields, left }: Definition): readonly string[] {
  return [
    `  ${flow(name)}:`,
    ...notes.map((note) => comment("    ", `${note}.`)),
    ...Object.entries(config).map(([key, value]) => `    ${key}: ${flow(value)}`),
    ...(fields.size === 0 ? [] : ["    fields:"]),
    ...[...fields].flatMap(([field, line]) => [
      ...line.notes.map((note) => comment("      ", `${note}:`)),
      `      ${flow(field)}: ${flow(line.config)}`,
    ]),
    ...[...left].map(([column, why]) => comment("      ", `Left out: ${column}: ${why}.`)),
  ];
}

/** On one line. */
const flow = (value: unknown): string =>
  stringify(value, { collectionStyle: "flow", lineWidth: 0, flowCollectionPadding: true }).trim();

/** Names and expressions of a database may hold anything. */
const comment = (indent: string, text: string): string =>
  `${indent}# ${text.replaceAll(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, " ")}`;
