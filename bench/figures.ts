/** The figures to hold, computed from the slices of one run. Nothing here knows what the answer should be. */
import type { CaseName } from "./cases.ts";
import type { GroupResult, Measured } from "./experiment.ts";
import type { Slice } from "./slice.ts";
import { type Spread, spread } from "./statistics.ts";

export interface Target {
  readonly what: string;
  readonly case: CaseName;
  readonly entrant: string;
  readonly against: string;
  readonly must: number;
  readonly goal: number | null;
}

const bareCases = ["bare-100", "bare-16k", "post-1k"] as const;

/** From the design ("Figures to hold") and the issue of the gateway; every bare case, not the kindest one. */
export const targets: readonly Target[] = [
  ...bareCases.map((name) => against(name, "nginx", 1.9, 1.0)),
  ...bareCases.map((name) => against(name, "fastify", 0.3, null)),
  {
    what: "10,000 routes against one",
    case: "routes-10000",
    entrant: "routes-10000/routes-10000",
    against: "routes-1/routes-1",
    must: 1.1,
    goal: null,
  },
  policies("nginx", 1.6, 1.0),
  policies("nginx-lua", 1.1, 0.7),
  policies("fastify", 0.25, 0.15),
  policies("turnpike bare", 1.1, 1.03),
  {
    what: "1,000,000 issued keys against one",
    case: "keys-1000000",
    entrant: "keys-1000000/keys-1000000",
    against: "keys-1/keys-1",
    must: 1.1,
    goal: null,
  },
  {
    what: "1,000,000 issued keys: CPU per request against nginx with one",
    case: "keys-1000000",
    entrant: "keys-1000000/keys-1000000",
    against: "keys-1000000/nginx, one key",
    must: 1.6,
    goal: 1.0,
  },
];

function against(name: (typeof bareCases)[number], peer: string, must: number, goal: number | null): Target {
  const what = `${name}: CPU per request against ${peer}`;
  return { what, case: name, entrant: `${name}/turnpike`, against: `${name}/${peer}`, must, goal };
}

function policies(other: string, must: number, goal: number): Target {
  const what = `policies: CPU per request against ${other}`;
  return {
    what,
    case: "policies",
    entrant: "policies/turnpike",
    against: `policies/${other}`,
    must,
    goal,
  };
}

export type Judgement =
  | { readonly verdict: "held" | "not held"; readonly ratio: Spread; readonly roundsWithin: number }
  | { readonly verdict: "no verdict"; readonly ratio: Spread | null; readonly reason: string };

export interface Figure extends Target {
  readonly must: number;
  readonly mustJudgement: Judgement;
  readonly goalJudgement: Judgement | null;
}

/** Judges every target whose case was selected. */
export function judge(groups: readonly GroupResult[], selected: ReadonlySet<CaseName>): Figure[] {
  return targets
    .filter((target) => selected.has(target.case))
    .map((target) => ({
      ...target,
      mustJudgement: judgeOne(groups, target, target.must),
      goalJudgement: target.goal === null ? null : judgeOne(groups, target, target.goal),
    }));
}

function judgeOne(groups: readonly GroupResult[], target: Target, limit: number): Judgement {
  const entrant = findMeasured(groups, target.entrant);
  const reference = findMeasured(groups, target.against);
  const none = { verdict: "no verdict", ratio: null } as const;
  if (entrant === null) return { ...none, reason: `${target.entrant} was not measured` };
  if (reference === null) return { ...none, reason: `${target.against} was not measured` };
  const ratios = ratiosByRound(entrant, reference);
  const ratio = spread(ratios);
  if (ratio === null) return { ...none, reason: "no round in which both were valid" };
  const bad = [entrant, reference].flatMap(({ slices }) =>
    slices.filter(({ invalid }) => invalid.length > 0),
  ).length;
  if (bad > 0) return { verdict: "no verdict", ratio, reason: `${bad} invalid slices; run again` };
  const roundsWithin = ratios.filter((value) => value <= limit).length;
  return { verdict: ratio.median <= limit ? "held" : "not held", ratio, roundsWithin };
}

/** CPU per request of one over the other's, for each round in which both slices are valid. */
export function ratiosByRound(entrant: Measured, reference: Measured): number[] {
  const ratios: number[] = [];
  for (const slice of validSlices(entrant)) {
    const other = validSlices(reference).find(({ round }) => round === slice.round);
    if (other !== undefined) ratios.push(slice.cpuUsPerRequest / other.cpuUsPerRequest);
  }
  return ratios;
}

export function validSlices({ slices }: Measured): Slice[] {
  return slices.filter(({ invalid }) => invalid.length === 0);
}

export function findMeasured(groups: readonly GroupResult[], id: string): Measured | null {
  for (const { measured } of groups) {
    const found = measured.find((candidate) => candidate.id === id);
    if (found !== undefined) return found;
  }
  return null;
}
