import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { globSync, readFileSync } from "node:fs";
import { chmod, chown, copyFile, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { Client } from "pg";
import { freePort } from "./child-gateway.ts";
import { eventually } from "./eventually.ts";

/** With what a URL has to encode. */
const PASSWORD = "p@ss: word/%";
const SUPERUSER = "postgres";

/** A PostgreSQL of our own on a free port of loopback; `stop` removes what it knows. */
export class TestPostgres {
  readonly port: number;
  readonly #folder: string;
  #options: readonly string[];
  #child: ChildProcess | null = null;
  #databases = 0;

  private constructor(port: number, folder: string, options: readonly string[]) {
    this.port = port;
    this.#folder = folder;
    this.#options = options;
  }

  /** `options` as on its command line, such as `-c fsync=on`: without, it does not wait for the disk. */
  static async start(...options: readonly string[]): Promise<TestPostgres> {
    const folder = await mkdtemp(join(tmpdir(), "turnpike-postgres-"));
    const postgres = new TestPostgres(await freePort(), folder, options);
    try {
      await postgres.#initialise();
      await postgres.restart();
      return postgres;
    } catch (error) {
      await postgres.stop();
      throw error;
    }
  }

  /** A new, empty database, whose owner may do nothing elsewhere; its URL as it stands in a config. */
  async database(): Promise<string> {
    const name = `turnpike_${this.#databases++}`;
    await this.query(`CREATE ROLE ${name} LOGIN PASSWORD '${PASSWORD}'`);
    await this.query(`CREATE DATABASE ${name} OWNER ${name}`);
    return this.url(name);
  }

  url(name: string, password = PASSWORD): string {
    return `postgres://${name}:${encodeURIComponent(password)}@127.0.0.1:${this.port}/${name}`;
  }

  /** Of the server, whose children the connections are; 0 while it does not run. */
  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  /** Starts it, if it does not run, on what it knew before. */
  async restart(): Promise<void> {
    const place = ["-D", join(this.#folder, "data"), "-p", String(this.port), "-h", "127.0.0.1", "-k", ""];
    const settings = ["fsync=off", "max_connections=200", "log_min_messages=fatal"];
    const args = [...place, ...settings.flatMap((setting) => ["-c", setting]), ...this.#options];
    const [command, ...rest] = asServerUser("postgres", args);
    // What is left of one that was killed keeps the next from starting, for a moment.
    await eventually(
      "PostgreSQL answers",
      () => {
        if (!this.#runs()) this.#child = spawn(command, rest, { stdio: "ignore" });
        return this.#answers();
      },
      30_000,
    );
  }

  /** Begins again with TLS, by the files of a certificate in PEM. */
  async useTls({ cert, key }: { readonly cert: string; readonly key: string }): Promise<void> {
    await this.kill("SIGINT");
    const user = serverUser();
    for (const [from, name] of [[cert, "server.crt"] as const, [key, "server.key"] as const]) {
      const to = join(this.#folder, "data", name);
      await copyFile(from, to);
      await chmod(to, 0o600);
      if (user !== null) await chown(to, user.uid, user.gid);
    }
    if (!this.#options.includes("ssl=on")) this.#options = [...this.#options, "-c", "ssl=on"];
    await this.restart();
  }

  /** Of the whole server. `SIGINT` ends it in order and at once, `SIGKILL` as a crash does. */
  async kill(signal: NodeJS.Signals = "SIGKILL"): Promise<void> {
    if (!this.#runs()) return;
    const child = this.#child as ChildProcess;
    const closed = once(child, "close");
    child.kill(signal);
    await closed;
  }

  /** Stops all of it where it is, until it is resumed: connections stay, and nothing answers on them. */
  pause(): void {
    for (const pid of this.#processes()) process.kill(pid, "SIGSTOP");
  }

  resume(): void {
    // Children first: their parent collects those that have ended meanwhile.
    for (const pid of this.#processes().toReversed()) process.kill(pid, "SIGCONT");
  }

  /** One statement of the superuser, on a connection of its own. */
  async query(sql: string, database = "postgres"): Promise<readonly unknown[][]> {
    const place = { host: "127.0.0.1", port: this.port, database };
    const client = new Client({ ...place, user: SUPERUSER, password: PASSWORD });
    // It may be killed while this waits: the query rejects.
    client.on("error", () => {});
    await client.connect();
    try {
      return (await client.query({ text: sql, rowMode: "array" })).rows as unknown[][];
    } finally {
      await client.end();
    }
  }

  /** Resolves when it has been up for so long that a lock which nobody holds means that its owner is dead. */
  async lockedUp(): Promise<void> {
    const up = "SELECT clock_timestamp() > pg_postmaster_start_time() + interval '5 seconds'";
    await eventually(
      "everybody has had time to come back",
      async () => (await this.query(up))[0]?.[0] === true,
      10_000,
    );
  }

  async stop(): Promise<void> {
    await this.kill();
    await rm(this.#folder, { recursive: true, force: true, maxRetries: 5 });
  }

  /** The server's, and its children's: one for each connection. */
  #processes(): readonly number[] {
    const server = this.pid;
    const children = readFileSync(`/proc/${server}/task/${server}/children`, "latin1");
    return [server, ...children.split(" ").filter(Boolean).map(Number)];
  }

  #runs(): boolean {
    return this.#child !== null && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  async #initialise(): Promise<void> {
    const passwordFile = join(this.#folder, "password");
    await writeFile(passwordFile, PASSWORD);
    const user = serverUser();
    if (user !== null) {
      await chown(this.#folder, user.uid, user.gid);
      await chown(passwordFile, user.uid, user.gid);
    }
    const who = ["-U", SUPERUSER, `--pwfile=${passwordFile}`, "--auth=scram-sha-256"];
    const args = ["-D", join(this.#folder, "data"), ...who, "--encoding=UTF8", "--no-sync"];
    const [command, ...rest] = asServerUser("initdb", args);
    const child = spawn(command, rest, { stdio: ["ignore", "ignore", "pipe"] });
    let complaints = "";
    child.stderr.on("data", (chunk: Buffer) => {
      complaints += chunk.toString();
    });
    const [code] = await once(child, "close");
    if (code !== 0) throw new Error(`initdb ended with ${code}: ${complaints}`);
  }

  async #answers(): Promise<boolean> {
    try {
      return (await this.query("SELECT 1")).length === 1;
    } catch {
      return false;
    }
  }
}

/** `skip` for a test that needs PostgreSQL: a reason where it is missing, unless every test has to run. */
export function withoutPostgres(): string | false {
  if (process.env["TURNPIKE_REQUIRE_ALL"] === "1" || serverBinary("postgres") !== undefined) return false;
  return "PostgreSQL is not installed";
}

/** Debian keeps the server's own commands out of the path, by version. */
function serverBinary(name: string): string | undefined {
  const folders = (process.env["PATH"] ?? "").split(delimiter);
  return globSync([...folders, "/usr/lib/postgresql/*/bin"].map((folder) => join(folder, name))).at(-1);
}

/** PostgreSQL refuses to run as root: the user it then runs as; null where we are somebody else anyway. */
function serverUser(): { readonly uid: number; readonly gid: number } | null {
  if (process.getuid?.() !== 0) return null;
  const uid = ["postgres", "nobody"]
    .map((name) => spawnSync("id", ["-u", name], { encoding: "utf8" }))
    .find(({ status }) => status === 0)
    ?.stdout.trim();
  if (uid === undefined) throw new Error("there is no user but root to run PostgreSQL as");
  return { uid: Number(uid), gid: Number(uid) };
}

function asServerUser(name: string, args: readonly string[]): [command: string, ...args: string[]] {
  const binary = serverBinary(name);
  if (binary === undefined) throw new Error(`${name} of PostgreSQL is not installed`);
  const user = serverUser();
  if (user === null) return [binary, ...args];
  return ["setpriv", `--reuid=${user.uid}`, `--regid=${user.gid}`, "--clear-groups", binary, ...args];
}
