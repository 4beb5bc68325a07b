/**
 * An answer as a record holds it, encrypted with AES-256-GCM:
 *
 *     0    1   the form that follows: 1
 *     1   12   initialisation vector, random
 *    13   16   authentication tag, over the status, too
 *    29        length of the fields (4 bytes), the fields as JSON, the body
 */
import { createCipheriv, createDecipheriv, type KeyObject, randomBytes } from "node:crypto";
import { fieldName, Headers, Kind } from "./headers.ts";

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Buffer;
}

const FORM = 1;
const IV = 12;
const TAG = 16;
const START = 1 + IV + TAG;

export function sealAnswer({ status, headers, body }: Answer, secret: KeyObject): Buffer {
  const fields = Buffer.from(JSON.stringify([...headers]));
  const length = Buffer.alloc(4);
  length.writeUInt32BE(fields.length);
  const iv = randomBytes(IV);
  const cipher = createCipheriv("aes-256-gcm", secret, iv).setAAD(Buffer.from(String(status)));
  const parts = [cipher.update(length), cipher.update(fields), cipher.update(body), cipher.final()];
  return Buffer.concat([Buffer.of(FORM), iv, cipher.getAuthTag(), ...parts]);
}

/** @throws Error where it is not what was sealed with this secret and status. */
export function openAnswer(sealed: Uint8Array, status: number, secret: KeyObject): Answer {
  const bytes = Buffer.from(sealed.buffer, sealed.byteOffset, sealed.length);
  if (bytes[0] !== FORM || bytes.length < START) throw new Error("the answer has a form that is not known");
  const decipher = createDecipheriv("aes-256-gcm", secret, bytes.subarray(1, 1 + IV))
    .setAAD(Buffer.from(String(status)))
    .setAuthTag(bytes.subarray(1 + IV, START));
  const plain = Buffer.concat([decipher.update(bytes.subarray(START)), decipher.final()]);
  const end = 4 + plain.readUInt32BE(0);
  const headers = new Headers();
  for (const [name, value] of JSON.parse(plain.toString("utf8", 4, end)) as [string, string][]) {
    headers.received(fieldName(name), value);
  }
  return { status, headers, body: plain.subarray(end) };
}

/** About one connection, one moment or one client: made anew for every answer, or said to one client only. */
const NOT_KEPT = Kind.hop | Kind.framing | Kind.software | Kind.own | Kind.date;
const NEVER_KEPT: ReadonlySet<string> = new Set(["set-cookie", "age"]);
const RATE_LIMIT = /^(?:x-)?ratelimit(?:-|$)/;

/** The fields of an answer that a replay has, too (IDEM-6). */
export function keptFields(headers: Headers): Headers {
  const kept = headers.without(NOT_KEPT);
  for (const { lower } of [...kept.names]) {
    if (NEVER_KEPT.has(lower) || RATE_LIMIT.test(lower)) kept.delete(lower);
  }
  return kept;
}
