import type { Call } from "../../../core/call.ts";
import type { Entry, Rotation } from "./entry.ts";

/** How a target is chosen. */
export interface Choice {
  /** For a first attempt. */
  next(call: Call, rotation: Rotation): Entry;
  /** One of a few (at least one), where the one whose turn it was cannot have the call. */
  among(call: Call, entries: readonly Entry[]): Entry;
}
