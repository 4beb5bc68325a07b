/** What makes two requests the same for a cache, and what makes their callers different (HTTP-33). */
import { hash } from "node:crypto";
import type { Call } from "../../core/call.ts";
import { type FieldName, type Headers, Kind } from "../../core/headers.ts";
import type { Principal } from "../../core/principal.ts";
import { ownText } from "../../core/stored-answers.ts";

/** Fields that say who is calling, whether or not a policy has looked at them. */
const CREDENTIALS: ReadonlySet<string> = new Set(["authorization", "cookie", "x-api-key"]);

/** Constant for one caller, so that answers that vary by them vary by the caller. */
export const isPersonal = ({ lower, kind }: FieldName): boolean =>
  CREDENTIALS.has(lower) || (kind & Kind.identity) !== 0;

/**
 * Who is calling, as a digest of everything that the gateway or the upstream could judge by: each key, token and cookie
 * is a caller of its own. Empty for nobody in particular.
 */
export function callerOf({ principal, request }: Call): string {
  const credentials = credentialsOf(request.headers);
  if (principal === null && credentials === "") return "";
  return digest(`${principal === null ? "" : identityOf(principal)}\n${credentials}`);
}

function credentialsOf({ names, values }: Headers): string {
  let all = "";
  for (let i = 0; i < names.length; i++) {
    const { lower } = names[i] as FieldName;
    if (CREDENTIALS.has(lower)) all += `${lower}:${values[i]}\n`;
  }
  return all;
}

/** A principal is made once for a credential and shared by its calls. */
const identities = new WeakMap<Principal, string>();

function identityOf(principal: Principal): string {
  const known = identities.get(principal);
  if (known !== undefined) return known;
  const { scopes, roles, ...plain } = principal;
  const made = digest(JSON.stringify({ ...plain, scopes: [...scopes].sort(), roles: [...roles].sort() }));
  identities.set(principal, made);
  return made;
}

const digest = (text: string): string => hash("sha256", text, "base64url");

/** What a config adds to a key, or takes out of it. */
export interface KeyRules {
  readonly varyBy: readonly string[];
  readonly ignoreQuery: readonly string[];
}

/** A target, and by whom it is asked for. */
export interface Key {
  /** What the caller may see. */
  readonly own: string;
  /** What everybody may see. */
  readonly everybody: string;
  /** Empty for nobody in particular. */
  readonly caller: string;
  /** What unsafe requests invalidate: the target without its query, in all versions. */
  readonly resource: string;
}

export function keysBy({ varyBy, ignoreQuery }: KeyRules): (call: Call) => Key {
  const fields = varyBy.map((name) => name.toLowerCase());
  const ignored = new Set(ignoreQuery);
  return (call) => {
    const { request, version } = call;
    const query = ignored.size === 0 ? request.query : without(request.query, ignored);
    const caller = callerOf(call);
    let target = `${call.scheme}\n${request.host}\n${request.path}\n${query}\n${version?.name ?? ""}\n`;
    for (const lower of fields) target += `${JSON.stringify(request.headers.all(lower))}\n`;
    return {
      own: ownText(target + caller),
      everybody: ownText(`${target}*`),
      caller,
      resource: resourceOf(call, request.path),
    };
  };
}

/** The path is the one that decisions are taken on; a version in front of it names no other resource. */
export function resourceOf({ request, versionPrefix }: Call, path: string): string {
  const bare =
    versionPrefix !== "" && path.startsWith(versionPrefix) ? path.slice(versionPrefix.length) : path;
  return `${request.host}\n${bare}`;
}

/** The query without some of its parameters; the others stay as they are written. */
function without(query: string, ignored: ReadonlySet<string>): string {
  if (query === "") return "";
  const kept = query
    .slice(1)
    .split("&")
    .filter((pair) => !ignored.has(nameOf(pair)));
  return kept.length === 0 ? "" : `?${kept.join("&")}`;
}

function nameOf(pair: string): string {
  const [name = ""] = pair.split("=", 1);
  try {
    return decodeURIComponent(name.replaceAll("+", " "));
  } catch {
    return name;
  }
}
