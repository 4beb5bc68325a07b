import type { Kinds, Upstream, UpstreamOptions } from "../core/kinds.ts";

/**
 * Upstreams that outlive a plan: one whose options a new plan repeats keeps its connections, so that a reload costs
 * no origin a storm of new ones.
 */
export class SharedUpstreams {
  readonly #make: Kinds["upstream"];
  readonly #lanes: number;
  readonly #made = new Map<string, { readonly upstream: Upstream; users: number }>();

  /** Each of so many lanes has its own connections; together they keep to an upstream's limits. */
  constructor(make: Kinds["upstream"], lanes: number) {
    this.#make = make;
    this.#lanes = lanes;
  }

  /** As `make`, for plans: `close` gives the upstream up, and the last user's closes it. */
  readonly take: Kinds["upstream"] = (options, tools) => {
    const key = JSON.stringify(options);
    let shared = this.#made.get(key);
    if (shared === undefined) {
      shared = { upstream: this.#make(share(options, this.#lanes), tools), users: 0 };
      this.#made.set(key, shared);
    }
    const { upstream } = shared;
    shared.users++;
    return { handler: (forward) => upstream.handler(forward), close: once(() => this.#giveUp(key)) };
  };

  #giveUp(key: string): void {
    const shared = this.#made.get(key);
    if (shared === undefined || --shared.users > 0) return;
    this.#made.delete(key);
    shared.upstream.close();
  }
}

/** One connection is the least that a lane can do with. */
function share(options: UpstreamOptions, lanes: number): UpstreamOptions {
  return {
    ...options,
    connections: Math.max(1, Math.floor(options.connections / lanes)),
    pending: Math.floor(options.pending / lanes),
  };
}

function once(act: () => void): () => void {
  let done = false;
  return () => {
    if (done) return;
    done = true;
    act();
  };
}
