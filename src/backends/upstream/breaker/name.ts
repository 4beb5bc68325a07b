import type { BreakerOptions, Target, UpstreamOptions } from "../../../core/kinds.ts";

/** A circuit of a plan. */
export interface CircuitPlan {
  readonly name: string;
  readonly upstream: string;
  /** URL of the target; null for the circuit of the upstream itself. */
  readonly target: string | null;
  readonly options: BreakerOptions;
}

/** What the circuit of an upstream is called. */
export const circuitOf = (upstream: string): string => upstream;

/** What the circuit of one of its targets is called: `carrier@10.0.0.7:9001`, which fits into a segment of a path. */
export const circuitOfTarget = (upstream: string, { host, port }: Pick<Target, "host" | "port">): string =>
  `${upstream}@${host.includes(":") ? `[${host}]` : host}:${port}`;

/** Every circuit of these upstreams. The only target of one has none of its own: it would say the same. */
export function circuitsOf(upstreams: readonly UpstreamOptions[]): CircuitPlan[] {
  const all = upstreams.flatMap(({ name: upstream, targets, circuitBreaker: options }): CircuitPlan[] => {
    if (options === null) return [];
    const own = { name: circuitOf(upstream), upstream, target: null, options };
    if (targets.length === 1) return [own];
    return [
      own,
      ...targets.map((target) => {
        const name = circuitOfTarget(upstream, target);
        return { name, upstream, target: target.url, options };
      }),
    ];
  });
  // A target that is listed twice has one circuit.
  return [...new Map(all.map((circuit) => [circuit.name, circuit])).values()];
}
