/** Functions of the config, and what they leave behind: a timer, a promise that nobody awaits. */
import { AsyncLocalStorage } from "node:async_hooks";

const running = new AsyncLocalStorage<string>();

export const asFunctionOf = <Result>(resource: string, ask: () => Result): Result =>
  running.run(resource, ask);

/** The resource whose function has begun what is running, however late; undefined for everything else. */
export const resourceOfFunction = (): string | undefined => running.getStore();
