import type { Algorithm } from "../../core/counters.ts";
import { quoted } from "../../core/found.ts";

/** What the numbers of an entry say about each other, that none of them says alone. */

/** A limit of which numbers may be missing, because others stand in for them or because it is wrong. */
interface Written {
  readonly limit?: number | undefined;
  readonly window?: number | undefined;
  readonly algorithm?: Algorithm | undefined;
  readonly burst?: number | undefined;
  readonly name?: string | undefined;
}

interface Entry extends Written {
  readonly algorithm: Algorithm;
  readonly limits?: readonly Written[] | undefined;
  readonly plans?: Readonly<Record<string, "unlimited" | Written | readonly Written[]>> | undefined;
  readonly cost: unknown;
}

interface Contradiction {
  readonly path: readonly (string | number)[];
  readonly message: string;
}

interface Placed {
  readonly path: readonly (string | number)[];
  readonly limit: Written;
}

export function contradictions(entry: Entry): Contradiction[] {
  const { limits, plans = {} } = entry;
  const standard = limits === undefined ? placed(entry, []) : placed(limits, ["limits"]);
  const byPlan = Object.entries(plans).map(([plan, one]) =>
    one === "unlimited" ? [] : placed(one, ["plans", plan]),
  );
  return [
    ...missing(entry),
    ...byPlan.flat().flatMap((one) => withoutWindow(one, entry)),
    ...[standard, ...byPlan].flatMap((group) => [
      ...group.flatMap((one) => impossible(one, entry)),
      ...group.flatMap((one, i) => repeated(one, group.slice(0, i))),
    ]),
  ];
}

const placed = (written: Written | readonly Written[], path: Placed["path"]): Placed[] =>
  isList(written) ? written.map((limit, i) => ({ path: [...path, i], limit })) : [{ path, limit: written }];

const isList = (written: Written | readonly Written[]): written is readonly Written[] =>
  Array.isArray(written);

function missing({ limit, window, burst, name, limits }: Entry): Contradiction[] {
  if (limits !== undefined) {
    const message = "stands instead of limit, window, burst and name; put their numbers into the list";
    return (limit ?? window ?? burst ?? name) === undefined ? [] : [{ path: ["limits"], message }];
  }
  if (limit === undefined)
    return [
      { path: ["limit"], message: "a limit is needed: how many requests in a window, or a list of limits" },
    ];
  if (window === undefined)
    return [{ path: ["window"], message: "a window is needed: how long until the limit is granted again" }];
  return [];
}

function withoutWindow({ path, limit }: Placed, entry: Entry): Contradiction[] {
  if ((limit.window ?? entry.window) !== undefined) return [];
  return [
    { path: [...path, "window"], message: "a window is needed: there is none outside that it could take" },
  ];
}

function impossible({ path, limit }: Placed, { algorithm: standard, cost }: Entry): Contradiction[] {
  const { burst, algorithm = standard } = limit;
  const most = burst ?? limit.limit;
  if (burst !== undefined && algorithm !== "token-bucket") {
    const message = `only a token-bucket has one; ${algorithm} counts up to limit`;
    return [{ path: [...path, "burst"], message }];
  }
  if (typeof cost !== "number" || most === undefined || cost <= most) return [];
  const message = `no request could ever pass: it costs ${cost}, and there are never more than ${most}`;
  return [{ path: ["cost"], message }];
}

function repeated({ path, limit }: Placed, before: readonly Placed[]): Contradiction[] {
  if (limit.name !== undefined && before.some((other) => other.limit.name === limit.name))
    return [
      { path: [...path, "name"], message: `${quoted(limit.name)} is the name of another limit already` },
    ];
  return [];
}
