/** What is printed, and what is kept under bench/results. */
import { createHash } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type CaseName, caseNames } from "./cases.ts";
import type { GroupResult, Measured } from "./experiment.ts";
import { type Figure, findMeasured, type Judgement, ratiosByRound, validSlices } from "./figures.ts";
import type { LanesAccount } from "./lanes.ts";
import type { Machine, Pinning } from "./machine.ts";
import { type Spread, spread } from "./statistics.ts";

/** Left-aligned first column, numbers to the right. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => (row[column] ?? "").length)),
  );
  return rows
    .map((row) =>
      row.map((cell, at) => (at === 0 ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0))),
    )
    .map((row) => `  ${row.join("  ")}`.trimEnd())
    .join("\n");
}

const columns = [
  "CPU µs/request",
  "min–max",
  "ratio",
  "min–max",
  "rps",
  "p50 ms",
  "p99 ms",
  "RSS MiB",
  "busy",
  "sleeps/1000",
  "valid",
];

export function groupTable(group: GroupResult): string {
  const reference = findMeasured([group], group.reference);
  const rows = group.measured.map((measured) => tableRow(measured, reference));
  const absent = group.absent.map(({ label, reason }) => `  ${label}: not measured: ${reason}`);
  const ratio =
    reference === null ? "no reference for ratios" : `ratio to ${reference.label}, round by round`;
  const heading = `${group.title} (${ratio})`;
  return [heading, ...(rows.length === 0 ? [] : [table([["", ...columns], ...rows])]), ...absent].join("\n");
}

function tableRow(measured: Measured, reference: Measured | null): string[] {
  const valid = validSlices(measured);
  const of = (pick: (slice: (typeof valid)[number]) => number): Spread | null => spread(valid.map(pick));
  const cpu = of((slice) => slice.cpuUsPerRequest);
  const ratio = reference === null ? null : spread(ratiosByRound(measured, reference));
  return [
    measured.label,
    middle(cpu, 1),
    extremes(cpu, 1),
    middle(ratio, 2),
    extremes(ratio, 2),
    middle(
      of((slice) => slice.requestsPerSecond),
      0,
    ),
    middle(
      of((slice) => slice.p50Us / 1000),
      2,
    ),
    middle(
      of((slice) => slice.p99Us / 1000),
      2,
    ),
    (measured.rssBytes / 2 ** 20).toFixed(0),
    percent(of((slice) => slice.proxyBusy)?.median ?? Number.NaN),
    middle(
      of((slice) => slice.sleepsPerRequest * 1000),
      0,
    ),
    `${valid.length}/${measured.slices.length}`,
  ];
}

const middle = (value: Spread | null, digits: number): string => value?.median.toFixed(digits) ?? "–";

const extremes = (value: Spread | null, digits: number): string =>
  value === null ? "–" : `${value.min.toFixed(digits)}–${value.max.toFixed(digits)}`;

const percent = (share: number): string => (Number.isFinite(share) ? `${Math.round(share * 100)} %` : "–");

/** Everything about a group that a reader must know before believing its table. */
export function warnings(group: GroupResult): string[] {
  return [...group.measured.flatMap(warningsOf), ...saturationWarnings(group), ...speedWarnings(group)];
}

function warningsOf({ label, slices }: Measured): string[] {
  const found: string[] = [];
  for (const { round, invalid } of slices) {
    if (invalid.length > 0)
      found.push(`${label}, round ${round + 1}: INVALID, not used: ${invalid.join("; ")}`);
  }
  const disagree = slices.filter(({ accountsAgree }) => !accountsAgree).length;
  if (disagree > 0) found.push(`${label}: schedstat and stat disagree on the CPU of ${disagree} slices`);
  const noise = Math.max(...slices.map(({ othersOnProxyCore }) => othersOnProxyCore ?? 0));
  if (noise > 0.1) found.push(`${label}: others took up to ${percent(noise)} of the proxy's core`);
  const stolen = Math.max(...slices.map((slice) => slice.stolen ?? 0));
  if (stolen > 0.02) found.push(`${label}: the hypervisor took up to ${percent(stolen)} of the proxy's core`);
  const used = slices.reduce((sum, slice) => sum + slice.cpuUsPerRequest * slice.requests, 0);
  const between = slices.reduce((sum, slice) => sum + (slice.cpuUsBetween ?? 0), 0);
  if (between > used * 0.02) {
    found.push(
      `${label}: used another ${percent(between / used)} of CPU between its slices, which the table leaves out`,
    );
  }
  const worstReuse = Math.max(...slices.map((slice) => slice.originConnections / slice.requests));
  if (worstReuse > 0.01)
    found.push(`${label}: opened an upstream connection for ${percent(worstReuse)} of its requests`);
  return found;
}

/** Often enough asleep for the waking to show in the CPU per request: 5 µs each, at 1 in 20 requests. */
const manySleeps = 0.05;

