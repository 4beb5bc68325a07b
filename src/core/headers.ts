/**
 * Header fields in the order received, duplicates kept.
 *
 * Two parallel arrays instead of a map: a proxy mostly copies the list, and asks for a handful of names.
 * Names are interned, so that "is this hop-by-hop?" is one bit test and not a string comparison.
 */

/** Treatment of a field when a message is forwarded; a bit set, see the `KIND` table. */
export const Kind = {
  /** RFC 9110 §7.6.1: about this connection only. Never forwarded, in either direction. */
  hop: 1,
  /** Describes how the message is framed or addressed; always generated, never copied. */
  framing: 2,
  /** Tells the upstream who is calling and by which way; set by the gateway, never copied from a client. */
  provenance: 4,
  /** Names the software that answered; removed from what clients see (HTTP-16). */
  software: 8,
  /** `Connection` must not be able to strip it: it is end-to-end and decisions depend on it (HTTP-22). */
  secured: 16,
  /** Every answer of ours carries its own; an upstream's is dropped. */
  own: 32,
  /** Passed on if the upstream sent one, made otherwise (HTTP-16). */
  date: 64,
  /** Forwarded for trusted peers only (OBS-5). */
  baggage: 128,
  /** `TE`, which decides whether trailers may be sent. */
  te: 256,
  /** Says who the caller is: from the gateway only. */
  identity: 512,
  /** What an answer depends on: everybody who has a say adds to it. */
  vary: 1024,
  /** Tells a browser which pages may read the answer. */
  cors: 2048,
  /** The request may be a replay: it came before the handshake was over, at whoever is in front of us. */
  early: 4096,
  /** How long the client will wait. */
  deadline: 8192,
} as const;

export interface FieldName {
  /** As the sender spelled it. */
  readonly name: string;
  readonly lower: string;
  /** What a line of it begins with: the name, a colon, a space. */
  readonly start: string;
  readonly kind: number;
}

const KINDS: ReadonlyMap<string, number> = new Map([
  ["connection", Kind.hop],
  ["keep-alive", Kind.hop],
  ["proxy-connection", Kind.hop],
  ["proxy-authenticate", Kind.hop],
  ["proxy-authorization", Kind.hop],
  ["te", Kind.hop | Kind.te],
  ["baggage", Kind.baggage],
  ["trailer", Kind.hop],
  ["upgrade", Kind.hop],
  ["http2-settings", Kind.hop],
  ["expect", Kind.hop],
  ["early-data", Kind.early | Kind.secured],
  ["idempotency-key", Kind.secured],
  ["grpc-timeout", Kind.deadline | Kind.secured],
  ["connect-timeout-ms", Kind.deadline | Kind.secured],
  ["transfer-encoding", Kind.framing | Kind.secured],
  ["content-length", Kind.framing | Kind.secured],
  ["host", Kind.framing | Kind.secured],
  ["via", Kind.provenance],
  ["forwarded", Kind.provenance | Kind.secured],
  ["x-forwarded-for", Kind.provenance | Kind.secured],
  ["x-forwarded-host", Kind.provenance | Kind.secured],
  ["x-forwarded-port", Kind.provenance | Kind.secured],
  ["x-forwarded-proto", Kind.provenance | Kind.secured],
  ["x-real-ip", Kind.provenance | Kind.secured],
  ["x-request-id", Kind.provenance | Kind.secured | Kind.own],
  ["date", Kind.date],
  ["x-attempt-count", Kind.provenance | Kind.secured],
  ["traceparent", Kind.provenance | Kind.secured],
  ["tracestate", Kind.provenance | Kind.secured],
  ["server", Kind.software],
  ["x-powered-by", Kind.software],
  ["authorization", Kind.secured],
  ["cookie", Kind.secured],
  ["set-cookie", Kind.secured],
  ["content-type", Kind.secured],
  ["content-encoding", Kind.secured],
  ["cache-control", Kind.secured],
  ["vary", Kind.vary],
  ["access-control-allow-origin", Kind.cors],
  ["access-control-allow-credentials", Kind.cors],
  ["access-control-allow-headers", Kind.cors],
  ["access-control-allow-methods", Kind.cors],
  ["access-control-allow-private-network", Kind.cors],
  ["access-control-expose-headers", Kind.cors],
  ["access-control-max-age", Kind.cors],
]);

const interned = new Map<string, FieldName>();
/** Senders choose names; past this many spellings new ones are made afresh instead of remembered. */
const INTERN_LIMIT = 4096;

