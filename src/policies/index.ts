import type { PolicyKind } from "../core/policy.ts";

/** Every policy that can be named in a config. Alphabetical: the order in a config is the order of running. */
export const policies: readonly PolicyKind[] = [];
