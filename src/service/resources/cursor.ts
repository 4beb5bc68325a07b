/**
 * Cursors: places in a list that clients pass on as they are. Encrypted, because the values of an order may be none of
 * the client's business, and good for nothing but the list that gave them out: another tenant, path, version, filter or
 * order is another list. In base64url without `=`:
 *
 *     0    1   the form that follows: 1
 *     1    4   which secret
 *     5   12   initialisation vector
 *    17   16   authentication tag, over the list, too
 *    33        encrypted: 4 bytes seconds since the epoch, 1 byte of flags, the position as JSON
 *
 * The vector is made of what it encrypts (as in RFC 5297), so that two cursors have the same only if they are the same.
 */
import {
  createCipheriv,
  createDecipheriv,
  createSecretKey,
  hash,
  hkdfSync,
  type KeyObject,
} from "node:crypto";
import { deflateRawSync, inflateRawSync } from "node:zlib";
import { GatewayError } from "../../core/errors.ts";
import type { FieldValue } from "../../core/resource.ts";
import type { Clock } from "../../core/tools.ts";
import { shortened } from "./sql/long-texts.ts";
import type { Selection } from "./store.ts";

/** The list that a cursor is of. */
export interface CursorScope extends Selection {
  /** Of the API; empty where it has none. */
  readonly version: string;
  /** The object that the list is inside of, `customers/cus_1`; empty for none. */
  readonly parent: string;
}

export interface CursorPlace {
  /** Values of the sort keys and the id. Null for the very beginning, or backwards the very end. */
  readonly position: readonly FieldValue[] | null;
  readonly backwards: boolean;
}

const FORM = 1;
const KEY_ID = 4;
const IV = 12;
const TAG = 16;
const IV_AT = 1 + KEY_ID;
const TAG_AT = IV_AT + IV;
const TEXT_AT = TAG_AT + TAG;
const HEAD = 5;
const BACKWARDS = 1;
/** Deflated: four long texts of other scripts would not fit into a URL, and `Link` has two of them. */
const PACKED = 2;
const PACKED_FROM = 512;
const LIFETIME_S = 3 * 24 * 3_600;

export class Cursors {
  readonly #clock: Pick<Clock, "wall">;
  readonly #keyId: Buffer;
  // Not as a buffer, which Node takes for a key only after an exception of its own.
  readonly #cipherKey: KeyObject;
  readonly #vectorKey: Buffer;

  /** All processes that answer for one API have the same secret, of 32 bytes. */
  constructor(secret: Uint8Array, clock: Pick<Clock, "wall">) {
    const derived = Buffer.from(hkdfSync("sha256", secret, "", "turnpike cursors", 64 + KEY_ID));
    this.#clock = clock;
    this.#cipherKey = createSecretKey(derived.subarray(0, 32));
    this.#vectorKey = derived.subarray(32, 64);
    this.#keyId = derived.subarray(64);
  }

  write(scope: CursorScope, position: readonly FieldValue[] | null, backwards: boolean): string {
    const fields = [...scope.sort.map(({ field }) => field), scope.resource.id];
    const kept = position?.map((value, at) => shortened(fields[at], value)) ?? null;
    const json = Buffer.from(JSON.stringify(kept));
    const packed = json.length > PACKED_FROM;
    const head = Buffer.alloc(HEAD);
    head.writeUInt32BE(Math.floor(this.#clock.wall() / 1_000));
    head.writeUInt8((backwards ? BACKWARDS : 0) | (packed ? PACKED : 0), HEAD - 1);
    const plain = Buffer.concat([head, packed ? deflateRawSync(json) : json]);
    const list = listOf(scope);
    // Has to be another one for other contents, and to tell nobody anything: not to authenticate them.
    const vector = sha256(Buffer.concat([this.#vectorKey, list, plain])).subarray(0, IV);
    const cipher = createCipheriv("aes-256-gcm", this.#cipherKey, vector).setAAD(list);
    const text = Buffer.concat([cipher.update(plain), cipher.final()]);
    const parts = [Buffer.of(FORM), this.#keyId, vector, cipher.getAuthTag(), text];
    return Buffer.concat(parts).toString("base64url");
  }

  /** @throws GatewayError INVALID_CURSOR for whatever this list has not given out, CURSOR_EXPIRED. */
  read(scope: CursorScope, text: string): CursorPlace {
    const plain = this.#opened(scope, text);
    if (plain === null) throw new GatewayError("INVALID_CURSOR");
    const age = Math.floor(this.#clock.wall() / 1_000) - plain.readUInt32BE(0);
    if (age > LIFETIME_S) throw new GatewayError("CURSOR_EXPIRED");
    const flags = plain[HEAD - 1] as number;
    const rest = plain.subarray(HEAD);
    const json = (flags & PACKED) === 0 ? rest : inflateRawSync(rest);
    const position = JSON.parse(json.toString()) as readonly FieldValue[] | null;
    return { position, backwards: (flags & BACKWARDS) !== 0 };
  }

  #opened(scope: CursorScope, text: string): Buffer | null {
    const bytes = Buffer.from(text, "base64url");
    // Node skips what is no base64url, and bits behind the last byte: one place has one cursor.
    if (bytes.toString("base64url") !== text || bytes.length < TEXT_AT + HEAD) return null;
    if (bytes[0] !== FORM || !bytes.subarray(1, IV_AT).equals(this.#keyId)) return null;
    try {
      const decipher = createDecipheriv("aes-256-gcm", this.#cipherKey, bytes.subarray(IV_AT, TAG_AT))
        .setAAD(listOf(scope))
        .setAuthTag(bytes.subarray(TAG_AT, TEXT_AT));
      return Buffer.concat([decipher.update(bytes.subarray(TEXT_AT)), decipher.final()]);
    } catch {
      return null;
    }
  }
}

const known = new WeakMap<CursorScope, Buffer>();

/** The same for the same list, in whatever order its conditions came. Types are in it, so that a value fits its field. */
function listOf(scope: CursorScope): Buffer {
  const before = known.get(scope);
  if (before !== undefined) return before;
  const { resource, owner, version, parent, filters, sort } = scope;
  const conditions = filters.map(({ field, comparison, values }) =>
    JSON.stringify([field.name, field.type, comparison, values]),
  );
  const order = sort.map(({ field, descending }) => [field.name, field.type, field.nullable, descending]);
  const list = [resource.name, resource.id.type, owner, version, parent, conditions.sort(), order];
  const digest = sha256(JSON.stringify(list));
  known.set(scope, digest);
  return digest;
}

const sha256 = (content: string | Buffer): Buffer => hash("sha256", content, "buffer");
