/** `turnpike demo`, which is `npm start`: the example shop as a process of its own, and the gateway in front of it. */
import { type ChildProcess, spawn } from "node:child_process";
import { createServer } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { type RunningGateway, runGateway } from "../main.ts";
import { Refusal } from "./refusal.ts";
import { stopOnSignals } from "./start.ts";

const SHOP = join(fileURLToPath(new URL("../../examples/shop/", import.meta.url)));
const PORT = 8080;
const ADMIN_PORT = 8081;

/** Resolves with the exit code when it has been stopped. */
export async function runDemo(options: { readonly port?: number }): Promise<number> {
  const shop = await startShop();
  try {
    process.env["SHOP_URL"] = shop.url;
    process.env["PORT"] = String(options.port ?? (await free(PORT)));
    process.env["ADMIN_PORT"] = String(await free(ADMIN_PORT));
    const gateway = await runGateway(join(SHOP, "turnpike.yaml"));
    stopOnSignals(gateway);
    process.stdout.write(`listening on ${gateway.address}\n\n${welcome(gateway, shop.url)}\n`);
    shop.process.once("exit", () => void gateway.stop("interrupt"));
    return await gateway.done;
  } finally {
    shop.process.kill();
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

async function startShop(): Promise<{ process: ChildProcess; url: string }> {
  // The channel is there to be closed with us: a shop whose gateway was killed ends too.
  const child = spawn(process.execPath, [join(SHOP, "service.ts")], {
    stdio: ["ignore", "pipe", "inherit", "ipc"],
    env: { ...process.env, PORT: "0" },
  });
  if (child.stdout === null) throw new Refusal("the example shop could not be started", 1);
  for await (const line of createInterface({ input: child.stdout })) {
    const url = /^shop on (\S+)$/.exec(line)?.[1];
    if (url !== undefined) return { process: child, url };
  }
  throw new Refusal("the example shop could not be started", 1);
}

/** Of the config's `keys`, which holds its hash. Opens nothing but the example. */
const DEMO_KEY = "tp_test_N4d3ASyx6Zi0LdAiBxQPVjXR4iLb083gllxe";

function welcome({ address, adminAddress }: RunningGateway, shop: string): string {
  return `  client ──▶ Turnpike ${address} ──▶ shop ${shop}
  The shop is an ordinary Node service in a process of its own: examples/shop/service.ts.
  The road in front of it is examples/shop/turnpike.yaml. Try, in another terminal:

    curl -i ${address}/products
    curl -i ${address}/products/prod_1
    curl -i ${address}/orders                        # 401: orders need a key
    curl -i -H 'X-API-Key: ${DEMO_KEY}' -d '{"product":"prod_1","quantity":2}' ${address}/orders
    curl -i -X DELETE ${address}/orders              # 405, with what is allowed
    curl -i --path-as-is ${address}/products/..%2forders   # 400: no path with two readings gets through
    curl -s ${address}/debug/headers                 # what the shop sees of a call
    curl -N ${address}/events                        # server-sent events, as they happen
    curl -s ${adminAddress}/metrics
    npm run -s turnpike -- keys create --config examples/shop/turnpike.yaml --consumer you --scopes orders:read

  Ctrl-C stops both. Below: one line of JSON for each call.
`;
}
