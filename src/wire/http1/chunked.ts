/**
 * The chunked transfer coding (RFC 9112 §7.1), both ways.
 *
 * The decoder is fed the bytes as they come from the socket. What it decodes from one read is handed on as one
 * piece, moved together in place: ten thousand one-byte chunks in a packet must not become ten thousand writes.
 */
import { Headers, Kind } from "../../core/headers.ts";
import { CR, isTokenChar, LF } from "./grammar.ts";
import { type HeadLimits, parseFields, type Refuse } from "./head.ts";

type State = "size" | "extension" | "quoted" | "sizeEnd" | "data" | "dataCr" | "dataLf" | "trailers" | "done";

/** 13 hex digits stay below 2^52, so the size is exact in a double. */
const MAX_SIZE_DIGITS = 13;
/** All extensions of a message together: nobody uses them but for hiding things and burning time. */
const MAX_EXTENSION_BYTES = 4096;

const SEMICOLON = 0x3b;
const EQUALS = 0x3d;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;

export class ChunkedDecoder {
  /** Set when the body is complete; bytes behind it belong to the next message. */
  trailers: Headers | null = null;
  #state: State = "size";
  #digits = 0;
  /** Bytes of the current chunk still to come. */
  #remaining = 0;
  #extensionBytes = 0;
  #previous = 0;
  #trailerText = "";
  #inExtensionValue = false;
  readonly #limits: HeadLimits;
  readonly #refuse: Refuse;
  readonly #allowUnderscore: boolean;

  constructor(limits: HeadLimits, refuse: Refuse, allowUnderscore: boolean) {
    this.#limits = limits;
    this.#refuse = refuse;
    this.#allowUnderscore = allowUnderscore;
  }

  get done(): boolean {
    return this.#state === "done";
  }

