import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import type { Setting } from "../cases.ts";
import { issueKeys } from "../issued-keys.ts";
import { routePath } from "../loads.ts";
import { find, freePort, launch, writeConfig } from "../processes.ts";
import { consumer, hashOf, origin, type Stack, secretOf } from "../stack.ts";
import type { Peer } from "./peer.ts";

/** The gateway itself. `command` starts its command line; null: as package.json says. */
export function turnpike(repository: string, command: readonly string[] | null): Peer {
  const cli = command ?? commandOf(repository);
  return {
    name: "turnpike",
    statesLimits: true,

    does({ stack, idempotency }) {
      const keyed =
        idempotency === null
          ? ""
          : "; idempotency: claim and answer on disk (SQLite, synced) before the request goes and before the answer does";
      const proxying =
        "strict head and framing checks, one path normalisation, routing, request id and trace context made or checked";
      return stack === null
        ? `${proxying}; access line off (log.requests: false)${keyed}`
        : `${proxying}; cors, api-key, rate-limit (token bucket by consumer), JSON access line to a file`;
    },

    async probe() {
      const missing = whatIsMissing(cli);
      if (missing !== null) return { missing };
      return { version: `turnpike ${packageAt(repository).version ?? "?"}, node ${process.version}` };
    },

    async start({ name, folder, originPort, core, setting, environment }) {
      const port = await freePort();
      const logPath = setting.stack === null ? null : join(folder, `${name}-access.log`);
      const records = await recordsOf(setting, join(folder, `${name}.db`), folder);
      const adminPort = await freePort();
      const config = turnpikeConfig({ port, adminPort, originPort, setting, logPath, records });
      const path = writeConfig(folder, `${name}.yaml`, config);
      const program = await launch({
        name,
        command: [...cli, "start", "--config", path],
        folder,
        core,
        environment: { NODE_ENV: "production", ...environment },
        ready: { prints: /listening on http:\/\// },
      });
      return { program, port, config, logPath };
    },
  };
}

export interface Surroundings {
  readonly port: number;
  readonly adminPort: number;
  readonly originPort: number;
  readonly setting: Setting;
  readonly logPath: string | null;
  /** Where issued keys and answers are; null: there are none. */
  readonly records: string | null;
}

/** The keys are pinned in the design; what is not named here stays at its default. */
export function turnpikeConfig(surroundings: Surroundings): string {
  const { port, adminPort, originPort, setting, logPath } = surroundings;
  const pipelining = setting.pipelining > 1 ? `, pipelining: ${setting.pipelining}` : "";
  return `listen: { host: 127.0.0.1, port: ${port} }
admin: { port: ${adminPort} }
lanes: ${setting.lanes}
log: ${logPath === null ? "{ requests: false }" : `{ to: "${logPath}" }`}
upstreams: { origin: { targets: ["http://127.0.0.1:${originPort}"]${pipelining} } }
${storeOf(surroundings)}${setting.stack === null ? "" : policies(setting.stack)}${setting.routes === 0 ? `routes: [{ name: bare, path: /*, to: { upstream: origin }${setting.idempotency === null ? "" : ", policies: [{ idempotency: {} }]"} }]` : routeList(setting.routes)}
`;
}

function storeOf({ setting, records }: Surroundings): string {
  if (records !== null) return `store: { records: "${records}" }\n`;
  return setting.stack === null
    ? ""
    : `keys: [{ id: bench, hash: "${hashOf(secretOf(0))}", consumer: ${consumer} }]\n`;
}

function policies({ limit }: Stack): string {
  return `policies:
  - cors: { origins: ["${origin}"] }
  - api-key: {}
  - rate-limit: { algorithm: token-bucket, limit: ${limit.count}, window: ${limit.seconds}s, by: consumer }
`;
}

async function recordsOf(
  { stack, idempotency }: Setting,
  file: string,
  folder: string,
): Promise<string | null> {
  if (idempotency !== null) return `sqlite:${file}`;
  return stack === null || stack.issuedKeys === 0 ? null : await issueKeys(stack.issuedKeys, folder);
}

function routeList(count: number): string {
  const lines = Array.from({ length: count }, (_, index) => {
    return `  - { name: r${String(index).padStart(5, "0")}, path: "${routePath(index)}", to: { upstream: origin } }`;
  });
  return `routes:\n${lines.join("\n")}`;
}

/** What `npm run -s turnpike` would run, without npm and its shell in between: their CPU is not the gateway's. */
export function commandOf(repository: string): string[] {
  const script = packageAt(repository).scripts?.turnpike ?? "";
  const [program = "", ...rest] = script.split(/\s+/).filter((word) => word !== "");
  if (program !== "node") {
    const local = join(repository, "node_modules/.bin", program);
    return [existsSync(local) ? local : program, ...rest];
  }
  return [process.execPath, ...rest.map((word) => (word.startsWith("-") ? word : resolve(repository, word)))];
}

interface Package {
  readonly version?: string;
  readonly scripts?: { readonly turnpike?: string };
}

function packageAt(repository: string): Package {
  return JSON.parse(readFileSync(join(repository, "package.json"), "utf8")) as Package;
}

function whatIsMissing([program = "", ...rest]: readonly string[]): string | null {
  if (program === "") return 'package.json has no script "turnpike"';
  if (!existsSync(program) && find(program) === null) return `${program} is not there`;
  const file = rest.find((word) => !word.startsWith("-"));
  return file !== undefined && !existsSync(file) ? `${file} does not exist` : null;
}
