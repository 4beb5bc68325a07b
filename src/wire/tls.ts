/** TLS on a port: which certificate for which name, and the handshakes that are not over yet. */
import { constants, hkdfSync } from "node:crypto";
import type { Socket } from "node:net";
import { createSecureContext, type SecureContext, TLSSocket } from "node:tls";
import type { TlsPlan } from "../core/plan.ts";
import type { Connection, Port } from "./acceptor.ts";

/** TLS 1.2: forward secrecy and AEAD only, no CBC, no static RSA (TLS-1). All suites of TLS 1.3 are such. */
const CIPHERS = [
  "TLS_AES_128_GCM_SHA256",
  "TLS_AES_256_GCM_SHA384",
  "TLS_CHACHA20_POLY1305_SHA256",
  "ECDHE-ECDSA-AES128-GCM-SHA256",
  "ECDHE-RSA-AES128-GCM-SHA256",
  "ECDHE-ECDSA-AES256-GCM-SHA384",
  "ECDHE-RSA-AES256-GCM-SHA384",
  "ECDHE-ECDSA-CHACHA20-POLY1305",
  "ECDHE-RSA-CHACHA20-POLY1305",
].join(":");

/** What the handshakes of one config go by. Making it parses the certificates; a handshake looks up a name. */
export class TlsContexts {
  /** For clients that name no host, or one that nobody has a certificate for: the first of the list. */
  readonly fallback: SecureContext;
  readonly #exact = new Map<string, SecureContext>();
  /** `*.example.com` under `example.com`: RFC 9525 §6.3, one label and the leftmost. */
  readonly #wildcards = new Map<string, SecureContext>();

  constructor({ certificates, minVersion }: TlsPlan, ticketKeys: Buffer) {
    const contexts = certificates.map(({ cert, key }) =>
      createSecureContext({
        cert,
        key,
        minVersion,
        ciphers: CIPHERS,
        honorCipherOrder: true,
        secureOptions: constants.SSL_OP_NO_RENEGOTIATION,
        sessionIdContext: "turnpike",
        ticketKeys,
      }),
    );
    this.fallback = contexts[0] as SecureContext;
    certificates.forEach(({ hosts }, index) => {
      for (const host of hosts) this.#add(host, contexts[index] as SecureContext);
    });
  }

  /** Of two certificates for a name the first counts. */
  #add(host: string, context: SecureContext): void {
    const [map, name] = host.startsWith("*.") ? [this.#wildcards, host.slice(2)] : [this.#exact, host];
    if (!map.has(name)) map.set(name, context);
  }

  forName(name: string): SecureContext {
    const host = name.toLowerCase().replace(/\.$/, "");
    const parent = host.slice(host.indexOf(".") + 1);
    return this.#exact.get(host) ?? this.#wildcards.get(parent) ?? this.fallback;
  }
}

const DAY_MS = 86_400_000;

/** Days since the epoch: a session ticket is good for the day on which it was given. */
export const ticketDay = (wall: number): number => Math.floor(wall / DAY_MS);

/** What encrypts the tickets of a day: the same in every lane that knows the secret. */
export function ticketKeys(secret: Uint8Array, day: number): Buffer {
  return Buffer.from(hkdfSync("sha256", secret, "", `session tickets of day ${day}`, 48));
}

/** A socket under TLS whose connection can be reset like any other: the handle of a TLSSocket cannot. */
class SecureSocket extends TLSSocket {
  readonly #plain: Socket;

  constructor(plain: Socket, contexts: TlsContexts, protocols: string[]) {
    super(plain, {
      isServer: true,
      secureContext: contexts.fallback,
      SNICallback: (name, done) => done(null, contexts.forName(name)),
      ALPNProtocols: protocols,
    });
    this.#plain = plain;
  }

  override resetAndDestroy(): this {
    this.#plain.resetAndDestroy();
    return this;
  }
}

/** The first byte of a TLS connection: the type of a handshake record. */
const HANDSHAKE_RECORD = 0x16;
const BOTH = ["h2", "http/1.1"];
const ONLY_1 = ["http/1.1"];

/** What comes of a connection to a TLS port. One of the two is called, once, unless it goes before. */
export interface HandshakeOutcome {
  /** `http2`: the protocol agreed on. */
  secured(handshake: Handshake, socket: TLSSocket, http2: boolean): void;
  /** The client speaks plain text, and this is what it has said so far. */
  plain(handshake: Handshake, socket: Socket, said: Buffer): void;
}

/** A connection whose TLS handshake is not over. */
export class Handshake implements Connection {
  readonly idle = false;
  readonly #socket: Socket;
  readonly #port: Port;
  readonly #contexts: TlsContexts;
  readonly #outcome: HandshakeOutcome;
  readonly #since: number;
  #over = false;

  constructor(socket: Socket, port: Port, contexts: TlsContexts, outcome: HandshakeOutcome) {
    this.#socket = socket;
    this.#port = port;
    this.#contexts = contexts;
    this.#outcome = outcome;
    this.#since = port.now;
    socket.on("error", ignoreError);
    socket.on("end", () => {
      if (!this.#over) socket.destroy();
    });
    socket.on("close", () => port.closed(this));
    socket.once("data", (bytes: Buffer) => this.#begin(bytes));
  }

  #begin(bytes: Buffer): void {
    if (bytes[0] !== HANDSHAKE_RECORD) {
      this.#over = true;
      this.#outcome.plain(this, this.#socket, bytes);
      return;
    }
    this.#socket.pause();
    this.#socket.unshift(bytes);
    const secure = new SecureSocket(this.#socket, this.#contexts, this.#port.http2 ? BOTH : ONLY_1);
    secure.on("error", ignoreError);
    // What https and http2 of Node itself listen to: on this side, `secureConnect` is never emitted.
    secure.on("secure", () => {
      if (this.#over) return;
      this.#over = true;
      this.#outcome.secured(this, secure, secure.alpnProtocol === "h2");
    });
  }

  sweep(now: number): void {
    if (now - this.#since >= this.#port.settings.timeouts.head) this.#socket.destroy();
  }

  hold(): void {
    this.#socket.pause();
  }

  proceed(): void {
    this.#socket.resume();
  }

  drain(): void {}

  destroy(): void {
    this.#socket.destroy();
  }
}

function ignoreError(): void {
  // `close` follows and does what there is to do.
}
