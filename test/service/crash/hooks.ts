/**
 * Loaded into a gateway with `--import`, in each of its threads: ends the process at the point that stands in the file
 * that `TURNPIKE_CRASH_FILE` names. Methods are wrapped, so that no code knows of it. The file is taken away first: a
 * point is met once.
 */
import { readFileSync, rmSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { Client } from "pg";
import { KeyedCall } from "../../../src/service/resources/once.ts";
import { PostgresResources } from "../../../src/stores/resources/postgres.ts";
import { SqliteResources } from "../../../src/stores/resources/sqlite.ts";
import { ServerConnection } from "../../../src/wire/http1/server-connection.ts";

/** In the order in which a keyed request that changes something comes to them. */
export const POINTS = [
  "before the transaction",
  "in the transaction",
  "as the transaction ends",
  "when the transaction has ended",
  "before the lane has the answer",
  "before the client has the answer",
] as const;
export type CrashPoint = (typeof POINTS)[number];

const file = process.env["TURNPIKE_CRASH_FILE"] ?? "";

function crashAt(point: CrashPoint): void {
  let armed = "";
  try {
    armed = readFileSync(file, "utf8");
  } catch {
    return;
  }
  if (armed !== point) return;
  rmSync(file);
  process.kill(process.pid, "SIGKILL");
}

for (const { prototype } of [SqliteResources, PostgresResources]) {
  for (const method of ["run", "write"] as const) {
    const original = prototype[method] as (...args: unknown[]) => Promise<unknown>;
    Object.assign(prototype, {
      async [method](...args: unknown[]) {
        crashAt("before the transaction");
        const result = await original.apply(this, args);
        crashAt("when the transaction has ended");
        return result;
      },
    });
  }
}

/** While the answer is made, rows are locked or written (but for what PostgreSQL does in one statement), not committed. */
const { keep } = KeyedCall.prototype;
KeyedCall.prototype.keep = function (answer) {
  crashAt("in the transaction");
  return keep.call(this, answer);
};

/** The resources begin savepoints, the records do not. */
let grouped = false;
const { exec } = DatabaseSync.prototype;
DatabaseSync.prototype.exec = function (sql) {
  if (sql.startsWith("SAVEPOINT")) grouped = true;
  if (sql === "COMMIT" && grouped) crashAt("as the transaction ends");
  if (sql === "COMMIT") grouped = false;
  exec.call(this, sql);
};

/** What ends a transaction has just left for the server. */
const query = Client.prototype.query as (...args: unknown[]) => unknown;
Object.assign(Client.prototype, {
  query(this: Client, ...args: unknown[]) {
    const sent = query.apply(this, args);
    const [asked] = args as [string | { readonly text: string }];
    const text = typeof asked === "string" ? asked : asked.text;
    if (text === "COMMIT" || /^WITH .*INSERT INTO turnpike\.events/s.test(text))
      setImmediate(() => crashAt("as the transaction ends"));
    return sent;
  },
});

const { send } = ServerConnection.prototype;
ServerConnection.prototype.send = function (call, reply) {
  const { headers, peer } = call.request;
  // The service listens on a socket without a port.
  const point = peer.localPort === 0 ? "before the lane has the answer" : "before the client has the answer";
  if (reply.status < 300 && headers.has("idempotency-key")) crashAt(point);
  send.call(this, call, reply);
};
