import { hash } from "node:crypto";
import { Networks } from "./networks.ts";
import { consumerField, type Principal } from "./principal.ts";

/** Where API keys are looked up: in memory and at once, however many there are. */
export interface KeyDirectory {
  /** The key that one of its secrets opens; null for none. `digest` is `secretDigest` of the secret. */
  find(digest: string): Key | null;
  /** Another number than before means: keys that were found earlier have to be looked up again. */
  readonly generation: number;
}

/** A key as its calls need it. Shared by them all; only its standing changes. */
export interface Key {
  readonly principal: Principal;
  readonly environment: KeyEnvironment;
  /** Null where it may be used from everywhere, for everything. */
  readonly restrictions: Restrictions | null;
  /** Asked at every use, so that a revocation counts from the next call on (AUTH-13). `wall` is in epoch ms. */
  standing(wall: number): KeyStanding;
  /** Remembers to the minute that it was used (KEY-8). */
  markUsed(wall: number): void;
}

export const KEY_ENVIRONMENTS = ["live", "test"] as const;
export type KeyEnvironment = (typeof KEY_ENVIRONMENTS)[number];
export type KeyStanding = "active" | "revoked" | "expired";

/** As written; empty lists restrict nothing (KEY-9). */
export interface KeyRestrictions {
  /** CIDRs. */
  readonly ipRanges: readonly string[];
  readonly methods: readonly string[];
  /** Names of routes. */
  readonly routes: readonly string[];
}

/** The same, made for being asked at every call. */
export class Restrictions {
  readonly #networks: Networks | null;
  readonly #methods: ReadonlySet<string> | null;
  readonly #routes: ReadonlySet<string> | null;

  private constructor({ ipRanges, methods, routes }: KeyRestrictions) {
    this.#networks = ipRanges.length === 0 ? null : new Networks(ipRanges);
    this.#methods = methods.length === 0 ? null : new Set(methods);
    this.#routes = routes.length === 0 ? null : new Set(routes);
  }

  /** Null where nothing is restricted. */
  static of(written: KeyRestrictions): Restrictions | null {
    const { ipRanges, methods, routes } = written;
    return ipRanges.length + methods.length + routes.length === 0 ? null : new Restrictions(written);
  }

  allowAddress(address: string): boolean {
    return this.#networks === null || this.#networks.has(address);
  }

  /** Who may read with GET may with HEAD. */
  allowMethod(method: string): boolean {
    const methods = this.#methods;
    return methods === null || methods.has(method) || (method === "HEAD" && methods.has("GET"));
  }

  allowRoute(name: string): boolean {
    return this.#routes === null || this.#routes.has(name);
  }
}

/**
 * SHA-256 of the secret's bytes, one character a byte: what keys are stored and looked up by (KEY-4). Secrets come
 * from header fields and are strings of one character a byte, too.
 */
export function secretDigest(secret: string): string {
  return hash("sha256", isAscii(secret) ? secret : Buffer.from(secret, "latin1"), "binary");
}

/** For ASCII the string's UTF-8 is the same bytes, and hashing it needs no copy. */
function isAscii(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 0x7f) return false;
  return true;
}

/** For plans that are only looked at, and gateways without records. */
export const noKeys: KeyDirectory = { find: () => null, generation: 0 };

/** Whoever calls with a key. `scopes` are separated by spaces. */
export function keyPrincipal(
  id: string,
  consumer: string,
  scopes: string,
  plan: string,
  environment: KeyEnvironment = "live",
): Principal {
  const known = scopesOf(scopes);
  return {
    kind: "key",
    id,
    consumer,
    environment,
    scopes: known.set,
    roles: NO_ROLES,
    plan,
    claims: NO_CLAIMS,
    fields:
      consumerField("X-Consumer-Id", consumer) +
      consumerField("X-Consumer-Key-Id", id) +
      known.field +
      consumerField("X-Consumer-Plan", plan),
  };
}

const NO_ROLES: ReadonlySet<string> = new Set();
const NO_CLAIMS = Object.freeze({});

interface Scopes {
  readonly set: ReadonlySet<string>;
  readonly field: string;
}

/** Many keys have the same few scopes: what is made of them is shared. */
const madeScopes = new Map<string, Scopes>();
const MADE_SCOPES = 1024;

function scopesOf(scopes: string): Scopes {
  const known = madeScopes.get(scopes);
  if (known !== undefined) return known;
  const set = new Set(scopes === "" ? [] : scopes.split(" "));
  const made = { set, field: consumerField("X-Consumer-Scopes", scopes) };
  if (madeScopes.size < MADE_SCOPES) madeScopes.set(scopes, made);
  return made;
}
