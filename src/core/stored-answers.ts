/**
 * Whole answers that one lane keeps in its memory, up to so many bytes: the one that nobody has asked for longest goes
 * first. Says nothing about who may see one, or for how long: whoever keeps them does.
 */
import { Buffer } from "node:buffer";
import { BytesBody } from "./body.ts";
import { type FieldName, Headers, Kind } from "./headers.ts";
import type { Reply } from "./reply.ts";

/** The copy of an answer that may be given again and again. Nobody changes it. */
export interface StoredAnswer {
  readonly status: number;
  /** Without those of a connection and of the framing. */
  readonly headers: Headers;
  readonly body: Buffer | null;
}

/** Map entry, objects and arrays around an answer, and around each of its fields: measured, rounded up. */
const ENTRY_BYTES = 1024;
const FIELD_BYTES = 64;

/** Never kept: about the connection, made anew for every message, or the gateway's own word about one call. */
const NOT_KEPT = Kind.hop | Kind.framing | Kind.own;

/** Copies what is kept of a reply. `body` is already the keeper's own, see `copied`. */
export function storedAnswer({ status, headers }: Reply, body: Buffer | null): StoredAnswer {
  return { status, headers: ownFields(headers), body };
}

/** A reply for one call: its headers may be changed. */
export function replyOf({ status, headers, body }: StoredAnswer): Reply {
  return { status, headers: headers.without(0), body: body === null ? null : new BytesBody(body) };
}

/** Values sliced out of a received head would keep that whole head alive; copies do not. */
function ownFields(headers: Headers): Headers {
  const own = new Headers();
  for (let i = 0; i < headers.size; i++) {
    const field = headers.names[i] as FieldName;
    if ((field.kind & NOT_KEPT) === 0) own.received(field, ownText(headers.values[i] as string));
  }
  return own;
}

/** A string that shares no memory with what it was cut out of. Field values, paths and queries are Latin-1. */
export const ownText = (text: string): string => Buffer.from(text, "latin1").toString("latin1");

/** The bytes that an answer takes up, as near as one can tell. */
export function weightOf({ headers, body }: StoredAnswer): number {
  let bytes = ENTRY_BYTES + (body?.length ?? 0);
  for (let i = 0; i < headers.size; i++) bytes += FIELD_BYTES + (headers.values[i] as string).length;
  return bytes;
}

/** A link of the ring of all entries, from the one asked for last to the one that was not for longest. */
class Entry<Kept> {
  readonly key: string;
  readonly kept: Kept | null;
  readonly bytes: number;
  before: Entry<Kept> = this;
  after: Entry<Kept> = this;

  constructor(key: string, kept: Kept | null, bytes: number) {
    this.key = key;
    this.kept = kept;
    this.bytes = bytes;
  }

  leave(): void {
    this.before.after = this.after;
    this.after.before = this.before;
  }

  follow(other: Entry<Kept>): void {
    this.before = other;
    this.after = other.after;
    other.after.before = this;
    other.after = this;
  }
}

export class StoredAnswers<Kept> {
  readonly #entries = new Map<string, Entry<Kept>>();
  /** Where the ring begins and ends; holds nothing. The first of a Map would be found by its order, but ever more slowly. */
  readonly #ring = new Entry<Kept>("", null, 0);
  readonly #most: number;
  #bytes = 0;

  /** `most`: bytes of all keys and answers together. */
  constructor(most: number) {
    this.#most = most;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get size(): number {
    return this.#entries.size;
  }

  get(key: string): Kept | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    entry.leave();
    entry.follow(this.#ring);
    return entry.kept ?? undefined;
  }

  /** `weight` in bytes, without the key. False where it does not fit at all: what had the key before is gone then, too. */
  set(key: string, kept: Kept, weight: number): boolean {
    this.delete(key);
    const bytes = weight + key.length;
    if (bytes > this.#most) return false;
    const entry = new Entry(key, kept, bytes);
    entry.follow(this.#ring);
    this.#entries.set(key, entry);
    this.#bytes += bytes;
    while (this.#bytes > this.#most) this.delete(this.#ring.before.key);
    return true;
  }

  delete(key: string): void {
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    entry.leave();
    this.#entries.delete(key);
    this.#bytes -= entry.bytes;
  }
}
