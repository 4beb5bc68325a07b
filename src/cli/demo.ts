/** `turnpike demo`, which is `npm start`: the example shop behind the gateway, and a carrier as a process of its own. */
import { type ChildProcess, spawn } from "node:child_process";
import { createServer } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { type RunningGateway, runGateway } from "../main.ts";
import { DEMO_KEYS } from "./demo-keys.ts";
import { stock } from "./demo-stock.ts";
import { Refusal } from "./refusal.ts";
import { stopOnSignals } from "./start.ts";

const SHOP = join(fileURLToPath(new URL("../../examples/shop/", import.meta.url)));
const PORT = 8080;
const ADMIN_PORT = 8081;

/** Resolves with the exit code when it has been stopped. */
export async function runDemo(options: { readonly port?: number }): Promise<number> {
  const carrier = await startCarrier();
  try {
    process.env["CARRIER_URL"] = carrier.url;
    process.env["PORT"] = String(options.port ?? process.env["PORT"] ?? (await free(PORT)));
    process.env["ADMIN_PORT"] ??= String(await free(ADMIN_PORT));
    const gateway = await runGateway(join(SHOP, "turnpike.config.ts"));
    stopOnSignals(gateway);
    const product = await stock(gateway.address);
    process.stdout.write(`listening on ${gateway.address}\n\n${welcome(gateway, carrier.url, product)}\n`);
    carrier.process.once("exit", () => void gateway.stop("interrupt"));
    return await gateway.done;
  } finally {
    carrier.process.kill();
  }
}

/** The wanted port, or 0 for any where another program has it: a demonstration should not fail for that. */
async function free(port: number): Promise<number> {
  const probe = createServer();
  return new Promise((resolve) => {
    probe.once("error", () => resolve(0));
    probe.listen(port, "127.0.0.1", () => probe.close(() => resolve(port)));
  });
}

async function startCarrier(): Promise<{ process: ChildProcess; url: string }> {
  // The channel is there to be closed with us: a carrier whose gateway was killed ends too.
  const child = spawn(process.execPath, [join(SHOP, "carrier.ts")], {
    stdio: ["ignore", "pipe", "inherit", "ipc"],
    env: { ...process.env, PORT: "0" },
  });
  if (child.stdout === null) throw new Refusal("the example carrier could not be started", 1);
  for await (const line of createInterface({ input: child.stdout })) {
    const url = /^carrier on (\S+)$/.exec(line)?.[1];
    if (url !== undefined) return { process: child, url };
  }
  throw new Refusal("the example carrier could not be started", 1);
}

function welcome({ address, adminAddress }: RunningGateway, carrier: string, product: string): string {
  const key = `-H 'X-API-Key: ${DEMO_KEYS.acme}'`;
  const other = `-H 'X-API-Key: ${DEMO_KEYS.globex}'`;
  const json = "-H 'Content-Type: application/json'";
  const database = process.env["DATABASE"]?.startsWith("postgres") ? "PostgreSQL" : "SQLite";
  const same = process.env["DATABASE"] === undefined ? "" : "   # with DATABASE set as it is here";
  return `  client ──▶ Turnpike ${address} ──▶ shop (resources on ${database}, in this process)
                                        ──▶ carrier ${carrier} (a process of its own; fails 10 s of every 30)
  All of it is examples/shop/turnpike.config.ts. Try, in another terminal:

    curl -i '${address}/products?limit=2'
    curl -i ${address}/products/${product}
    curl -i ${address}/orders                        # 401: orders need a key
    curl -i ${key} ${json} -H 'Idempotency-Key: one' -d '{"email":"ada@example.com","full_name":"Ada"}' ${address}/customers
    curl -i ${key} ${json} -d '{"product":"${product}","quantity":0}' ${address}/orders     # 422: all that is wrong, at once
    curl -i ${key} '${address}/orders?expand=customer&status=pending&sort=-created_at&limit=5'
    curl -i ${key} ${address}/v1/customers           # version 1: full_name is called name, and says when it ends
    curl -i ${other} ${address}/customers            # another tenant sees nothing of it
    curl -i -X DELETE ${address}/openapi.json        # 405, with what is allowed
    curl -s ${address}/openapi.json                  # OpenAPI 3.1, made of the definitions
    curl -i --path-as-is ${address}/products/..%2forders   # 400: no path with two readings gets through
    curl -i ${key} ${address}/shipments              # the carrier; 503 and Retry-After while its circuit is open
    curl -s ${address}/debug/headers                 # what a service sees of a call
    curl -N ${address}/ticks                         # server-sent events, as they happen
    curl -s ${adminAddress}/metrics
    npm run -s turnpike -- demo traffic --url ${address}   # plays clients: browsing, orders, retries, payments
    npm run -s turnpike -- keys create --config examples/shop/turnpike.config.ts --consumer you --scopes orders:read${same}

  Ctrl-C stops both. Below: one line of JSON for each call.
`;
}
