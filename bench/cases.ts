/** What is measured: who is loaded with what, and against whom each is held. */
import { body16k, body100 } from "./origin.ts";
import type { PeerName } from "./peers/peer.ts";

export const caseNames = [
  "bare-100",
  "bare-16k",
  "post-1k",
  "routes-1",
  "routes-100",
  "routes-10000",
  "pipelined",
] as const;

export type CaseName = (typeof caseNames)[number];

/** How the gateway is configured; other peers take no notice of it. */
export interface Setting {
  /** 0: one route for everything. Else so many routes of one segment pattern each. */
  readonly routes: number;
  /** Requests on one upstream connection at a time; 1 leaves the key out of the config. */
  readonly pipelining: number;
}

/** One proxy under one load: a line of the table. */
export interface Entrant {
  readonly id: string;
  readonly case: CaseName;
  readonly peer: PeerName;
  readonly label: string;
  readonly setting: Setting;
  readonly load: LoadPlan;
}

export interface LoadPlan {
  readonly method: "GET" | "POST";
  /** The path wrk is given; a script may go on to others that the origin answers alike. */
  readonly path: string;
  readonly script: string | null;
  readonly expected: string;
  readonly body: string | undefined;
  readonly witnessPath: string;
}

/** Entrants measured in the same rounds, so that they can be compared. */
export interface Group {
  readonly title: string;
  readonly entrants: readonly Entrant[];
  /** Id of the entrant that the ratios of the table are to. */
  readonly reference: string;
}

const plain: Setting = { routes: 0, pipelining: 1 };
const bare: readonly PeerName[] = ["turnpike", "nginx", "haproxy", "fastify"];
const get = { method: "GET", script: null, body: undefined, witnessPath: "/verify-" } as const;
const posted = "x".repeat(1024);

const loads = {
  "bare-100": { ...get, path: "/100", expected: body100 },
  "bare-16k": { ...get, path: "/16k", expected: body16k },
  "post-1k": { ...get, method: "POST", path: "/post", expected: body100, body: posted, script: postScript() },
} as const satisfies Readonly<Record<string, LoadPlan>>;

const titles = {
  "bare-100": "bare-100: GET, answer of 100 B, no policies",
  "bare-16k": "bare-16k: GET, answer of 16 KiB, no policies",
  "post-1k": "post-1k: POST of 1 KiB, answer of 100 B, no policies",
} as const;

/** The groups that contain these cases; a case brings what it is compared with. */
export function groupsFor(selected: ReadonlySet<CaseName>): Group[] {
  const groups: Group[] = [];
  for (const name of ["bare-100", "bare-16k", "post-1k"] as const) {
    if (selected.has(name)) groups.push(bareGroup(name));
  }
  const counts = [1, 100, 10_000].filter((count) => selected.has(routesCase(count)));
  if (counts.length > 0) groups.push(routesGroup([...new Set([1, ...counts])]));
  if (selected.has("pipelined")) groups.push(pipelinedGroup());
  return groups;
}

function bareGroup(name: "bare-100" | "bare-16k" | "post-1k"): Group {
  const entrants = bare.map((peer) => entrant(name, peer, peer, plain, loads[name]));
  return { title: titles[name], entrants, reference: `${name}/nginx` };
}

function routesGroup(counts: readonly number[]): Group {
  const entrants = counts.map((count) => {
    const name = routesCase(count);
    return entrant(name, "turnpike", name, { routes: count, pipelining: 1 }, routesLoad(count));
  });
  return {
    title: "routes-N: Turnpike with N routes, requests spread over all of them, answer of 100 B",
    entrants,
    reference: "routes-1/routes-1",
  };
}

function pipelinedGroup(): Group {
  const name = "pipelined";
  const entrants = [
    entrant(name, "turnpike", "turnpike (pipelining: 8)", { routes: 0, pipelining: 8 }, loads["bare-100"]),
    entrant(name, "turnpike", "turnpike", plain, loads["bare-100"]),
    entrant(name, "nginx", "nginx", plain, loads["bare-100"]),
  ];
  return {
    title: "pipelined: as bare-100, with upstream pipelining; NGINX and HAProxy have no such thing",
    entrants,
    reference: "pipelined/nginx",
  };
}

function entrant(name: CaseName, peer: PeerName, label: string, setting: Setting, load: LoadPlan): Entrant {
  return { id: `${name}/${label}`, case: name, peer, label, setting, load };
}

function routesCase(count: number): CaseName {
  return count === 1 ? "routes-1" : count === 100 ? "routes-100" : "routes-10000";
}

/** The pattern of one route. All have the same length and shape: only their number may make a difference. */
export function routePath(index: number): string {
  return `/t${digits(index % 100, 2)}/svc-${digits(index, 5)}/items/{id}`;
}

/** wrk asks once for the path it is given; the script goes on to all the others. */
function routesLoad(count: number): LoadPlan {
  const path = routePath(0).replace("{id}", "000000");
  const witnessPath = routePath(count - 1).replace("{id}", "verify-");
  return { ...get, path, expected: body100, script: routesScript(count), witnessPath };
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

function postScript(): string {
  return `wrk.method = "POST"
wrk.headers["Content-Type"] = "application/octet-stream"
wrk.body = string.rep("x", 1024)
`;
}

function digits(value: number, length: number): string {
  return String(value).padStart(length, "0");
}
