/** From a host and a path to the template that takes them. */
import { type Leaf, LOWEST, type Node, type Trees } from "./tree.ts";

/** `Host` without its port; an IPv6 address keeps its brackets. */
export function nameOf(host: string): string {
  const colon = host.indexOf(":", host.startsWith("[") ? host.indexOf("]") : 0);
  return colon === -1 ? host : host.slice(0, colon);
}

export function search(trees: Trees, name: string, path: string): Leaf | null {
  return (
    searchRoot(trees.exact.get(name), path) ??
    searchRoot(wildcardRoot(trees, name), path) ??
    searchRoot(trees.any, path)
  );
}

export function searchRoot(root: Node | null | undefined, path: string): Leaf | null {
  return root ? best(root, path, 0, LOWEST) : null;
}

/** `*` stands for exactly one label. */
function wildcardRoot(trees: Trees, name: string): Node | undefined {
  if (trees.wildcard.size === 0) return undefined;
  const dot = name.indexOf(".");
  return dot > 0 ? trees.wildcard.get(name.slice(dot + 1)) : undefined;
}

export function isKnown(trees: Trees, name: string): boolean {
  return trees.exact.has(name) || wildcardRoot(trees, name) !== undefined;
}

/**
 * The best leaf below `node` whose priority is above `above`; `at` is the slash before the next segment.
 * Goes from specific to general, so that among equals the first one found stays. Visits a node at most once.
 */
function best(node: Node, path: string, at: number, above: number): Leaf | null {
  if (node.top <= above) return null;
  let found: Leaf | null = null;
  if (at >= path.length - 1) {
    const leaf = at === path.length ? (node.plain ?? node.slashed) : (node.slashed ?? node.plain);
    if (leaf !== null && leaf.priority > above) found = leaf;
  } else {
    const slash = path.indexOf("/", at + 1);
    const end = slash === -1 ? path.length : slash;
    const literal = literalChild(node, path, at + 1, end);
    if (literal !== undefined) found = best(literal, path, end, above);
    if (node.param !== null) found = best(node.param, path, end, found?.priority ?? above) ?? found;
  }
  const { rest } = node;
  return rest !== null && rest.priority > (found?.priority ?? above) ? rest : found;
}

function literalChild(
  { next, text, literals }: Node,
  path: string,
  from: number,
  to: number,
): Node | undefined {
  if (next !== null) return to - from === text.length && path.startsWith(text, from) ? next : undefined;
  return literals?.get(path.slice(from, to));
}
