/** Lists of the admin API, newest first, page by page. */
import { z } from "zod";
import { GatewayError } from "../core/errors.ts";
import { found } from "../core/found.ts";
import type { Page } from "../core/records.ts";

const DEFAULT_LIMIT = 20;
const MAX_LIMIT = 100;

/** Parameters of every list. Beyond the most, a limit is lowered to it, and the answer says so. */
export const pageFields = {
  limit: z
    .string()
    .refine((value) => /^[1-9][0-9]{0,8}$/.test(value), {
      error: ({ input }) => `expected a whole number from 1 on, ${found(input)}`,
    })
    .transform((value) => Math.min(Number(value), MAX_LIMIT))
    .default(DEFAULT_LIMIT),
  cursor: z.string().optional(),
};

export interface PageQuery {
  readonly limit: number;
  readonly cursor?: string | undefined;
}

/** Asks for one entry more than the page holds: whether there is one is what `has_more` says. */
export function pageOf({ limit, cursor }: PageQuery, list: string): Page {
  return { limit: limit + 1, before: cursor === undefined ? undefined : readCursor(cursor, list) };
}

export interface PageDocument<Item> {
  readonly data: readonly Item[];
  readonly limit: number;
  readonly has_more: boolean;
  /** Null at the end. */
  readonly next_cursor: string | null;
}

export function pageDocument<Entry extends { readonly id: string }, Item>(
  entries: readonly Entry[],
  limit: number,
  list: string,
  view: (entry: Entry) => Item,
): PageDocument<Item> {
  const page = entries.slice(0, limit);
  const last = page.at(-1);
  const more = entries.length > limit && last !== undefined;
  return {
    data: page.map(view),
    limit,
    has_more: more,
    next_cursor: more ? writeCursor(last.id, list) : null,
  };
}

// Whoever has the admin token may see every entry, so a cursor needs no signature: it can only be for the wrong list.
const writeCursor = (id: string, list: string): string => Buffer.from(`${list}\n${id}`).toString("base64url");

/** `list` names the list with its filter: the next page of another one would be nonsense. */
function readCursor(cursor: string, list: string): string {
  const [of, id, ...rest] = Buffer.from(cursor, "base64url").toString().split("\n");
  if (of !== list || id === undefined || rest.length > 0 || writeCursor(id, list) !== cursor) {
    throw new GatewayError("INVALID_CURSOR");
  }
  return id;
}
