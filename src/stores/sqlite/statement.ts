/** Statements and their values as SQLite wants them. */
import type { Parameter } from "../../core/database.ts";

/** A quoted name or text, or a parameter. */
const TOKEN = /'(?:[^']|'')*'|"(?:[^"]|"")*"|\$(\d+)/g;

/** `$1` is a name for SQLite, which Node binds by names only; `?1` is a place. */
export function numbered(text: string): string {
  return text.replaceAll(TOKEN, (token, number?: string) => (number === undefined ? token : `?${number}`));
}

export type SqliteValue = string | number | bigint | null | Uint8Array;

/** SQLite has no booleans, but for the numbers 0 and 1. */
export function bound(values: readonly Parameter[]): SqliteValue[] {
  return values.map((value) => (typeof value === "boolean" ? Number(value) : value));
}
