import { randomBytes } from "node:crypto";
import type { Clock } from "../core/tools.ts";
import { allocateCounters } from "../stores/counters/memory/memory.ts";
import { allocateAdmission } from "../wire/admission.ts";

/** The memory that the lanes of a process share: made once by the main thread, given to each of them. */
export interface Shared {
  readonly pseudonym: string;
  /** Which of the lanes this is, from 0. */
  readonly lane: number;
  readonly lanes: number;
  readonly admission: SharedArrayBuffer;
  readonly counters: SharedArrayBuffer;
  /** See core/shared-memory.ts. */
  readonly memory: SharedArrayBuffer;
  /** What the keys of TLS session tickets are made of. */
  readonly ticketSecret: Uint8Array;
}

/** For each lane its view of it. `memory` is the service's, too. */
export function allocateShared(lanes: number, memory: SharedArrayBuffer, clock: Clock): Shared[] {
  const admission = allocateAdmission(lanes);
  const counters = allocateCounters(clock);
  const pseudonym = `turnpike-${randomBytes(4).toString("hex")}`;
  const ticketSecret = new Uint8Array(randomBytes(32));
  const all = { pseudonym, lanes, admission, counters, memory, ticketSecret };
  return Array.from({ length: lanes }, (_, lane) => ({ ...all, lane }));
}
