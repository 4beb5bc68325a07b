/** Calls between threads: methods of an object on the other side, each call one message and one answer. */
import { MessagePort, type Worker } from "node:worker_threads";
import { ConfigError, type Problem } from "../config/problem.ts";

/** Either end of a line between two threads. */
type Line = Pick<MessagePort | Worker, "postMessage"> & {
  on(event: "message", listener: (message: unknown) => void): unknown;
};

/** An object as another thread sees it: whatever its methods return comes as a promise. */
export type Remote<Api> = {
  readonly [Name in keyof Api]: Api[Name] extends (...args: infer Args) => infer Result
    ? (...args: Args) => Promise<Awaited<Result>>
    : never;
};

interface Request {
  readonly call: number;
  readonly name: string;
  readonly args: readonly unknown[];
}

interface Answer {
  readonly answer: number;
  readonly value?: unknown;
  readonly error?: SentError;
}

/** Structured clone loses the class of an error, and what our classes add to it. */
interface SentError {
  readonly message: string;
  readonly problems?: readonly Problem[];
  /** Of a system error: `code`, `port`, `address`. */
  readonly fields: Readonly<Record<string, unknown>>;
}

/** Lets the other end call the methods of `api`. */
export function expose(line: Line, api: object): void {
  const methods = api as Readonly<Record<string, (...args: readonly unknown[]) => unknown>>;
  line.on("message", (message) => {
    if (!isRequest(message)) return;
    const { call, name, args } = message;
    Promise.resolve()
      .then(() => methods[name]?.call(api, ...args))
      .then(
        (value) => line.postMessage({ answer: call, value } satisfies Answer),
        (error: unknown) => line.postMessage({ answer: call, error: sendable(error) } satisfies Answer),
      );
  });
}

export interface Connection<Api> {
  readonly remote: Remote<Api>;
  /** The other end is gone: whoever waits for an answer is told. */
  lost(): void;
}

/** The methods that the other end exposes. */
export function connect<Api extends object>(line: Line): Connection<Api> {
  const waiting = new Map<number, PromiseWithResolvers<unknown>>();
  let calls = 0;
  let gone = false;
  line.on("message", (message) => {
    if (!isAnswer(message)) return;
    const waiter = waiting.get(message.answer);
    waiting.delete(message.answer);
    if (message.error === undefined) waiter?.resolve(message.value);
    else waiter?.reject(received(message.error));
  });
  const remote = new Proxy({} as Remote<Api>, {
    get: (_, name) => (typeof name === "symbol" || name === "then" ? undefined : caller(name)),
  });
  return { remote, lost };

  function caller(name: string) {
    return (...args: readonly unknown[]): Promise<unknown> => {
      if (gone) return Promise.reject(new ThreadLost());
      const call = ++calls;
      const waiter = Promise.withResolvers<unknown>();
      waiting.set(call, waiter);
      // A port is moved to the other thread; everything else is copied.
      const ports = args.filter((arg) => arg instanceof MessagePort);
      line.postMessage({ call, name, args } satisfies Request, ports);
      return waiter.promise;
    };
  }

  function lost(): void {
    gone = true;
    for (const waiter of waiting.values()) waiter.reject(new ThreadLost());
    waiting.clear();
  }
}

export class ThreadLost extends Error {
  constructor() {
    super("the thread has ended");
    this.name = "ThreadLost";
  }
}

function isRequest(message: unknown): message is Request {
  return typeof message === "object" && message !== null && "call" in message;
}

function isAnswer(message: unknown): message is Answer {
  return typeof message === "object" && message !== null && "answer" in message;
}

function sendable(error: unknown): SentError {
  if (error instanceof ConfigError) return { message: error.message, problems: error.problems, fields: {} };
  if (!(error instanceof Error)) return { message: String(error), fields: {} };
  const { code, port, address } = error as Error & Record<string, unknown>;
  return { message: error.message, fields: { stack: error.stack, code, port, address } };
}

function received({ message, problems, fields }: SentError): Error {
  if (problems !== undefined) return new ConfigError(problems);
  return Object.assign(new Error(message), fields);
}

/** The same for an object in this thread. */
export function here<Api extends object>(api: Api): Remote<Api> {
  const methods = api as Readonly<Record<string, (...args: readonly unknown[]) => unknown>>;
  return new Proxy({} as Remote<Api>, {
    get: (_, name) =>
      typeof name === "symbol" || name === "then"
        ? undefined
        : async (...args: unknown[]) => methods[name]?.call(api, ...args),
  });
}
