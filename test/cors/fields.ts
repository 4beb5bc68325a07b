import type { RawResponse } from "../harness/raw.ts";

/** The names of a list field, lower-case, in order; empty where there is none. */
export function listed(response: RawResponse, lower: string): string[] {
  return (response.headers.get(lower) ?? [])
    .join(",")
    .split(",")
    .map((name) => name.trim().toLowerCase())
    .filter((name) => name !== "");
}

/** The names of the answer's fields that tell a browser what a page may do, in order. */
export function corsFields(response: RawResponse): string[] {
  return [...response.headers.keys()].filter((name) => name.startsWith("access-control-")).sort();
}
