import { quoted } from "../../core/found.ts";

type Inheritance = Readonly<Record<string, readonly string[]>>;

/**
 * Every role that stands for one of `wanted`, these included: what a caller has is then looked up, not followed.
 *
 * @throws Error with one sentence where roles include each other.
 */
export function rolesThatGive(wanted: readonly string[], inherits: Inheritance): ReadonlySet<string> {
  for (const role of Object.keys(inherits)) included(role, inherits, []);
  const giving = Object.keys(inherits).filter((role) =>
    wanted.some((one) => included(role, inherits, []).has(one)),
  );
  return new Set([...wanted, ...giving]);
}

function included(role: string, inherits: Inheritance, path: readonly string[]): Set<string> {
  if (path.includes(role))
    throw new Error(`the role ${quoted(role)} includes itself: ${[...path, role].join(" → ")}`);
  const below = (Object.hasOwn(inherits, role) ? (inherits[role] ?? []) : []).map((one) =>
    included(one, inherits, [...path, role]),
  );
  return new Set([role, ...below.flatMap((roles) => [...roles])]);
}