/** The interned form of a field name. The caller has checked that it is an RFC 9110 token. */
export function fieldName(name: string): FieldName {
  const known = interned.get(name);
  if (known !== undefined) return known;
  // A name sliced out of a received head would keep that whole head alive; the copy does not.
  const own = Buffer.from(name, "latin1").toString("latin1");
  const lower = own.toLowerCase();
  const kind = KINDS.get(lower) ?? identityKind(lower);
  const made: FieldName = { name: own, lower, start: `${own}: `, kind };
  if (interned.size < INTERN_LIMIT && name.length <= 64) interned.set(own, made);
  return made;
}

// RFC 9110 §5.6.2 and §5.5. What the parser has accepted is stored without passing here again.
const NAME = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

/**
 * `X-Consumer-*` tells an upstream, and `X-Turnpike-*` our own service, who the gateway found the caller to be: nobody
 * else may say it (AUTH-8).
 */
function identityKind(lower: string): number {
  return lower.startsWith("x-consumer-") || lower.startsWith("x-turnpike-")
    ? Kind.identity | Kind.secured
    : 0;
}

const VARY = fieldName("Vary");

/** Lists of names as one; `*` stands for all. */
function union(...lists: readonly string[]): string {
  const names = new Map<string, string>();
  for (const name of lists.join(",").split(",")) {
    const trimmed = name.trim();
    if (trimmed !== "" && !names.has(trimmed.toLowerCase())) names.set(trimmed.toLowerCase(), trimmed);
  }
  return names.has("*") ? "*" : [...names.values()].join(", ");
}

export class Headers {
  /** Kinds of all fields together: says at once that a message carries none of a kind. */
  kinds = 0;
  /** Lower-case names that `Connection` nominated as hop-by-hop and that may be dropped; null for none. */
  nominated: readonly string[] | null = null;
  /** Parallel to `values`. Read freely on the hot path; change only through the methods. */
  readonly names: FieldName[] = [];
  readonly values: string[] = [];

  static of(fields: Readonly<Record<string, string>>): Headers {
    const headers = new Headers();
    for (const [name, value] of Object.entries(fields)) headers.append(name, value);
    return headers;
  }

  get size(): number {
    return this.names.length;
  }

  /** The value of the first field of that (lower-case) name. */
  get(lower: string): string | undefined {
    const { names } = this;
    for (let i = 0; i < names.length; i++) if (names[i]?.lower === lower) return this.values[i];
    return undefined;
  }

  /** The values of every field of that (lower-case) name, in order. */
  all(lower: string): string[] {
    const found: string[] = [];
    for (let i = 0; i < this.names.length; i++) {
      if (this.names[i]?.lower === lower) found.push(this.values[i] as string);
    }
    return found;
  }

  /** Adds a field that the parser has checked. */
  received(field: FieldName, value: string): void {
    this.names.push(field);
    this.values.push(value);
    this.kinds |= field.kind;
  }

  has(lower: string): boolean {
    return this.get(lower) !== undefined;
  }

  /** @throws TypeError for what would break the message apart: a name that is no token, a value with controls. */
  append(name: string, value: string): void {
    if (!NAME.test(name)) throw new TypeError(`"${name}" is not a header name`);
    if (!VALUE.test(value))
      throw new TypeError(`the value for ${name} contains a character that no header may hold`);
    this.received(fieldName(name), value);
  }

  /** Leaves exactly one field of that name. */
  set(name: string, value: string): void {
    this.delete(name.toLowerCase());
    this.append(name, value);
  }

  /** Adds to the list of what the answer depends on (RFC 9110 §12.5.5). */
  vary(value: string): void {
    if ((this.kinds & Kind.vary) === 0) this.received(VARY, value);
    else this.set(VARY.name, union(...this.all(VARY.lower), value));
  }

  /** A copy that lacks the fields of some kinds. */
  without(kinds: number): Headers {
    const copy = new Headers();
    copy.nominated = this.nominated;
    for (let i = 0; i < this.names.length; i++) {
      const field = this.names[i] as FieldName;
      if ((field.kind & kinds) === 0) copy.received(field, this.values[i] as string);
    }
    return copy;
  }

  delete(lower: string): void {
    for (let i = this.names.length - 1; i >= 0; i--) {
      if (this.names[i]?.lower === lower) {
        this.names.splice(i, 1);
        this.values.splice(i, 1);
      }
    }
  }

  *[Symbol.iterator](): Generator<[name: string, value: string]> {
    for (let i = 0; i < this.names.length; i++) {
      yield [(this.names[i] as FieldName).name, this.values[i] as string];
    }
  }
}
