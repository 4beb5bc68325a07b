import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "./child-gateway.ts";
import { eventually } from "./eventually.ts";

/** A `redis-server` of our own on a free port of loopback; what it knows dies with it. */
export class TestRedis {
  readonly port: number;
  readonly #folder: string;
  readonly #options: readonly string[];
  #child: ChildProcess | null = null;

  private constructor(port: number, folder: string, options: readonly string[]) {
    this.port = port;
    this.#folder = folder;
    this.#options = options;
  }

  /** `options` as on its command line. */
  static async start(...options: readonly string[]): Promise<TestRedis> {
    const folder = await mkdtemp(join(tmpdir(), "turnpike-redis-"));
    const redis = new TestRedis(await freePort(), folder, options);
    await redis.restart();
    return redis;
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  /** Starts it, empty, if it does not run. */
  async restart(): Promise<void> {
    const place = ["--port", String(this.port), "--bind", "127.0.0.1", "--dir", this.#folder];
    this.#child = spawn("redis-server", [...place, "--save", "", ...this.#options], { stdio: "ignore" });
    await eventually("redis-server answers", () => this.#answers());
  }

  /** As a crash or a full disk would: `SIGKILL`; or stalls it: `SIGSTOP`, `SIGCONT`. */
  signal(name: NodeJS.Signals): void {
    this.#child?.kill(name);
  }

  async kill(): Promise<void> {
    const child = this.#child;
    this.#child = null;
    if (child === null || child.exitCode !== null || child.signalCode !== null) return;
    child.kill("SIGKILL");
    await once(child, "close");
  }

  /** One command on a connection of its own; the reply as it comes. */
  async command(...parts: string[]): Promise<string> {
    const socket = connect(this.port, "127.0.0.1");
    try {
      socket.write(
        `*${parts.length}\r\n${parts.map((part) => `$${Buffer.byteLength(part)}\r\n${part}\r\n`).join("")}`,
      );
      const [reply] = (await once(socket, "data")) as [Buffer];
      return reply.toString().trimEnd();
    } finally {
      socket.destroy();
    }
  }

  async stop(): Promise<void> {
    await this.kill();
    await rm(this.#folder, { recursive: true, force: true });
  }

  async #answers(): Promise<boolean> {
    try {
      return (await this.command("PING")) === "+PONG";
    } catch {
      return false;
    }
  }
}

/** `skip` for a test that needs `redis-server`: a reason where it is missing, unless every test has to run. */
export function withoutRedis(): string | false {
  const { TURNPIKE_REQUIRE_ALL } = process.env;
  if (TURNPIKE_REQUIRE_ALL === "1" || spawnSync("redis-server", ["--version"]).status === 0) return false;
  return "redis-server is not installed";
}
