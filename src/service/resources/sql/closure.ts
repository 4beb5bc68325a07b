/** What an object takes along when it is deleted: found, and then carried out from the far end. */
import type { Work } from "../../../core/database.ts";
import type { Resource, Row } from "../../../core/resource.ts";
import type { Referrer, Referrers } from "./references.ts";
import { Refusal } from "./refusal.ts";
import type { Tables } from "./tables.ts";

/** Objects that are deleted or changed beside the one that was named: more would hold up everybody else. */
export const MOST_ALONG = 1_000;

export interface Node {
  readonly resource: Resource;
  readonly row: Row;
}

export interface Closure {
  /** The named one among them; whoever refers to another of them comes before it. */
  readonly deleted: readonly Node[];
  /** With their references to those cleared. */
  readonly cleared: readonly (Node & { readonly after: Row })[];
}

const keyOf = ({ resource, row }: Node): string => `${resource.name} ${String(row[resource.id.at])}`;

/** @throws Refusal `referred`, where something is in the way, or too much would go along. */
export function* closureOf(root: Node, tables: Tables, referrers: Referrers): Work<Closure> {
  const found = new Map([[keyOf(root), root]]);
  const links: Link[] = [];
  for (const node of found.values()) {
    for (const referrer of referrers.get(node.resource) ?? []) {
      const rows = yield* referring(node, referrer, tables, MOST_ALONG + 1);
      links.push(...rows.map((row) => ({ referrer, to: node, from: { resource: referrer.from, row } })));
      if (links.length > MOST_ALONG) throw new Refusal({ kind: "referred", by: referrer.from });
      if (referrer.onDelete !== "delete") continue;
      for (const row of rows) {
        const one = { resource: referrer.from, row };
        if (!found.has(keyOf(one))) found.set(keyOf(one), one);
      }
    }
  }
  const staying = links.filter(({ from }) => !found.has(keyOf(from)));
  const inTheWay = staying.find(({ referrer }) => referrer.onDelete === "refuse");
  if (inTheWay !== undefined) throw new Refusal({ kind: "referred", by: inTheWay.from.resource });
  return { deleted: fromTheEnd(found, links), cleared: cleared(staying) };
}

interface Link {
  readonly referrer: Referrer;
  readonly from: Node;
  readonly to: Node;
}

function* referring(
  { resource, row }: Node,
  { from, field }: Referrer,
  tables: Tables,
  limit: number,
): Work<readonly Row[]> {
  const table = tables.of(from);
  return table.rows(yield table.referring(field, row[resource.id.at] ?? null, limit));
}

/** Those first that nobody refers to any more. In a circle there is none: what is left comes as it is. */
function fromTheEnd(found: ReadonlyMap<string, Node>, links: readonly Link[]): Node[] {
  const left = new Map([...found.keys()].map((key) => [key, 0]));
  const targets = new Map<string, string[]>();
  for (const { from, to } of links) {
    const [source, target] = [keyOf(from), keyOf(to)];
    if (source === target || !left.has(source)) continue;
    left.set(target, (left.get(target) ?? 0) + 1);
    targets.set(source, [...(targets.get(source) ?? []), target]);
  }
  const ordered = [...left].filter(([, count]) => count === 0).map(([key]) => key);
  for (const key of ordered) {
    for (const target of targets.get(key) ?? []) {
      const count = (left.get(target) ?? 0) - 1;
      left.set(target, count);
      if (count === 0) ordered.push(target);
    }
  }
  return [...new Set([...ordered, ...found.keys()])].map((key) => found.get(key) as Node);
}

/** One row may refer to several of those that go. */
function cleared(links: readonly Link[]): (Node & { readonly after: Row })[] {
  const all = new Map<string, Node & { readonly after: Row }>();
  for (const { from, referrer } of links) {
    const known = all.get(keyOf(from)) ?? { ...from, after: from.row };
    all.set(keyOf(from), { ...known, after: known.after.with(referrer.field.at, null) });
  }
  return [...all.values()];
}
