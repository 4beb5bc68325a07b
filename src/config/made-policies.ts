/** Policies that have been made, and how they are put around each other. */
import type { Handler, Policy } from "../core/handler.ts";
import type { RoutePlan, Step } from "../core/plan.ts";
import type { PolicyKind } from "../core/policy.ts";
import type { Reliability } from "../core/reliability.ts";
import { describeOptions, SEPARATOR, type Secrets } from "./describe.ts";
import { isOutermost, type ResolvedPolicy } from "./policies.ts";

export type Announcement = RoutePlan["announcements"][number];

export interface MadePolicy {
  readonly kind: PolicyKind;
  readonly policy: Policy;
  readonly announcements: readonly Announcement[];
  readonly step: Step;
}

/** Where the version of a call is checked: before the first policy that looks at what a version says (ERR-18). */
export function aroundVersion(policies: readonly MadePolicy[]): {
  before: MadePolicy[];
  behind: MadePolicy[];
} {
  const first = policies.findIndex(({ kind }) => kind.versioned === true);
  const at = first === -1 ? policies.length : first;
  return { before: policies.slice(0, at), behind: policies.slice(at) };
}

export function around(policies: readonly MadePolicy[], handler: Handler): Handler {
  return policies.reduceRight((next, { policy }) => policy(next), handler);
}

/** Null for none. */
export function outermostOf(policies: readonly MadePolicy[]): Policy | null {
  const outermost = policies.filter(({ kind }) => isOutermost(kind));
  return outermost.length === 0 ? null : (handler) => around(outermost, handler);
}

/** `when`: the policy itself never looks at what it runs for. */
export function onlyFor(methods: ReadonlySet<string>, policy: Policy): Policy {
  return (next) => {
    const inside = policy(next);
    return (call) => (methods.has(call.request.method) ? inside(call) : next(call));
  };
}

export function announceOnlyFor(methods: ReadonlySet<string>, announce: Announcement): Announcement {
  return (call) => {
    if (methods.has(call.request.method)) announce(call);
  };
}

/** `when` leaves a policy fewer methods to answer for. */
function limitedTo(methods: readonly string[] | undefined, reliability: Reliability): Reliability {
  const { keys } = reliability;
  if (methods === undefined || keys === undefined) return reliability;
  return { ...reliability, keys: { ...keys, methods: keys.methods.filter((one) => methods.includes(one)) } };
}

export function policyStep({ kind, options, written, methods }: ResolvedPolicy, secrets: Secrets): Step {
  const parts = [
    describeOptions(written, secrets),
    methods === undefined ? "" : `only for ${methods.join(", ")}`,
    kind.summary,
  ];
  const summary = parts.filter((part) => part !== "").join(SEPARATOR);
  const reliability = kind.reliability && limitedTo(methods, kind.reliability(options));
  return { kind: "policy", name: kind.name, summary, ...(reliability === undefined ? {} : { reliability }) };
}
