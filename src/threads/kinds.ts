/** What a config may name, and what answers to it. */
import { makeFixed } from "../backends/fixed/fixed.ts";
import { makeUpstream } from "../backends/upstream/upstream.ts";
import type { Kinds } from "../core/kinds.ts";
import { makeVersionSteps } from "../flow/version/step.ts";
import { policies } from "../policies/index.ts";

export const kinds: Kinds = {
  policies,
  upstream: makeUpstream,
  fixed: makeFixed,
  versions: makeVersionSteps,
};
