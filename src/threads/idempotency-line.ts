/**
 * The records of idempotency as a lane sees them: a line of its own to the desk in the service's thread. What one turn
 * of the event loop asks goes in one message.
 */
import type { MessagePort } from "node:worker_threads";
import type {
  Claim,
  Claimed,
  ClaimToken,
  IdempotencyResult,
  IdempotencyStatus,
  IdempotencyStore,
} from "../core/idempotency.ts";
import type { Ticker } from "../core/tools.ts";
import { type Connection, connect, ThreadLost } from "./channel.ts";
import type { IdempotencyDeskApi, LaneChange } from "./idempotency-desk.ts";
import { OwedChanges } from "./owed-changes.ts";

interface Asked extends PromiseWithResolvers<IdempotencyResult> {
  readonly change: LaneChange;
}

/** How often what could not be written is tried again. */
const SETTLE_MS = 1_000;
const SETTLE_AT_ONCE = 256;

export class IdempotencyLine implements IdempotencyStore {
  #desk: Connection<IdempotencyDeskApi> | null = null;
  #asked: Asked[] = [];
  readonly #owed = new OwedChanges();
  readonly #stopTicking: () => void;
  #line: MessagePort | null = null;
  #settling = false;
  #settleAt = 0;

  constructor(ticker: Ticker) {
    this.#stopTicking = ticker.subscribe((now) => {
      if (now < this.#settleAt || this.#settling || this.#owed.size === 0) return;
      this.#settleAt = now + SETTLE_MS;
      void this.#settle();
    });
  }

  /** Who waits for the line before is told that it is lost. */
  attach(line: MessagePort): void {
    this.#desk?.lost();
    this.#line?.close();
    const desk = connect<IdempotencyDeskApi>(line);
    line.on("close", () => desk.lost());
    line.unref();
    this.#desk = desk;
    this.#line = line;
  }

  /** The desk takes this for the end of the lane. */
  close(): void {
    this.#stopTicking();
    this.#line?.close();
  }

  async claim(claim: Claim): Promise<Claimed> {
    return (await this.#ask({ kind: "claim", claim })) as Claimed;
  }

  async finish(token: ClaimToken, status: number, answer: Uint8Array | null): Promise<boolean> {
    return (await this.#ask({ kind: "finish", token, status, answer })) as boolean;
  }

  async lose(token: ClaimToken): Promise<void> {
    await this.#ask({ kind: "lose", token });
  }

  async release(token: ClaimToken): Promise<void> {
    await this.#ask({ kind: "release", token });
  }

  async status(id: string): Promise<IdempotencyStatus | null> {
    return await this.#connected().status(id);
  }

  async #ask(change: LaneChange): Promise<IdempotencyResult> {
    const asked: Asked = { ...Promise.withResolvers<IdempotencyResult>(), change };
    if (this.#asked.push(asked) === 1) setImmediate(() => void this.#send());
    try {
      return await asked.promise;
    } catch (error) {
      this.#owed.add(change);
      throw error;
    }
  }

  async #send(): Promise<void> {
    const asked = this.#asked;
    this.#asked = [];
    try {
      const results = await this.#connected().apply(asked.map(({ change }) => compact(change)));
      for (const [i, { resolve }] of asked.entries()) resolve(results[i] as IdempotencyResult);
    } catch (error) {
      for (const { reject } of asked) reject(error);
    }
  }

  #connected(): Connection<IdempotencyDeskApi>["remote"] {
    if (this.#desk === null) throw new ThreadLost();
    return this.#desk.remote;
  }

  /** A claim that nobody waits for any more is made once more, which gives its token, and released. */
  async #settle(): Promise<void> {
    this.#settling = true;
    try {
      const owed = this.#owed.first(SETTLE_AT_ONCE);
      const results = await this.#connected().apply(owed.map(compact));
      const releases = results.flatMap((result): LaneChange[] =>
        typeof result === "object" && result.kind === "claimed"
          ? [{ kind: "release", token: result.token }]
          : [],
      );
      if (releases.length > 0) await this.#connected().apply(releases);
      for (const change of owed) this.#owed.delete(change);
      if (this.#owed.size > 0) this.#settleAt = 0;
    } catch {
      // Whoever asked has been told; the next turn may find the store.
    } finally {
      this.#settling = false;
    }
  }
}

/** A view of a part of a buffer would take the whole of it along. */
function compact(change: LaneChange): LaneChange {
  if (change.kind === "claim") {
    const { digest, fingerprint } = change.claim;
    return { ...change, claim: { ...change.claim, digest: whole(digest), fingerprint: whole(fingerprint) } };
  }
  const token = { ...change.token, digest: whole(change.token.digest) };
  if (change.kind !== "finish") return { ...change, token };
  return { ...change, token, answer: change.answer === null ? null : whole(change.answer) };
}

function whole(view: Uint8Array): Uint8Array {
  return view.byteLength === view.buffer.byteLength ? view : new Uint8Array(view);
}
