/** What a config may name, and what answers to it. */
import { fallBackTo } from "../backends/fallback/fallback.ts";
import { makeLastGood } from "../backends/fallback/last-good.ts";
import { makeFixed } from "../backends/fixed/fixed.ts";
import { makeUpstream } from "../backends/upstream/upstream.ts";
import type { Kinds } from "../core/kinds.ts";
import { makeVersionSteps } from "../flow/version/step.ts";
import { policies } from "../policies/index.ts";

/** The way to the service thread is each lane's own. */
export const kinds: Omit<Kinds, "service"> = {
  policies,
  upstream: makeUpstream,
  fixed: makeFixed,
  fallback: fallBackTo,
  lastGood: makeLastGood,
  versions: makeVersionSteps,
};