/** A proxy that waits does its work in smaller helpings and pays for every waking: say who was not pushed to the limit. */
function saturationWarnings({ measured }: GroupResult): string[] {
  return measured.flatMap((one) => {
    const valid = validSlices(one);
    const busy = spread(valid.map(({ proxyBusy }) => proxyBusy))?.median ?? 1;
    const sleeps = spread(valid.map(({ sleepsPerRequest }) => sleepsPerRequest))?.median ?? 0;
    if (busy > 0.9 || sleeps < manySleeps) return [];
    const often = `${Math.round(sleeps * 1000)} times in 1,000 requests`;
    return [
      `${one.label}: waited for origin or wrk (busy ${percent(busy)}, asleep ${often}); pushed harder it may need less CPU per request`,
    ];
  });
}

/** The origin does the same for every request of a group: where its cost changes, the machine's speed did. */
function speedWarnings({ measured }: GroupResult): string[] {
  const changes = measured.map((one) => {
    const cost = spread(validSlices(one).map(({ originCpuUsPerRequest }) => originCpuUsPerRequest));
    return cost === null ? 1 : cost.max / cost.min;
  });
  const worst = Math.max(1, ...changes);
  if (worst < 1.25) return [];
  return [
    `this machine's speed changed by up to ${worst.toFixed(1)} × between rounds (seen at the origin): believe ratios, not µs`,
  ];
}

/** Ratios of rounds that differ so much that their middle means little. */
export function figureWarnings(figures: readonly Figure[]): string[] {
  return figures.flatMap(({ what, mustJudgement: { ratio } }) => {
    if (ratio === null || ratio.max / ratio.min < 1.5) return [];
    const factor = (ratio.max / ratio.min).toFixed(1);
    return [
      `${what}: the rounds differ by ${factor} ×; more and shorter rounds (--rounds 20 --seconds 1) or a quiet machine`,
    ];
  });
}

/** What each peer does for its CPU, told and seen. */
export function peerNotes(groups: readonly GroupResult[]): string {
  const all = groups.flatMap(({ measured }) => measured);
  const first = new Map(all.toReversed().map((one) => [`${one.peer}: ${one.does}`, one]));
  return [...first]
    .toReversed()
    .flatMap(
      ([
        told,
        {
          observed: { addsToRequest, addsToAnswer, leavesOutOfAnswer },
        },
      ]) => [
        `  ${told}`,
        `    seen: adds to requests: ${list(addsToRequest)}; to answers: ${list(addsToAnswer)}; leaves out of answers: ${list(leavesOutOfAnswer)}`,
      ],
    )
    .join("\n");
}

const list = (names: readonly string[]): string => (names.length === 0 ? "nothing" : names.join(", "));

export function figureTable(figures: readonly Figure[]): string {
  const rows = figures.map(({ what, must, mustJudgement, goal, goalJudgement }) => [
    what,
    middle(mustJudgement.ratio, 2),
    extremes(mustJudgement.ratio, 2),
    `must ≤ ${must}: ${verdict(mustJudgement)}`,
    goal === null || goalJudgement === null ? "" : `goal ≤ ${goal}: ${goalJudgement.verdict}`,
  ]);
  return table([["", "ratio", "min–max", "", ""], ...rows]);
}

function verdict(judgement: Judgement): string {
  if (judgement.verdict === "no verdict") return `no verdict (${judgement.reason})`;
  return `${judgement.verdict} (${judgement.roundsWithin} of ${judgement.ratio.count} rounds)`;
}

/** All there is to know about a run. */
export interface Result {
  readonly startedAt: string;
  readonly command: readonly string[];
  readonly cases: readonly CaseName[];
  readonly rounds: number;
  readonly seconds: number;
  readonly warmUpSeconds: number;
  readonly connections: number;
  readonly judged: boolean;
  readonly machine: Machine;
  readonly pinning: Pinning;
  readonly loadAverage: { readonly before: number; readonly after: number };
  readonly versions: Readonly<Record<string, string>>;
  readonly origin: { readonly command: readonly string[]; readonly config: string };
  readonly groups: readonly GroupResult[];
  readonly warnings: readonly string[];
  readonly figures: readonly Figure[];
  readonly lanes: LanesAccount | null;
}

export function writeResult(folder: string, result: Result): string {
  mkdirSync(folder, { recursive: true });
  const at = result.startedAt.replace("T", "-").replaceAll(":", "").slice(0, 17);
  const cases = result.cases.length === caseNames.length ? "all" : result.cases.join("+");
  const commit = `${result.machine.commit}${result.machine.dirty ? "-dirty" : ""}`;
  const path = join(folder, `${at}-${commit}-${cases}.json`);
  // Results are committed: where this clone and its temporary files lie is nobody's business.
  const text = JSON.stringify(result, abridge, 2)
    .replaceAll(process.cwd(), ".")
    .replaceAll(/\/[^"\s]*\/turnpike-bench-\w+/g, "$TMP");
  writeFileSync(path, `${text}\n`);
  return path;
}

const longestConfig = 20_000;

/** 10,000 routes say nothing that the first of them does not: keep the head, and the digest of the whole. */
function abridge(key: string, value: unknown): unknown {
  if (key !== "config" || typeof value !== "string" || value.length <= longestConfig) return value;
  const digest = createHash("sha256").update(value).digest("hex");
  return `${value.slice(0, 1000)}\n… ${value.length} characters in all, sha256 ${digest}`;
}
