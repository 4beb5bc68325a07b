import type { Call } from "../../core/call.ts";
import type { ClaimToken, IdempotencyStore } from "../../core/idempotency.ts";
import type { PolicyTools } from "../../core/tools.ts";
import type { Patience } from "./patience.ts";

/** What is to be written of a request that is over. */
export type Settlement =
  | {
      readonly kind: "finish";
      readonly token: ClaimToken;
      readonly status: number;
      readonly answer: Buffer | null;
    }
  | { readonly kind: "lose" | "release"; readonly token: ClaimToken };

/** How long a call waits, all together, for a store that fails: its client waits, too. */
const TRY_FOR = 3_000;
const FIRST_PAUSE = 100;

/** Writes down what became of requests. What cannot be written is unknown: the store sees to that by itself. */
export class Settlements {
  readonly #store: IdempotencyStore;
  readonly #tools: Pick<PolicyTools, "clock" | "log">;
  readonly #patience: Patience;

  constructor(tools: Pick<PolicyTools, "clock" | "log" | "idempotency">, patience: Patience) {
    this.#store = tools.idempotency;
    this.#tools = tools;
    this.#patience = patience;
  }

  /** True when it is on disk; false when the call has waited long enough for that. */
  async settle({ id }: Call, settlement: Settlement): Promise<boolean> {
    const { clock, log } = this.#tools;
    const end = clock.now() + TRY_FOR;
    for (let pause = FIRST_PAUSE; ; pause *= 2) {
      const left = Math.max(pause, end - clock.now());
      const written = this.#patience.within(left, this.#write(settlement), () => {});
      const failure = await written.then(
        (ours) => {
          if (!ours) log.warn({ id }, "an idempotent request took longer than its record was kept");
          return null;
        },
        (cause: unknown) => ({ cause }),
      );
      if (failure === null) return true;
      if (clock.now() + pause > end) {
        log.error({ id, ...failure }, "what became of an idempotent request could not be written");
        return false;
      }
      await this.#patience.pause(pause);
    }
  }

  /** False where the record is no longer ours. */
  #write(settlement: Settlement): Promise<boolean> {
    const { kind, token } = settlement;
    if (kind === "finish") return this.#store.finish(token, settlement.status, settlement.answer);
    return this.#store[kind](token).then(() => true);
  }
}
