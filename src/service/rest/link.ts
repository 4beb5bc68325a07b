/** `Link` of a list (RFC 8288; PAG-11): `rel` first and in quotes, as the clients in use look for it. */
import type { Call } from "../../core/call.ts";
import type { Listed } from "../resources/operations-read.ts";

/** Null for a list of one page. `deepest`: how many objects may be read by page. */
export function linkOf(call: Call, listed: Listed, deepest: number): string | null {
  const places = listed.page === null ? byCursor(listed) : byPage(listed, listed.page, deepest);
  const links = places.flatMap(([rel, word, value]) =>
    value === null ? [] : [`<${urlWith(call, word, value)}>; rel="${rel}"`],
  );
  return links.length > 0 ? links.join(", ") : null;
}

/** Relation, parameter and its value: empty for none, null for no link. */
type Place = readonly [rel: string, word: string, value: string | null];

function byCursor({ next, previous }: Listed): Place[] {
  return [
    ["next", "cursor", next],
    ["prev", "cursor", previous],
    ["first", "cursor", previous === null ? null : ""],
  ];
}

/** Nobody is sent to a page that is refused as too deep. */
function byPage({ more, total, limit }: Listed, page: number, deepest: number): Place[] {
  const reachable = Math.floor(deepest / limit);
  const pages = total === null ? null : Math.max(1, Math.ceil(total / limit));
  const last = pages === null || pages > reachable ? null : pages;
  return [
    ["next", "page", more && page < reachable ? String(page + 1) : null],
    ["prev", "page", page > 1 ? String(page - 1) : null],
    ["first", "page", page > 1 ? "1" : null],
    ["last", "page", last === null || last === page ? null : String(last)],
  ];
}

/** The address of this request as its client knows it, with another value of one parameter. */
function urlWith(call: Call, word: string, value: string): string {
  const { path, query } = call.request;
  const others = query
    .slice(1)
    .split("&")
    .filter((pair) => pair !== "" && nameOf(pair) !== word);
  const named = call.versionQuery === "" ? [] : [call.versionQuery];
  const pairs = [...named, ...others, ...(value === "" ? [] : [`${word}=${encodeURIComponent(value)}`])];
  const url = `${call.scheme}://${call.host}${call.versionPrefix}${path}`;
  return escaped(pairs.length > 0 ? `${url}?${pairs.join("&")}` : url);
}

function nameOf(pair: string): string {
  const name = pair.split("=", 1)[0] as string;
  try {
    return decodeURIComponent(name);
  } catch {
    return name;
  }
}

/** What a client may put in a query unescaped, and must not stand in a header or between `<` and `>`. */
const escaped = (url: string): string => url.replaceAll(/[^!#-;=?-~]/g, encodeURIComponent);
