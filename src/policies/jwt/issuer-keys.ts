import type { webcrypto } from "node:crypto";
import type { PolicyTools, Ticker } from "../../core/tools.ts";
import type { IssuerOptions, JwksOptions } from "./jwt.options.ts";
import { KeySet } from "./keys.ts";
import { localKeys } from "./local-keys.ts";
import { PublishedKeys, type PublishedKeysOptions } from "./published-keys.ts";
import { TokenRefusal } from "./refusal.ts";

/** Where one issuer's keys come from. */
export interface IssuerKeys {
  /** Grows when the keys change. */
  readonly generation: number;
  /** @throws TokenRefusal, or GatewayError AUTH_UNAVAILABLE. */
  find(alg: string, kid: string | undefined): webcrypto.CryptoKey | Promise<webcrypto.CryptoKey>;
}

/** @throws Error with one sentence for the config's author. */
export function issuerKeys({ keys, jwks, algorithms }: IssuerOptions, tools: PolicyTools): IssuerKeys {
  if (jwks !== undefined) return publishedKeys(jwks, algorithms, tools);
  const set = new KeySet(localKeys(keys ?? [], algorithms, tools.readFile));
  return {
    generation: 0,
    find(alg, kid) {
      const key = set.find(alg, kid);
      if (key === null) throw new TokenRefusal("the issuer has no one key that suits alg and kid");
      return key;
    },
  };
}

interface Shared {
  readonly keys: PublishedKeys;
  users: number;
}

/**
 * One thread fetches an issuer's keys once, however many routes name them. A new plan takes them up before the old
 * one lets go of them, so that a reload while the issuer is away forgets nothing. By ticker, of which a thread has one.
 */
const sharedByThread = new WeakMap<Ticker, Map<string, Shared>>();

function publishedKeys(
  { url, allowPrivate, ca }: JwksOptions,
  algorithms: IssuerOptions["algorithms"],
  tools: PolicyTools,
): PublishedKeys {
  const options: PublishedKeysOptions = {
    url,
    allowPrivate,
    ca: ca === undefined ? undefined : tools.readFile(ca),
    algorithms,
  };
  const name = JSON.stringify({ ...options, ca: options.ca?.toString("latin1") });
  const shared = sharedByThread.get(tools.ticker) ?? new Map<string, Shared>();
  sharedByThread.set(tools.ticker, shared);
  // Not `tools` as they are: with them the first plan would live as long as its keys.
  const { clock, ticker, log, metrics } = tools;
  const entry = shared.get(name) ?? {
    keys: new PublishedKeys(options, { clock, ticker, log, metrics }),
    users: 0,
  };
  shared.set(name, entry);
  entry.users += 1;
  tools.onClose(() => {
    entry.users -= 1;
    if (entry.users > 0) return;
    entry.keys.close();
    shared.delete(name);
  });
  return entry.keys;
}
