import {
  type Key,
  type KeyDirectory,
  type KeyEnvironment,
  type KeyStanding,
  keyPrincipal,
  Restrictions,
} from "../core/keys.ts";
import type { Principal } from "../core/principal.ts";
import type { KeyConfig } from "./schema-keys.ts";

/** The keys of a config, and behind them those that were issued. */
export class ConfiguredKeys implements KeyDirectory {
  readonly #keys: ReadonlyMap<string, Key>;
  readonly #issued: KeyDirectory;

  constructor(configs: readonly KeyConfig[], issued: KeyDirectory) {
    this.#keys = new Map(
      configs.map((config) => [
        Buffer.from(config.hash, "hex").toString("latin1"),
        new ConfiguredKey(config),
      ]),
    );
    this.#issued = issued;
  }

  get generation(): number {
    return this.#issued.generation;
  }

  find(digest: string): Key | null {
    return this.#keys.get(digest) ?? this.#issued.find(digest);
  }
}

/** Revoked by taking it out of the config. */
class ConfiguredKey implements Key {
  readonly principal: Principal;
  readonly environment: KeyEnvironment;
  readonly restrictions: Restrictions | null;
  readonly #expires: number;

  constructor(config: KeyConfig) {
    const { id, consumer, scopes, plan = "", environment } = config;
    this.principal = keyPrincipal(id, consumer, scopes.join(" "), plan, environment);
    this.environment = config.environment;
    this.restrictions = Restrictions.of(config);
    this.#expires = config.expires ?? Number.POSITIVE_INFINITY;
  }

  standing(wall: number): KeyStanding {
    return wall >= this.#expires ? "expired" : "active";
  }

  /** The access log has it; there is nowhere else to write it. */
  markUsed(): void {}
}
