import { BytesBody } from "../../core/body.ts";
import { type FieldName, fieldName, Headers } from "../../core/headers.ts";
import type { Reply } from "../../core/reply.ts";

const CONTENT_TYPE = fieldName("Content-Type");
const CACHE_CONTROL = fieldName("Cache-Control");
const NO_SNIFF = fieldName("X-Content-Type-Options");
const ETAG = fieldName("ETag");
const LOCATION = fieldName("Location");
const LINK = fieldName("Link");

/** What a cache may do with an answer. Everything is looked at again before it is used: objects change at any time. */
export type Caching = "no-cache" | "private, no-cache" | "no-store";

export interface Said {
  readonly caching: Caching;
  readonly etag?: string;
  /** Path as the client sees it. */
  readonly location?: string;
  readonly link?: string | null;
}

/** An answer and the bytes of its body, which a record may keep. */
export interface Written extends Reply {
  readonly bytes: Buffer;
}

const NOTHING = Buffer.alloc(0);

export function jsonReply(status: number, text: string, said: Said): Written {
  const bytes = Buffer.from(text);
  return { status, headers: jsonHeaders(said), body: new BytesBody(bytes), bytes };
}

export function jsonHeaders(said: Said): Headers {
  const headers = new Headers();
  headers.received(CONTENT_TYPE, "application/json");
  headers.received(NO_SNIFF, "nosniff");
  say(headers, said);
  return headers;
}

/** 204, and 304 with the fields that 200 would have. */
export function bareReply(status: 204 | 304, said: Said): Written {
  const headers = new Headers();
  say(headers, said);
  return { status, headers, body: null, bytes: NOTHING };
}

function say(headers: Headers, { caching, etag, location, link }: Said): void {
  headers.received(CACHE_CONTROL, caching);
  headers.vary("Accept");
  put(headers, ETAG, etag);
  put(headers, LOCATION, location);
  put(headers, LINK, link);
}

function put(headers: Headers, name: FieldName, value: string | null | undefined): void {
  if (value !== undefined && value !== null) headers.received(name, value);
}
