import type { Fact } from "../core/facts.ts";
import { METHODS } from "../core/methods.ts";
import type { PolicyKind } from "../core/policy.ts";
import { didYouMean } from "../core/suggest.ts";
import { policyNotYet } from "./not-yet.ts";
import type { Path } from "./problem.ts";
import type { Report } from "./report.ts";
import type { PolicyConfig } from "./schema.ts";
import { read } from "./sentences.ts";
import type { Source } from "./source.ts";
import { convertVariables } from "./variables.ts";

/** An entry of a `policies` list, with the kind that it names and options that this kind has checked. */
export interface ResolvedPolicy {
  readonly kind: PolicyKind;
  readonly options: unknown;
  /** As written, for `turnpike explain`. */
  readonly written: unknown;
  /** Undefined for every method. */
  readonly methods: readonly string[] | undefined;
  readonly path: Path;
}

/** Looks up the policies of one list. Entries that are wrong are reported and left out. */
export function resolvePolicies(
  entries: readonly (PolicyConfig | undefined)[],
  at: Path,
  kinds: readonly PolicyKind[],
  source: Source,
  report: Report,
): ResolvedPolicy[] {
  return entries.flatMap((entry, index) => {
    if (entry === undefined) return [];
    const { kind: name, options: written, methods } = entry;
    const path = [...at, index, name];
    const kind = kinds.find((known) => known.name === name);
    if (kind === undefined) {
      const names = kinds.map((known) => known.name);
      report.keyError(
        path,
        policyNotYet(name) ?? `there is no policy of this name${didYouMean(name, names)}`,
      );
      return [];
    }
    convertVariables(written, kind.options, source, path);
    const result = read(kind.options, written, path);
    if ("value" in result) return [{ kind, options: result.value, written, methods, path }];
    report.addErrors(result.findings);
    return [];
  });
}

/**
 * In the order of running: kinds that are outermost before all others, a route's own in the place of those for every
 * route; otherwise as written.
 */
export function inOrder<One extends { readonly kind: PolicyKind }>(
  everywhere: readonly One[],
  own: readonly One[],
): One[] {
  const replaced = new Set(own.map(({ kind }) => kind).filter(isOutermost));
  const all = [...everywhere.filter(({ kind }) => !replaced.has(kind)), ...own];
  return [...all.filter(({ kind }) => isOutermost(kind)), ...all.filter(({ kind }) => !isOutermost(kind))];
}

export const isOutermost = (kind: PolicyKind): boolean => kind.outermost === true;

/** Checks that what is outermost is listed so, once, and for all methods. */
export function checkOutermost(list: readonly ResolvedPolicy[], report: Report): void {
  for (const [index, { kind, methods, path }] of list.entries()) {
    if (!isOutermost(kind)) continue;
    const before = list.slice(0, index);
    const inner = before.find((other) => !isOutermost(other.kind));
    if (inner !== undefined) {
      const message = `runs before ${inner.kind.name} all the same, because it answers what ${inner.kind.name} refuses, too; list it first`;
      report.keyWarn(path, message);
    }
    if (before.some((other) => other.kind === kind)) report.keyError(path, `${kind.name} is listed twice`);
    if (methods !== undefined) {
      const message = `${kind.name} runs for every method: it answers preflights for all of them`;
      report.keyError([...path.slice(0, -1), "when"], message);
    }
  }
}

/**
 * Checks that whoever needs a fact runs inside somebody who learns it, or may, for every method, and that no
 * fact is learnt twice for certain. Outermost first.
 */
export function checkFacts(
  policies: readonly ResolvedPolicy[],
  routeMethods: readonly string[] | undefined,
  report: Report,
): void {
  const learnt = new Map<
    Fact<unknown>,
    { by: ResolvedPolicy; methods: ReadonlySet<string>; sure: boolean }[]
  >();
  for (const policy of policies) {
    const methods = methodsOf(policy, routeMethods);
    for (const fact of policy.kind.needs?.(policy.options) ?? []) {
      const known = new Set((learnt.get(fact) ?? []).flatMap((one) => [...one.methods]));
      const lacking = [...methods].filter((method) => !known.has(method));
      if (lacking.length > 0)
        report.keyError(policy.path, needs(policy, fact, lacking, known.size > 0, policies));
    }
    const certain = policy.kind.learns?.(policy.options) ?? [];
    const possible = policy.kind.mayLearn?.(policy.options) ?? [];
    for (const fact of [...certain, ...possible]) {
      const before = learnt.get(fact) ?? [];
      const sure = certain.includes(fact);
      const rival = before.find(
        (one) => (sure || one.sure) && [...one.methods].some((method) => methods.has(method)),
      );
      if (rival !== undefined) {
        report.keyError(
          policy.path,
          `"${fact.name}" is learnt twice: ${rival.by.kind.name} has learnt it before; for "either one will do" write optional: true on both and authorize behind them`,
        );
      }
      learnt.set(fact, [...before, { by: policy, methods, sure }]);
    }
  }
}

/** Checks that what has its place before or behind another policy has it there, and what is there once is. Outermost first. */
export function checkNeighbours(
  policies: readonly ResolvedPolicy[],
  routeMethods: readonly string[] | undefined,
  report: Report,
): void {
  const meet = (one: ResolvedPolicy, other: ResolvedPolicy): boolean =>
    !methodsOf(one, routeMethods).isDisjointFrom(methodsOf(other, routeMethods));
  for (const [index, policy] of policies.entries()) {
    const { kind, path } = policy;
    const before = policies.slice(0, index);
    if (kind.once === true && before.some((other) => other.kind === kind && meet(policy, other)))
      report.keyError(path, `${kind.name} is listed twice for the same method`);
    for (const { kind: name, belongs, otherwise, strict } of kind.neighbours ?? []) {
      const wrongSide = belongs === "before" ? policies.slice(index + 1) : before;
      if (!wrongSide.some((other) => other.kind.name === name && meet(policy, other))) continue;
      const message = `${name} belongs ${belongs} ${kind.name}: ${otherwise}`;
      if (strict) report.keyError(path, message);
      else report.keyWarn(path, message);
    }
  }
}

function methodsOf(
  { methods }: ResolvedPolicy,
  routeMethods: readonly string[] | undefined,
): ReadonlySet<string> {
  const offered = new Set<string>(routeMethods ?? METHODS);
  // HEAD goes where GET goes unless a route lists it.
  if (offered.has("GET")) offered.add("HEAD");
  return methods === undefined ? offered : offered.intersection(new Set(methods));
}

function needs(
  policy: ResolvedPolicy,
  fact: Fact<unknown>,
  lacking: readonly string[],
  partly: boolean,
  policies: readonly ResolvedPolicy[],
): string {
  const base = `${policy.kind.name} needs "${fact.name}", which no policy before it learns`;
  if (partly) return `${base} for ${lacking.join(", ")}`;
  const teacher = policies.find(({ kind, options }) => kind.learns?.(options).includes(fact));
  return teacher === undefined ? base : `${base}; put ${teacher.kind.name} before it`;
}
