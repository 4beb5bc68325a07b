/** What wrk asks for, and how the answer is known. */
import { body16k, body100 } from "./origin.ts";
import { credentials } from "./stack.ts";

export interface LoadPlan {
  readonly method: "GET" | "POST";
  /** The path wrk is given; a script may go on to others that the origin answers alike. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly script: string | null;
  readonly expected: string;
  readonly body: string | undefined;
  /** A path that passes the proxy like the measured one and that the origin answers with what it saw. */
  readonly witnessPath: string;
}

const get = { method: "GET", headers: {}, script: null, body: undefined, witnessPath: "/verify-" } as const;

const post = {
  ...get,
  method: "POST",
  path: "/post",
  expected: body100,
  body: "x".repeat(1024),
} as const;

export const loads = {
  "bare-100": { ...get, path: "/100", expected: body100 },
  "bare-16k": { ...get, path: "/16k", expected: body16k },
  "post-1k": { ...post, script: postScript() },
  /** As `post-1k`, each with an Idempotency-Key that no other request has; and the same with a field of that size instead. */
  keyedPost: { ...post, script: keyedPostScript("Idempotency-Key") },
  unkeyedPost: { ...post, script: keyedPostScript("X-Idempotent-Not") },
  /** As `bare-100`, from a page of another origin and with an API key. */
  keyed: { ...get, path: "/100", headers: credentials(0), expected: body100 },
} as const satisfies Readonly<Record<string, LoadPlan>>;

/** The pattern of one route. All have the same length and shape: only their number may make a difference. */
export function routePath(index: number): string {
  return `/t${digits(index % 100, 2)}/svc-${digits(index, 5)}/items/{id}`;
}

/** wrk asks once for the path it is given; the script goes on to all the others. */
export function routesLoad(count: number): LoadPlan {
  const path = routePath(0).replace("{id}", "000000");
  const witnessPath = routePath(count - 1).replace("{id}", "verify-");
  return { ...get, path, expected: body100, script: routesScript(count), witnessPath };
}

/** Requests with `asked` different keys out of those issued. */
export function keysLoad(asked: number, issued: number): LoadPlan {
  return { ...loads.keyed, script: keysScript(asked, secretsFile(issued)) };
}

/** Beside the scripts: one secret a line. */
export function secretsFile(count: number): string {
  return `keys-${count}.secrets`;
}

/**
 * Always 10,000 different paths, over however many routes there are: only their number may make a difference, not the
 * variety of paths. Strides through them, so that no cache of recent ones can look good; 7919 is prime: it meets all.
 */
function routesScript(count: number): string {
  return `local routes = ${count}
local paths = 10000
local requests = {}
local at = 0
init = function()
  for i = 0, paths - 1 do
    local route = i % routes
    requests[i] = wrk.format("GET", string.format("/t%02d/svc-%05d/items/%06d", route % 100, route, i))
  end
end
request = function()
  at = (at + 7919) % paths
  return requests[at]
end
`;
}

/**
 * The secrets have one length, so the file is one string and a request is cut out of it when its turn comes: a million
 * requests made beforehand would delay every slice. Each slice begins elsewhere, so that a run meets more keys than
 * one slice can ask for.
 */
function keysScript(asked: number, file: string): string {
  return `local folder = debug.getinfo(1, "S").source:match("^@(.*)/")
local secrets = io.open(folder .. "/${file}"):read("*a")
local length = secrets:find("\\n", 1, true) - 1
local asked = ${asked}
local at = (os.time() * 7919) % asked
local head, tail
init = function()
  local request = wrk.format("GET")
  local first, last = request:find(secrets:sub(1, length), 1, true)
  head, tail = request:sub(1, first - 1), request:sub(last + 1)
end
request = function()
  at = (at + 7919) % asked
  local from = at * (length + 1)
  return head .. secrets:sub(from + 1, from + length) .. tail
end
`;
}

function postScript(): string {
  return `wrk.method = "POST"
wrk.headers["Content-Type"] = "application/octet-stream"
wrk.body = string.rep("x", 1024)
`;
}

/** A slice begins with a random number, so that no slice repeats the keys of another. */
function keyedPostScript(field: string): string {
  return `local before, behind
local run, count
init = function()
  math.randomseed(os.time() + tonumber(tostring({}):sub(8), 16))
  run = math.random(100000000, 999999999)
  count = 0
  wrk.method = "POST"
  wrk.headers["Content-Type"] = "application/octet-stream"
  wrk.headers["${field}"] = "@"
  wrk.body = string.rep("x", 1024)
  local request = wrk.format()
  local at = request:find("@", 1, true)
  before, behind = request:sub(1, at - 1), request:sub(at + 1)
end
request = function()
  count = count + 1
  return before .. run .. "-" .. string.format("%09d", count) .. behind
end
`;
}

function digits(value: number, length: number): string {
  return String(value).padStart(length, "0");
}
