/**
 * Whether the time of a refusal tells unknown keys from wrong ones (J-04): `npx node test/keys/timing.ts [samples]`.
 *
 * Every kind of wrong key is asked in turn over one kept connection, so that whatever else the machine does meets all
 * alike; Welch's t of each kind against the keys that nobody issued. |t| below 4.5 is no difference that can be used.
 * Keys whose checksum does not fit are a little faster by intent, as they are not looked up; anybody can compute that.
 */

import { randomBytes } from "node:crypto";
import { keySecret } from "../../src/core/key-format.ts";
import { get } from "../harness/ask.ts";
import { startChildGateway } from "../harness/child-gateway.ts";
import { RawClient } from "../harness/raw.ts";
import { someKey, tempStore } from "../harness/store.ts";

const samples = Number(process.argv[2] ?? 20_000);
const WARM_UP = 2_000;

const store = await tempStore();
const records = await store.open();
const issued = Array.from({ length: 1_000 }, () => someKey());
await records.keys.createMany(
  issued.map(({ key }) => key),
  "timing",
);
const gateway = await startChildGateway(
  {
    lanes: 1,
    limits: { requestsPerConnection: 1_000_000_000 },
    store: { records: `sqlite:${store.file}` },
    routes: [{ path: "/*", to: { fixed: { body: "in" } }, policies: [{ "api-key": {} }] }],
  },
  { requests: false },
);

const fresh = (prefix = "tp"): string => keySecret(prefix, "live", randomBytes(32));
const someone = (): string => issued[Math.floor(Math.random() * issued.length)]?.secret ?? "";
const kinds: Readonly<Record<string, () => string>> = {
  unknown: () => fresh(),
  "unknown again": () => fresh(),
  "near miss (checksum does not fit)": () => {
    const secret = someone();
    return `${secret.slice(0, -1)}${secret.endsWith("a") ? "b" : "a"}`;
  },
  "issued start, unknown rest": () => {
    const head = someone().slice(0, 30);
    return keySecret("tp", "live", randomBytes(32)).replace(/^.{30}/, head);
  },
  "other prefix": () => fresh("xy"),
};

const times = new Map(Object.keys(kinds).map((kind) => [kind, [] as number[]]));
const client = await RawClient.to(gateway.port);
try {
  for (let i = -WARM_UP; i < samples; i++) {
    // All made before any is sent: what making one costs the client must not show in its time.
    const requests = Object.entries(kinds).map(
      ([kind, make]) => [kind, Buffer.from(get("/", `X-API-Key: ${make()}\r\n`))] as const,
    );
    for (const [kind, request] of shuffled(requests)) {
      const started = process.hrtime.bigint();
      client.send(request);
      await client.until(() => client.received.length > 0);
      const took = Number(process.hrtime.bigint() - started) / 1_000;
      client.received = Buffer.alloc(0);
      if (i >= 0) times.get(kind)?.push(took);
    }
  }
} finally {
  client.destroy();
  await gateway.stop();
  await store.remove();
}

const reference = summary(times.get("unknown") ?? []);
for (const [kind, values] of times) {
  const { mean, variance, count } = summary(values);
  const t = (mean - reference.mean) / Math.sqrt(variance / count + reference.variance / reference.count);
  process.stdout.write(`${kind.padEnd(36)} n ${count}  mean ${mean.toFixed(2)} µs  t ${t.toFixed(2)}\n`);
}

/** The slowest hundredth is the machine's doing and would hide what is looked for. */
function summary(values: readonly number[]): { mean: number; variance: number; count: number } {
  const kept = values.toSorted((a, b) => a - b).slice(0, Math.ceil(values.length * 0.99));
  const mean = kept.reduce((sum, value) => sum + value, 0) / kept.length;
  const variance = kept.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (kept.length - 1);
  return { mean, variance, count: kept.length };
}

function shuffled<Item>(items: readonly Item[]): Item[] {
  const keyed = items.map((item) => [Math.random(), item] as const);
  return keyed.sort(([a], [b]) => a - b).map(([, item]) => item);
}
