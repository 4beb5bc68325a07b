/** Before the policies group is measured: does this proxy do what it is compared for? From outside, like `verify.ts`. */
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import type { LoadPlan } from "./loads.ts";
import { exposed, origin, secretOf, strict } from "./stack.ts";
import { type Answer, ask, witness } from "./verify.ts";

export interface StackCheck {
  readonly port: number;
  readonly logPath: string;
  readonly statesLimits: boolean;
  readonly load: LoadPlan;
}

/** Of keys that nobody was given; in the right format, so that it has to be looked up. */
const unknownKey = secretOf(-1);
const limitFields = [
  "x-ratelimit-limit",
  "x-ratelimit-remaining",
  "x-ratelimit-reset",
  "ratelimit",
  "ratelimit-policy",
];
const logPatienceMs = 3_000;

/** Throws with the reason if this proxy must not be measured. */
export async function verifyStack({ port, logPath, statesLimits, load }: StackCheck): Promise<void> {
  const { path, headers, witnessPath } = load;
  const { "X-API-Key": _, ...anonymous } = headers;
  expectStatus("no key", await ask({ port, path, headers: anonymous }), 401);
  const wrong = { ...headers, "X-API-Key": unknownKey };
  expectStatus("an unknown key", await ask({ port, path, headers: wrong }), 401);
  const answer = await ask({ port, path, headers });
  expectStatus("the right key", answer, 200);
  for (const field of statesLimits ? ["x-request-id", ...limitFields] : ["x-request-id"]) {
    if (answer.headers[field] === undefined) throw new Error(`its answers have no ${field}`);
  }
  if (answer.headers["access-control-allow-origin"] !== origin) {
    throw new Error(`its answers do not allow ${origin} to read them`);
  }
  // Some 300 bytes of each answer: who writes fewer has less to do.
  if (answer.headers["access-control-expose-headers"] !== exposed) {
    throw new Error(`its answers expose ${answer.headers["access-control-expose-headers"]}, not ${exposed}`);
  }
  const seen = await witness({ port, path: witnessPath, headers });
  if (seen.includes("X-API-Key")) throw new Error("it passed the key on to the origin");
  for (const field of ["X-Request-Id", "X-Consumer-Id"]) {
    if (!seen.includes(field)) throw new Error(`the origin received no ${field}`);
  }
  await verifyLine(logPath, String(answer.headers["x-request-id"]), path);
}

/** The bucket holds five: of ten requests at once, exactly five pass. */
export async function verifyLimit({ port, load }: { port: number; load: LoadPlan }): Promise<void> {
  const { path, headers } = load;
  const asked = Array.from({ length: 2 * strict.count }, () => ask({ port, path, headers }));
  const statuses = (await Promise.all(asked)).map(({ status }) => status);
  const passed = statuses.filter((status) => status === 200).length;
  const refused = statuses.filter((status) => status === 429).length;
  if (passed !== strict.count || refused !== strict.count) {
    throw new Error(
      `with a limit of ${strict.count} requests, ${asked.length} were answered ${statuses.join(", ")}`,
    );
  }
}

function expectStatus(what: string, { status }: Answer, expected: number): void {
  if (status !== expected) throw new Error(`${what} was answered ${status}, not ${expected}`);
}

async function verifyLine(logPath: string, id: string, path: string): Promise<void> {
  const until = performance.now() + logPatienceMs;
  for (;;) {
    const line = readFileSync(logPath, "utf8")
      .split("\n")
      .find((text) => text.includes(id));
    if (line !== undefined) {
      checkLine(line, id, path);
      return;
    }
    if (performance.now() > until) throw new Error(`its log has no line for the request ${id}`);
    await sleep(20);
  }
}

/** Throws unless this is what everybody has to tell of a request. */
export function checkLine(line: string, id: string, path: string): void {
  const fields = JSON.parse(line) as Record<string, unknown>;
  const expected = { id, method: "GET", path, status: 200, client_ip: "127.0.0.1" };
  for (const [name, value] of Object.entries(expected)) {
    if (fields[name] !== value) throw new Error(`its log line says ${name}: ${JSON.stringify(fields[name])}`);
  }
  for (const name of ["consumer", "host"]) {
    if (typeof fields[name] !== "string" || fields[name] === "")
      throw new Error(`its log line has no ${name}: ${line}`);
  }
}
