/** One question to a target, on a connection of its own: what checks its health. */
import { request as askPlainly, type ClientRequest, type IncomingMessage } from "node:http";
import { request as askSecurely } from "node:https";
import type { LookupFunction } from "node:net";
import type { Target } from "../../core/kinds.ts";
import { tlsTo, type UpstreamTls } from "./upstream-tls.ts";

export interface Question {
  readonly target: Target;
  /** Asked with GET; redirects are answers like others. */
  readonly path: string;
  readonly host: string;
  readonly tls: UpstreamTls;
  /** The system's where undefined. */
  readonly lookup: LookupFunction | undefined;
}

/** `failure` says in words for the log why there is no answer. */
export type ProbeAnswer = { readonly status: number } | { readonly failure: string };

export interface Probe {
  /** Nothing is answered any more. */
  abort(): void;
}

/** Nobody needs more of the body: what comes beyond is not waited for. */
const MAX_BODY = 16 * 1024;

/** `answered` is called once, unless the probe is aborted. It has no timeout of its own and keeps no process alive. */
export function probe(question: Question, answered: (answer: ProbeAnswer) => void): Probe {
  let open = true;
  const settle = (answer: ProbeAnswer): void => {
    if (!open) return;
    open = false;
    asked.destroy();
    answered(answer);
  };
  const asked = send(question);
  asked.on("socket", (socket) => socket.unref());
  asked.on("response", (response) => readToEnd(response, settle));
  asked.on("error", (error) => settle({ failure: reasonOf(error) }));
  asked.on("close", () => settle({ failure: "it has closed the connection" }));
  asked.end();
  return {
    abort() {
      open = false;
      asked.destroy();
    },
  };
}

function send({ target, path, host, tls, lookup }: Question): ClientRequest {
  const options = {
    host: target.host,
    port: target.port,
    path,
    agent: false,
    headers: { Host: host, "User-Agent": "turnpike-health-check", Accept: "*/*", Connection: "close" },
    ...(lookup === undefined ? {} : { lookup }),
  } as const;
  if (!target.secure) return askPlainly(options);
  return askSecurely({ ...options, ...tlsTo(target.host, tls) });
}

function readToEnd(response: IncomingMessage, settle: (answer: ProbeAnswer) => void): void {
  const answer = { status: response.statusCode ?? 0 };
  let size = 0;
  response.on("data", (chunk: Buffer) => {
    size += chunk.length;
    if (size > MAX_BODY) settle(answer);
  });
  response.on("end", () => settle(answer));
  response.on("error", () => settle({ failure: "its answer is cut short" }));
}

function reasonOf(error: Error & { readonly code?: unknown }): string {
  return typeof error.code === "string" ? `it cannot be asked (${error.code})` : "it cannot be asked";
}