  /**
   * Decodes `input` from `from` on. The decoded bytes come to stand at its beginning (their number is
   * returned), and `consumed` tells where the next message starts once `done`.
   * @throws GatewayError for anything two decoders could read in two ways.
   */
  decode(input: Buffer, from: number): { decoded: number; consumed: number } {
    let decoded = 0;
    let at = from;
    while (at < input.length && this.#state !== "done") {
      if (this.#state === "data") {
        const take = Math.min(this.#remaining, input.length - at);
        if (decoded !== at) input.copyWithin(decoded, at, at + take);
        decoded += take;
        at += take;
        this.#remaining -= take;
        if (this.#remaining === 0) this.#state = "dataCr";
      } else if (this.#state === "trailers") {
        at = this.#readTrailers(input, at);
      } else {
        this.#step(input[at++] as number);
      }
    }
    return { decoded, consumed: at };
  }

  #step(byte: number): void {
    switch (this.#state) {
      case "size":
        this.#readSize(byte);
        return;
      case "extension":
        this.#readExtension(byte);
        return;
      case "quoted":
        this.#readQuoted(byte);
        return;
      case "sizeEnd":
        this.#endSizeLine(byte);
        return;
      case "dataCr":
        if (byte !== CR) throw this.#refuse("A chunk is not followed by CR LF.");
        this.#state = "dataLf";
        return;
      case "dataLf":
        if (byte !== LF) throw this.#refuse("A chunk is not followed by CR LF.");
        this.#state = "size";
        this.#digits = 0;
        return;
    }
  }

  #readSize(byte: number): void {
    const digit = hexDigit(byte);
    if (digit >= 0) {
      if (++this.#digits > MAX_SIZE_DIGITS) throw this.#refuse("A chunk size has too many digits.");
      this.#remaining = this.#remaining * 16 + digit;
      return;
    }
    if (this.#digits === 0) throw this.#refuse("A chunk size is missing.");
    if (byte === CR) this.#state = "sizeEnd";
    else if (byte === SEMICOLON) this.#startExtension(byte);
    else throw this.#refuse("A chunk size is not hexadecimal digits.");
  }

  #startExtension(byte: number): void {
    this.#state = "extension";
    this.#previous = byte;
    this.#inExtensionValue = false;
  }

  /** chunk-ext without the optional white space of old grammars, which is where parsers differ. */
  #readExtension(byte: number): void {
    if (++this.#extensionBytes > MAX_EXTENSION_BYTES)
      throw this.#refuse("The chunk extensions are too long.");
    if (byte === EQUALS && this.#inExtensionValue) throw this.#refuse("A chunk extension is malformed.");
    if (byte === EQUALS || byte === SEMICOLON) this.#inExtensionValue = byte === EQUALS;
    const afterMark = this.#previous === SEMICOLON || this.#previous === EQUALS;
    if (byte === QUOTE && this.#previous === EQUALS) this.#state = "quoted";
    else if (byte === CR && !afterMark) this.#state = "sizeEnd";
    else if ((byte === SEMICOLON || byte === EQUALS) && afterMark)
      throw this.#refuse("A chunk extension is malformed.");
    else if (byte !== SEMICOLON && byte !== EQUALS && !isTokenChar(byte))
      throw this.#refuse("A chunk extension is malformed.");
    else if (this.#previous === QUOTE && byte !== SEMICOLON)
      throw this.#refuse("A chunk extension is malformed.");
    this.#previous = byte;
  }

  #readQuoted(byte: number): void {
    if (++this.#extensionBytes > MAX_EXTENSION_BYTES)
      throw this.#refuse("The chunk extensions are too long.");
    if (byte === QUOTE) {
      this.#state = "extension";
      this.#previous = QUOTE;
    } else if (byte < 0x20 || byte > 0x7e || byte === BACKSLASH) {
      throw this.#refuse("A chunk extension is malformed.");
    }
  }

  #endSizeLine(byte: number): void {
    if (byte !== LF) throw this.#refuse("A chunk size line does not end with CR LF.");
    this.#state = this.#remaining === 0 ? "trailers" : "data";
  }

  #readTrailers(input: Buffer, from: number): number {
    const had = this.#trailerText.length;
    const { headers } = this.#limits;
    // With the empty line: so much text is either whole or refused, so no byte behind it is ever lost.
    const piece = input.toString("latin1", from, Math.min(input.length, from + headers + 2));
    this.#trailerText += piece;
    const trailers = new Headers();
    const end = parseFields(
      this.#trailerText,
      0,
      trailers,
      this.#limits,
      this.#refuse,
      this.#allowUnderscore,
    );
    if (end < 0) return input.length;
    // RFC 9110 §6.5.1: too late to say how the message is framed or what becomes of the connection; llhttp listens to it.
    if ((trailers.kinds & (Kind.framing | Kind.hop)) !== 0)
      throw this.#refuse("A trailer field may not describe the connection or the framing.");
    this.trailers = trailers;
    this.#trailerText = "";
    this.#state = "done";
    return from + end - had;
  }
}

function hexDigit(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const letter = byte | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1;
}

/** The line before a chunk's data; its data is followed by CR LF. */
export function chunkHead(size: number): string {
  return `${size.toString(16)}\r\n`;
}

/**
 * Fields that must not arrive after a decision was taken without them (RFC 9110 §6.5.1): framing, routing,
 * authentication, cookies, caching, content.
 */
const NOT_IN_TRAILERS =
  /^(?:host|content-.*|transfer-encoding|trailer|te|connection|keep-alive|upgrade|proxy-.*|cache-control|expires|date|location|retry-after|vary|warning|age|pragma|authorization|www-authenticate|cookie|set-cookie.*|expect|max-forwards|range|if-.*|etag|last-modified|forwarded|via|x-forwarded-.*|x-real-ip|x-request-id|traceparent|tracestate|access-control-.*|strict-transport-security|ratelimit.*|x-ratelimit-.*)$/;

/** Whether a field may be forwarded behind the body. */
export function mayTrail(lower: string): boolean {
  return !NOT_IN_TRAILERS.test(lower);
}

/** The last chunk, with the trailers that may be forwarded. */
export function lastChunk(trailers: Headers | null): string {
  let text = "0\r\n";
  if (trailers !== null) {
    for (let i = 0; i < trailers.size; i++) {
      const field = trailers.names[i];
      if (field === undefined || !mayTrail(field.lower)) continue;
      text += `${field.start}${trailers.values[i]}\r\n`;
    }
  }
  return `${text}\r\n`;
}
