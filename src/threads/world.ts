import { openLog } from "../observe/log.ts";
import { startTicker, systemClock } from "../observe/ticker.ts";
import type { World } from "./api.ts";

/** Time and log of a thread, as the system has them. */
export function systemWorld(): World {
  return { clock: systemClock, ticker: startTicker(systemClock), log: openLog("info", "stderr") };
}
