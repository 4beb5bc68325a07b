import type { UpstreamOptions } from "../../../core/kinds.ts";
import type { Metrics } from "../../../core/metrics.ts";

/** Shows for each target whether anything speaks against it. Returns what ends that. */
export function reportTargets(
  { name, targets }: UpstreamOptions,
  isSound: (index: number) => boolean,
  metrics: Metrics,
): () => void {
  return metrics.states(
    "turnpike_upstream_target_healthy",
    "1 for a target that is well, 0 where checks, failures or its circuit speak against it.",
    ["upstream", "target"],
    () => targets.map(({ url }, index) => [{ upstream: name, target: url }, isSound(index) ? 1 : 0] as const),
  );
}
