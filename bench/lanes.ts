/**
 * What a second lane brings, and what it could have brought here: origin and wrk run on the same machine, and what
 * they (and whoever else is running) need of its cores no lane can have.
 */
import type { GroupResult } from "./experiment.ts";
import { findMeasured, validSlices } from "./figures.ts";
import type { Slice } from "./slice.ts";
import { type Spread, spread } from "./statistics.ts";

export interface LanesAccount {
  /** Requests a second with two lanes over those with one, round by round. */
  readonly throughput: Spread;
  /** CPU per request with two lanes over that with one. */
  readonly cpu: Spread;
  /** The throughput ratio that these cores leave room for, were the second lane free of any cost of its own. */
  readonly ceiling: number;
  /** The ratio where lanes, origin and load have cores enough: two lanes at the CPU measured. */
  readonly elsewhere: number;
}

/** Null where the two were not measured in the same rounds, or nothing was pinned. */
export function accountForLanes(groups: readonly GroupResult[], cores: number): LanesAccount | null {
  const one = findMeasured(groups, "lanes/lanes-1");
  const two = findMeasured(groups, "lanes/lanes-2");
  if (one === null || two === null) return null;
  const pairs = validSlices(one).flatMap((single): [Slice, Slice][] => {
    const double = validSlices(two).find(({ round }) => round === single.round);
    return double === undefined ? [] : [[single, double]];
  });
  const throughput = spread(
    pairs.map(([single, double]) => double.requestsPerSecond / single.requestsPerSecond),
  );
  const cpu = spread(pairs.map(([single, double]) => double.cpuUsPerRequest / single.cpuUsPerRequest));
  const ceiling = spread(pairs.map(([single]) => ceilingOf(single, cores)));
  if (throughput === null || cpu === null || ceiling === null) return null;
  return { throughput, cpu, ceiling: ceiling.median, elsewhere: 2 / cpu.median };
}

/**
 * A request costs the lane `P` and its surroundings `S`. One lane carries `1/P` on its core; all cores together could
 * carry `cores / (P + S)`.
 */
function ceilingOf(single: Slice, cores: number): number {
  if (single.originCoreBusy === null) return Number.NaN;
  const lane = single.cpuUsPerRequest;
  const surroundings = (single.originCoreBusy * single.seconds * 1e6) / single.requests;
  return Math.min(2, (cores * lane) / (lane + surroundings));
}

export function lanesNote({ throughput, cpu, ceiling, elsewhere }: LanesAccount, cores: number): string {
  const range = ({ median, min, max }: Spread): string =>
    `${median.toFixed(2)} (${min.toFixed(2)}–${max.toFixed(2)})`;
  return [
    `Two lanes carried ${range(throughput)} × the requests of one, at ${range(cpu)} × the CPU for each.`,
    `Origin, wrk and whoever else ran took their part of the ${cores} cores, which left room for about ${ceiling.toFixed(2)} ×.`,
    `With cores enough for everybody, ${elsewhere.toFixed(2)} × follows from the CPU for each.`,
  ].join("\n  ");
}
