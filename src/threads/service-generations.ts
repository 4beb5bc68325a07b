import type { Call } from "../core/call.ts";
import type { Handler } from "../core/handler.ts";
import type { Reply } from "../core/reply.ts";
import type { ApiVersion, VersionsPlan } from "../core/version.ts";

/** The resources of one config at work. */
export interface ServiceFace {
  readonly handler: Handler;
  close(): Promise<void> | void;
}

/** Calls that began under a config end under it, in the service thread as in the lanes. */
export class ServiceGeneration {
  readonly versions: VersionsPlan | null;
  readonly #face: ServiceFace;
  readonly #byName: ReadonlyMap<string, ApiVersion>;
  /** Calls that have not been answered. */
  running = 0;
  #idle: PromiseWithResolvers<void> | null = null;

  constructor(face: ServiceFace, versions: VersionsPlan | null) {
    this.versions = versions;
    this.#face = face;
    this.#byName = new Map((versions?.list ?? []).map((version) => [version.name, version]));
  }

  /** Null in an API without versions; the newest where a lane goes by another config that has one more. */
  versionNamed(name: string | null): ApiVersion | null {
    if (name === null) return null;
    return this.#byName.get(name) ?? this.versions?.list.at(-1) ?? null;
  }

  answer(call: Call): Reply | Promise<Reply> {
    this.running++;
    let reply: Reply | Promise<Reply>;
    try {
      reply = this.#face.handler(call);
    } catch (thrown) {
      this.#left();
      throw thrown;
    }
    if (reply instanceof Promise) return reply.finally(() => this.#left());
    this.#left();
    return reply;
  }

  /** When the last call has been answered, whether or not anybody still waits for it. */
  async end(): Promise<void> {
    if (this.running > 0) {
      this.#idle ??= Promise.withResolvers<void>();
      await this.#idle.promise;
    }
    await this.#face.close();
  }

  #left(): void {
    this.running--;
    if (this.running === 0) this.#idle?.resolve();
  }
}

/** By the number that lanes name with every call. */
export class Generations {
  readonly #byNumber = new Map<number, ServiceGeneration>();
  readonly #ending = new Set<Promise<void>>();
  #newest: ServiceGeneration | null = null;

  add(number: number, generation: ServiceGeneration): void {
    const before = this.#byNumber.get(number);
    this.#byNumber.set(number, generation);
    this.#newest = generation;
    if (before !== undefined) this.#end(before);
  }

  /** The newest in place of one that has been forgotten. Nobody asks before the first is there. */
  find(number: number): ServiceGeneration {
    return this.#byNumber.get(number) ?? (this.#newest as ServiceGeneration);
  }

  /** The lanes go by this one, or by a later one: no new call names an earlier one. */
  forgetBefore(number: number): void {
    for (const [earlier, generation] of this.#byNumber) {
      if (earlier >= number) continue;
      this.#byNumber.delete(earlier);
      this.#end(generation);
    }
  }

  /** Resolves when every call that has come has been answered. */
  async close(): Promise<void> {
    this.forgetBefore(Number.POSITIVE_INFINITY);
    await Promise.all(this.#ending);
  }

  #end(generation: ServiceGeneration): void {
    const ended = generation.end().finally(() => this.#ending.delete(ended));
    this.#ending.add(ended);
  }
}
