/**
 * Requests for one answer that are on their way to the upstream: whoever wants the same meanwhile waits for it instead
 * of asking, too (RFC 9111 §4). Only callers that may see the same answer ever have the same key.
 */
import type { Call } from "../../core/call.ts";
import type { GatewayError } from "../../core/errors.ts";
import type { Sighting } from "./generations.ts";

/** What those who waited are told: the answer is stored, or is none to be shared, or there is none. */
export type Landing = { readonly failed: GatewayError | null };

const LANDED: Landing = { failed: null };

export class Flights {
  readonly #flights = new Map<string, Flight>();

  get(key: string): Flight | undefined {
    return this.#flights.get(key);
  }

  /** `since`: what was known of the resource before. */
  start(key: string, call: Call, since: Sighting): Flight {
    const flight = new Flight(call, since, () => {
      if (this.#flights.get(key) === flight) this.#flights.delete(key);
    });
    this.#flights.set(key, flight);
    return flight;
  }
}

export class Flight {
  readonly since: Sighting;
  readonly #call: Call;
  readonly #forget: () => void;
  #waiting: ((landing: Landing) => void)[] = [];
  #release: (() => void) | null = null;
  #over = false;

  constructor(call: Call, since: Sighting, forget: () => void) {
    this.since = since;
    this.#call = call;
    this.#forget = forget;
  }

  /** Its client has gone before anybody waited: what comes of it is nothing. */
  get lost(): boolean {
    return this.#call.gone && this.#release === null;
  }

  get awaited(): boolean {
    return this.#waiting.length > 0;
  }

  /** From now on the request goes on when its own client leaves. */
  wait(): Promise<Landing> {
    this.#release ??= this.#call.hold();
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** Called once it is clear what those who wait can have; again without effect. */
  land(failed: GatewayError | null = null): void {
    if (this.#over) return;
    this.#over = true;
    this.#forget();
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve(failed === null ? LANDED : { failed });
    this.#release?.();
  }
}
