/** Paths of an OpenAPI document: `/pets/{id}`, `/files/{name}.{type}`. A written-out segment goes before a template. */

interface Node<Item> {
  readonly literals: Map<string, Node<Item>>;
  readonly templates: { readonly segment: Segment; readonly node: Node<Item> }[];
  item: Item | undefined;
  /** Of parameters, in the order of the path. */
  names: readonly string[];
}

/** A segment with parameters: texts, and what stands between them. */
interface Segment {
  readonly source: string;
  readonly before: string;
  /** What follows each parameter. */
  readonly after: readonly string[];
}

export interface Found<Item> {
  readonly item: Item;
  /** Decoded. */
  readonly parameters: Readonly<Record<string, string>>;
}

const PARAMETER = /\{([^{}]+)\}/g;

export class PathTemplates<Item> {
  readonly #root: Node<Item> = emptyNode();

  /** @throws Error for a template that is none, or that means the same as another. */
  add(template: string, item: Item): void {
    let node = this.#root;
    const names: string[] = [];
    for (const segment of segmentsOf(template)) {
      names.push(...[...segment.matchAll(PARAMETER)].map(([, name]) => name as string));
      node = segment.includes("{") ? templateNode(node, parseSegment(segment)) : literalNode(node, segment);
    }
    if (node.item !== undefined) throw new Error("two paths of the document mean the same");
    if (new Set(names).size < names.length) throw new Error("a parameter stands twice in the path");
    node.item = item;
    node.names = names;
  }

  find(path: string): Found<Item> | null {
    const found = search(this.#root, segmentsOf(path), 0, []);
    if (found === null || found.node.item === undefined) return null;
    const pairs = found.node.names.map((name, i): [string, string] => [name, found.values[i] as string]);
    return { item: found.node.item, parameters: Object.fromEntries(pairs) };
  }
}

function emptyNode<Item>(): Node<Item> {
  return { literals: new Map(), templates: [], item: undefined, names: [] };
}

/** A slash at the end makes no other path, here as in the router. */
function segmentsOf(path: string): string[] {
  const segments = path.split("/").slice(1).map(decode);
  if (segments.at(-1) === "") segments.pop();
  return segments;
}

function decode(segment: string): string {
  try {
    return segment.includes("%") ? decodeURIComponent(segment) : segment;
  } catch {
    return segment;
  }
}

function literalNode<Item>(parent: Node<Item>, segment: string): Node<Item> {
  const node = parent.literals.get(segment) ?? emptyNode<Item>();
  parent.literals.set(segment, node);
  return node;
}

/** Templates that fix more of a segment are tried before those that fix less. */
function templateNode<Item>(parent: Node<Item>, segment: Segment): Node<Item> {
  const known = parent.templates.find((one) => one.segment.source === segment.source);
  if (known !== undefined) return known.node;
  const node = emptyNode<Item>();
  parent.templates.push({ segment, node });
  parent.templates.sort((a, b) => b.segment.source.length - a.segment.source.length);
  return node;
}

function parseSegment(text: string): Segment {
  const [before = "", ...after] = text.replace(PARAMETER, "{}").split("{}");
  if (after.slice(0, -1).includes("")) throw new Error("two parameters stand side by side in the path");
  return { source: [before, ...after].join("{}"), before, after };
}

function search<Item>(
  node: Node<Item>,
  segments: readonly string[],
  at: number,
  values: readonly string[],
): { node: Node<Item>; values: readonly string[] } | null {
  const segment = segments[at];
  if (segment === undefined) return node.item === undefined ? null : { node, values };
  const literal = node.literals.get(segment);
  const found = literal === undefined ? null : search(literal, segments, at + 1, values);
  if (found !== null) return found;
  for (const template of node.templates) {
    const own = match(segment, template.segment);
    const deeper = own === null ? null : search(template.node, segments, at + 1, [...values, ...own]);
    if (deeper !== null) return deeper;
  }
  return null;
}

/** The shortest text for each parameter but the last; never an empty one. */
function match(text: string, { before, after }: Segment): string[] | null {
  if (!text.startsWith(before)) return null;
  const values: string[] = [];
  let from = before.length;
  for (const [i, literal] of after.entries()) {
    const last = i === after.length - 1;
    const end = last ? text.length - literal.length : text.indexOf(literal, from + 1);
    if (end <= from || !text.startsWith(literal, end)) return null;
    values.push(text.slice(from, end));
    from = end + literal.length;
  }
  return values;
}
