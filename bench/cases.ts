/** What is measured: who is loaded with what, and against whom each is held. */
import { keysLoad, type LoadPlan, loads, routesLoad } from "./loads.ts";
import type { PeerName } from "./peers/peer.ts";
import { generous, type Stack } from "./stack.ts";

export const caseNames = [
  "bare-100",
  "bare-16k",
  "post-1k",
  "routes-1",
  "routes-100",
  "routes-10000",
  "pipelined",
  "policies",
  "keys-1",
  "keys-1000000",
  "lanes",
  "idempotency",
] as const;

export type CaseName = (typeof caseNames)[number];

/** How a peer is configured. Only `stack` concerns others than the gateway. */
export interface Setting {
  /** 0: one route for everything. Else so many routes of one segment pattern each. */
  readonly routes: number;
  /** Requests on one upstream connection at a time; 1 leaves the key out of the config. */
  readonly pipelining: number;
  /** Threads that carry traffic. One runs on the proxy's core, more on every core there is. */
  readonly lanes: number;
  /** What is done for a request besides proxying it; null: nothing. */
  readonly stack: Stack | null;
  /** Where answers to keyed requests are kept; null: nothing is done about keys. */
  readonly idempotency: "memory" | "disk" | null;
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

/** Entrants measured in the same rounds, so that they can be compared. */
export interface Group {
  readonly title: string;
  readonly entrants: readonly Entrant[];
  /** Id of the entrant that the ratios of the table are to. */
  readonly reference: string;
}

export const plain: Setting = { routes: 0, pipelining: 1, lanes: 1, stack: null, idempotency: null };
const stacked: Setting = { ...plain, stack: { limit: generous, issuedKeys: 0 } };
const bare: readonly PeerName[] = ["turnpike", "nginx", "haproxy", "fastify"];
const manyKeys = 1_000_000;

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
  if (selected.has("policies")) groups.push(policiesGroup());
  if (selected.has("keys-1") || selected.has("keys-1000000"))
    groups.push(keysGroup(selected.has("keys-1000000")));
  if (selected.has("lanes")) groups.push(lanesGroup());
  if (selected.has("idempotency")) groups.push(idempotencyGroup());
  return groups;
}

function bareGroup(name: "bare-100" | "bare-16k" | "post-1k"): Group {
  const entrants = bare.map((peer) => entrant(name, peer, peer, plain, loads[name]));
  return { title: titles[name], entrants, reference: `${name}/nginx` };
}

function routesGroup(counts: readonly number[]): Group {
  const entrants = counts.map((count) => {
    const name = routesCase(count);
    return entrant(name, "turnpike", name, { ...plain, routes: count }, routesLoad(count));
  });
  return {
    title: "routes-N: Turnpike with N routes, requests spread over all of them, answer of 100 B",
    entrants,
    reference: "routes-1/routes-1",
  };
}

function pipelinedGroup(): Group {
  const name = "pipelined";
  const pipelining: Setting = { ...plain, pipelining: 8 };
  const entrants = [
    entrant(name, "turnpike", "turnpike (pipelining: 8)", pipelining, loads["bare-100"]),
    entrant(name, "turnpike", "turnpike", plain, loads["bare-100"]),
    entrant(name, "nginx", "nginx", plain, loads["bare-100"]),
  ];
  return {
    title: "pipelined: as bare-100, with upstream pipelining; NGINX and HAProxy have no such thing",
    entrants,
    reference: "pipelined/nginx",
  };
}

function policiesGroup(): Group {
  const name = "policies";
  const entrants = [
    entrant(name, "turnpike", "turnpike", stacked, loads.keyed),
    entrant(name, "turnpike", "turnpike bare", plain, loads.keyed),
    entrant(name, "nginx", "nginx", stacked, loads.keyed),
    entrant(name, "nginx-lua", "nginx-lua", stacked, loads.keyed),
    entrant(name, "nginx-lua-lean", "nginx-lua-lean", stacked, loads.keyed),
    entrant(name, "fastify", "fastify", stacked, loads.keyed),
  ];
  return {
    title: "policies: as bare-100, with API key, token bucket, CORS, request id and a JSON line for each",
    entrants,
    reference: "policies/nginx",
  };
}

/** The last of them tells what a large table costs from what it costs to ask for another key every time. */
function keysGroup(many: boolean): Group {
  const issued = (count: number): Setting => ({ ...plain, stack: { limit: generous, issuedKeys: count } });
  const entrants = [entrant("keys-1", "turnpike", "keys-1", issued(1), keysLoad(1, 1))];
  if (many) {
    const name = "keys-1000000";
    entrants.push(
      entrant(name, "turnpike", name, issued(manyKeys), keysLoad(manyKeys, manyKeys)),
      entrant(name, "turnpike", `${name}, one asked`, issued(manyKeys), keysLoad(1, manyKeys)),
      entrant(name, "nginx", "nginx, one key", stacked, loads.keyed),
    );
  }
  return {
    title:
      "keys-N: as policies, with N keys issued into the records store, asked by a stride over all of them",
    entrants,
    reference: "keys-1/keys-1",
  };
}

function lanesGroup(): Group {
  const name = "lanes";
  const entrants = [1, 2].map((lanes) =>
    entrant(name, "turnpike", `lanes-${lanes}`, { ...stacked, lanes }, loads.keyed),
  );
  return {
    title: "lanes: as policies; one lane on the proxy's core, two lanes on all cores, origin and wrk as ever",
    entrants,
    reference: "lanes/lanes-1",
  };
}

/** Every request has a key of its own, so every one is claimed, sent, kept and answered. */
function idempotencyGroup(): Group {
  const name = "idempotency";
  const disk: Setting = { ...plain, idempotency: "disk" };
  const memory: Setting = { ...plain, idempotency: "memory" };
  const { keyedPost, unkeyedPost } = loads;
  const entrants = [
    entrant(name, "turnpike", "turnpike, keyed, disk", disk, keyedPost),
    entrant(name, "turnpike", "turnpike, keyed, disk, 2 lanes", { ...disk, lanes: 2 }, keyedPost),
    entrant(name, "turnpike", "turnpike, same without keys", disk, unkeyedPost),
    entrant(name, "express", "express, keyed, disk", disk, keyedPost),
    entrant(name, "express", "express, keyed, memory", memory, keyedPost),
    entrant(name, "express", "express, same without keys", memory, unkeyedPost),
  ];
  return {
    title:
      "idempotency: POST of 1 KiB, each with an Idempotency-Key of its own, kept in SQLite (synced) or in memory",
    entrants,
    reference: "idempotency/turnpike, same without keys",
  };
}

function entrant(name: CaseName, peer: PeerName, label: string, setting: Setting, load: LoadPlan): Entrant {
  return { id: `${name}/${label}`, case: name, peer, label, setting, load };
}

function routesCase(count: number): CaseName {
  return count === 1 ? "routes-1" : count === 100 ? "routes-100" : "routes-10000";
}
