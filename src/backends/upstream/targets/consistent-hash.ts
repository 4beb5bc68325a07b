/**
 * Weighted rendezvous hashing: every target gets a number drawn from the key and its own URL, and the highest wins. A
 * target that leaves takes only its own keys with it, one that comes back gets the same ones back, and a weight that
 * changes moves no more keys than it must.
 */
import type { Call } from "../../../core/call.ts";
import type { HashBy } from "../../../core/kinds.ts";
import { addressOfCustomer } from "../../../core/networks.ts";
import type { Choice } from "./choice.ts";
import type { Entry } from "./entry.ts";
import type { Member } from "./member.ts";

/** `without` decides for calls that have no key: they need not meet. */
export function consistentHash(members: readonly Member[], hashBy: HashBy, without: Choice): Choice {
  const seeds = members.map(({ target }, index) => {
    const before = members.slice(0, index).filter((other) => other.target.url === target.url).length;
    return hashText(`${target.url} ${before}`);
  });
  const key = makeKey(hashBy);
  const highest = (text: string, entries: readonly Entry[]): Entry => {
    const hash = hashText(text);
    let best = entries[0] as Entry;
    let most = Number.NEGATIVE_INFINITY;
    for (const entry of entries) {
      const score = Math.log(draw(hash, seeds[entry.index] as number)) / entry.weight;
      if (score <= most) continue;
      best = entry;
      most = score;
    }
    return best;
  };
  return {
    next(call, rotation) {
      const text = key(call);
      return text === "" ? without.next(call, rotation) : highest(text, rotation.entries);
    },
    among(call, entries) {
      const text = key(call);
      return text === "" ? without.among(call, entries) : highest(text, entries);
    },
  };
}

/** What the call has in common with others; empty for nothing. */
function makeKey(hashBy: HashBy): (call: Call) => string {
  if (hashBy === "path") return ({ request }) => request.path;
  if (hashBy === "client") return ({ clientIp }) => addressOfCustomer(clientIp);
  if (hashBy === "consumer")
    return ({ principal, clientIp }) => principal?.consumer ?? addressOfCustomer(clientIp);
  const name = hashBy.header.toLowerCase();
  return ({ request }) => request.headers.get(name) ?? "";
}

/** Evenly from 0 to 1, both exclusive. */
const draw = (hash: number, seed: number): number => ((mix(mix(hash ^ seed) + seed) >>> 0) + 0.5) / 2 ** 32;

/** FNV-1a. No secret goes into it: all processes have to agree, and who wants one target may repeat one key. */
function hashText(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return mix(hash);
}

/** The finaliser of MurmurHash3: each bit of the one changes about half of the other. */
function mix(value: number): number {
  let mixed = value;
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return mixed ^ (mixed >>> 16);
}
