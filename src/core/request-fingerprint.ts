import { createHash, type Hash } from "node:crypto";
import type { Call } from "./call.ts";

/**
 * SHA-256 of what a repetition must have in common with the first request (IDEM-5): method, path, query in any order of
 * its names, version of the API, type and coding of the body, and the body's bytes, but for the boundary of a multipart
 * body, which clients draw anew each time.
 *
 * Every part goes in with its length before it, so that no two requests look alike together.
 */
export function fingerprint(call: Call, body: Buffer): Buffer {
  const { method, path, query, headers } = call.request;
  const type = readType(headers.get("content-type") ?? "");
  const hash = createHash("sha256");
  const coding = headers.get("content-encoding")?.toLowerCase() ?? "";
  const head = [method, path, canonicalQuery(query), call.version?.name ?? "", type.canonical, coding];
  add(hash, Buffer.from(JSON.stringify(head)));
  for (const part of type.boundary === null ? [body] : split(body, `--${type.boundary}`)) add(hash, part);
  return hash.digest();
}

function add(hash: Hash, part: Buffer): void {
  hash.update(`${part.length}\n`).update(part);
}

/** Sorted by name; what has the same name keeps its order, which may mean something. */
function canonicalQuery(query: string): string {
  if (!query.includes("&")) return query;
  const pairs = query.slice(1).split("&");
  const nameOf = (pair: string): string => pair.split("=", 1)[0] as string;
  return `?${pairs.toSorted((a, b) => compare(nameOf(a), nameOf(b))).join("&")}`;
}

const compare = (a: string, b: string): number => (a < b ? -1 : Number(a > b));

interface BodyType {
  readonly canonical: string;
  /** Null where the body is not in parts. */
  readonly boundary: string | null;
}

const PARAMETER = /;\s*([^\s=;]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s;]*))/g;

/** RFC 9110 §8.3.1: names are the same in any case and order. */
function readType(value: string): BodyType {
  const type = (value.split(";", 1)[0] as string).trim().toLowerCase();
  let boundary: string | null = null;
  const parameters: string[] = [];
  for (const [, name = "", quoted, plain = ""] of value.matchAll(PARAMETER)) {
    const lower = name.toLowerCase();
    const text = quoted?.replaceAll(/\\(.)/g, "$1") ?? plain;
    if (lower === "boundary" && type.startsWith("multipart/")) boundary = text;
    else parameters.push(`${lower}=${lower === "charset" ? text.toLowerCase() : text}`);
  }
  return { canonical: [type, ...parameters.sort()].join(";"), boundary };
}

function split(bytes: Buffer, delimiter: string): Buffer[] {
  const parts: Buffer[] = [];
  let from = 0;
  for (let at = bytes.indexOf(delimiter); at !== -1; at = bytes.indexOf(delimiter, from)) {
    parts.push(bytes.subarray(from, at));
    from = at + delimiter.length;
  }
  parts.push(bytes.subarray(from));
  return parts;
}
