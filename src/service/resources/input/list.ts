/** The query of a list: which objects, in what order, how many, and how much of each. */
import { GatewayError } from "../../../core/errors.ts";
import type { Resource, SortKey, View } from "../../../core/resource.ts";
import type { Filter } from "../store.ts";
import { readConditions } from "./conditions.ts";
import { Filters } from "./filters.ts";
import { Issues } from "./issues.ts";
import { Order } from "./order.ts";
import { onlyValue, type Parameter, readQuery, wholeNumber } from "./query.ts";
import { EVERYTHING, type ShownReader } from "./shown.ts";
import { truth } from "./text-values.ts";
import type { Asked, ListInput } from "./types.ts";
import { unknownParameter } from "./unknown.ts";

/** Parameters of a list that are no conditions; no field may be called so. */
const LIST_WORDS = ["page", "limit", "cursor", "sort", "fields", "expand", "total"] as const;
type Word = (typeof LIST_WORDS)[number];
const WORDS: ReadonlySet<string> = new Set(LIST_WORDS);

const LONGEST_CURSOR = 4_096;
const NOT_PAGE = "must be an integer of at least 1";

export class ListReader {
  readonly #resource: Resource;
  readonly #filters: Filters;
  readonly #order: Order;
  readonly #shown: ShownReader;

  constructor(resource: Resource, view: View, shown: ShownReader) {
    this.#resource = resource;
    this.#filters = new Filters(view);
    this.#order = new Order(view);
    this.#shown = shown;
  }

  /** @throws GatewayError VALIDATION_ERROR, INVALID_CURSOR, PAGE_TOO_DEEP. */
  read({ query, headers, scopes }: Asked): ListInput {
    const issues = new Issues();
    const words = new Map<Word, Parameter>();
    const filters: Filter[] = [];
    for (const parameter of readQuery(query, issues)) this.#sort(parameter, scopes, words, filters, issues);
    const input: ListInput = {
      filters,
      ...this.#paging(words, issues),
      sort: this.#sortKeys(words.get("sort"), scopes, issues),
      shown:
        words.size === 0
          ? EVERYTHING
          : this.#shown.read(words.get("fields"), words.get("expand"), scopes, issues),
      conditions: readConditions(headers, issues),
    };
    refuseBoth(input);
    issues.refuse();
    this.#refuseDeep(input);
    return input;
  }

  /** Puts a parameter where it belongs. */
  #sort(
    parameter: Parameter,
    scopes: ReadonlySet<string>,
    words: Map<Word, Parameter>,
    filters: Filter[],
    issues: Issues,
  ): void {
    const { name, operator } = parameter;
    if (operator === null && WORDS.has(name)) words.set(name as Word, parameter);
    else if (!this.#filters.add(parameter, scopes, filters, issues)) {
      const known = [...LIST_WORDS, ...this.#filters.names(scopes)];
      issues
        .at(operator === null ? [name] : [name, operator], "query")
        .say(unknownParameter(name, WORDS.has(name) ? [] : known));
    }
  }

  #paging(words: ReadonlyMap<Word, Parameter>, issues: Issues) {
    const [page, limit, cursor, total] = (["page", "limit", "cursor", "total"] as const).map((word) =>
      words.get(word),
    );
    return {
      limit:
        limit === undefined
          ? this.#resource.limits.default
          : this.#limit(limit, issues.at(["limit"], "query")),
      page: page === undefined ? null : (wholeNumber(page, 1, NOT_PAGE, issues.at(["page"], "query")) ?? 1),
      cursor: cursor === undefined ? null : readCursor(cursor, issues.at(["cursor"], "query")),
      total: total === undefined ? false : readTotal(total, issues.at(["total"], "query")),
    };
  }

  #limit(parameter: Parameter, issues: Issues): number {
    const { most } = this.#resource.limits;
    const limit = wholeNumber(parameter, 1, `must be an integer between 1 and ${most}`, issues);
    return Math.min(limit ?? most, most);
  }

  #sortKeys(
    parameter: Parameter | undefined,
    scopes: ReadonlySet<string>,
    issues: Issues,
  ): readonly SortKey[] {
    if (parameter === undefined) return this.#resource.sort;
    return this.#order.read(parameter, scopes, issues.at(["sort"], "query"));
  }

  #refuseDeep({ page, limit }: ListInput): void {
    const { deepest } = this.#resource.limits;
    if (page === null || page * limit <= deepest) return;
    throw new GatewayError("PAGE_TOO_DEEP", {
      message: `Pages end at ${deepest} objects: \`page\` times \`limit\` must not be more. Use \`cursor\` to read on.`,
      details: [
        { field: "query.page", issue: `must be at most ${Math.floor(deepest / limit)} with this limit` },
      ],
    });
  }
}

function readCursor(parameter: Parameter, issues: Issues): string {
  const text = onlyValue(parameter, issues) ?? "";
  if (text.length <= LONGEST_CURSOR) return text;
  throw new GatewayError("INVALID_CURSOR", {
    details: [{ field: "query.cursor", issue: "is not a cursor" }],
  });
}

function readTotal(parameter: Parameter, issues: Issues): boolean {
  const text = onlyValue(parameter, issues);
  return text === undefined ? false : (truth(text, issues) ?? false);
}

/** PAG-7. */
function refuseBoth({ page, cursor }: ListInput): void {
  if (page === null || cursor === null) return;
  const issue = "cannot be used together with page";
  throw new GatewayError("INVALID_CURSOR", {
    message: "A list is read by `page` or by `cursor`, not by both.",
    details: [{ field: "query.cursor", issue }],
  });
}
