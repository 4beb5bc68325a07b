/** `turnpike demo traffic`: clients of the example shop as they are in life, for a while, and what became of them. */
import { randomUUID } from "node:crypto";
import { DEMO_KEYS } from "./demo-keys.ts";
import { Refusal } from "./refusal.ts";

export interface TrafficOptions {
  readonly url: string;
  /** Seconds. */
  readonly seconds: number;
  /** Visits begun in a second. */
  readonly rate: number;
  readonly random?: () => number;
}

/** Calls by what they were for and what came back. */
type Tally = Map<string, Map<string, number>>;

/** Resolves with the exit code: 1 where the shop answered something that it never should. */
export async function demoTraffic({
  url,
  seconds,
  rate,
  random = Math.random,
}: TrafficOptions): Promise<number> {
  const shop = new Shop(url, random);
  await shop.reach();
  const visits: Promise<void>[] = [];
  const end = performance.now() + seconds * 1000;
  const interrupt = new AbortController();
  process.once("SIGINT", () => interrupt.abort());
  while (performance.now() < end && !interrupt.signal.aborted) {
    visits.push(shop.visit());
    if (process.stdout.isTTY) process.stdout.write(`\r${shop.calls} calls, ${visits.length} visits `);
    await pause(1000 / rate);
  }
  await Promise.all(visits);
  process.stdout.write(`${process.stdout.isTTY ? "\r" : ""}${shop.report()}\n`);
  return shop.surprises.length === 0 ? 0 : 1;
}

const pause = (milliseconds: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, milliseconds));

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Record<string, unknown>;
}

interface Asked {
  readonly what: string;
  readonly method?: string;
  readonly path: string;
  readonly key?: string;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

const TENANTS = [DEMO_KEYS.acme, DEMO_KEYS.globex] as const;

class Shop {
  readonly surprises: string[] = [];
  calls = 0;
  readonly #url: string;
  readonly #random: () => number;
  readonly #tally: Tally = new Map();
  #replays = 0;

  constructor(url: string, random: () => number) {
    this.#url = url.replace(/\/$/, "");
    this.#random = random;
  }

  async reach(): Promise<void> {
    const answer = await fetch(`${this.#url}/products?limit=1`).catch(() => null);
    if (answer?.status !== 200)
      throw new Refusal(
        `no example shop answers on ${this.#url}; run \`npm start\` first, and pass what it prints with --url`,
        1,
      );
  }

  /** One person, from looking around to having bought, or not. */
  async visit(): Promise<void> {
    try {
      await this.#browse();
      if (this.#chance(0.6)) await this.#buy(this.#pick(TENANTS));
      if (this.#chance(0.1)) await this.#blunder(this.#pick(TENANTS));
    } catch (error) {
      this.surprises.push(error instanceof Error ? error.message : String(error));
    }
  }

  report(): string {
    const lines = [...this.#tally].map(([what, statuses]) => {
      const counts = [...statuses].toSorted(([a], [b]) => (a < b ? -1 : 1));
      return `  ${what.padEnd(18)} ${counts.map(([status, count]) => `${status} × ${count}`).join(", ")}`;
    });
    const kept = `${this.#replays} repetitions got the first answer again (Idempotent-Replayed), and nothing was ordered twice`;
    const wrong =
      this.surprises.length === 0 ? [] : ["", "NOT as it should be:", ...this.surprises.slice(0, 20)];
    return [`${this.calls} calls`, ...lines, `  ${kept}`, ...wrong].join("\n");
  }

  async #browse(): Promise<void> {
    const first = await this.#ask({ what: "products", path: "/products?limit=2" });
    const { next_cursor: cursor } = first.body;
    if (typeof cursor === "string")
      await this.#ask({ what: "products, next", path: `/products?limit=2&cursor=${cursor}` });
  }

  async #buy(key: string): Promise<void> {
    const products = await this.#ask({ what: "products", path: "/products?limit=100&stock[gt]=0" });
    const customer = await this.#insist({
      what: "new customer",
      path: "/customers",
      key,
      body: { email: `${randomUUID()}@example.com`, full_name: "Ada Example" },
    });
    const list = products.body["data"] as { id: string }[] | undefined;
    if (customer.status !== 201 || list === undefined || list.length === 0) return;
    const order = await this.#insist({
      what: "new order",
      path: "/orders",
      key,
      body: {
        customer: customer.body["id"],
        product: this.#pick(list).id,
        quantity: 1 + Math.floor(this.#random() * 4),
      },
    });
    if (order.status !== 201) return;
    await this.#after(key, order);
  }

  async #after(key: string, order: Answer): Promise<void> {
    const path = `/orders/${order.body["id"]}`;
    if (this.#chance(0.2)) {
      await this.#insist({
        what: "cancel",
        path: `${path}/cancel`,
        key,
        body: { reason: "changed my mind" },
      });
      return;
    }
    const payment = { order: order.body["id"], amount: order.body["total"] };
    const paid = await this.#insist({ what: "payment", path: "/payments", key, body: payment });
    if (paid.status !== 201) return;
    await this.#insist({ what: "pay", path: `${path}/pay`, key, body: {} });
    await this.#ask({
      what: "shipment",
      method: "POST",
      path: "/shipments",
      key,
      body: { order: order.body["id"] },
    });
    await this.#ask({ what: "my orders", path: "/orders?expand=customer&sort=-created_at&limit=5", key });
  }

  /** What people do wrong. */
  async #blunder(key: string): Promise<void> {
    await this.#ask({
      what: "nonsense",
      method: "POST",
      path: "/orders",
      key,
      body: { quantity: 0, colour: "red" },
    });
    await this.#ask({ what: "no key", path: "/orders" });
    await this.#ask({ what: "stranger's id", path: "/orders/ord_00000000000000000000000000", key });
  }

  /** With an Idempotency-Key; now and then the answer is lost on the way, and the client asks again. */
  async #insist(asked: Asked): Promise<Answer> {
    const keyed = { method: "POST", ...asked, headers: { "Idempotency-Key": randomUUID() } };
    const first = await this.#ask(keyed);
    if (first.status !== 201 && first.status !== 200) return first;
    if (!this.#chance(0.25)) return first;
    const again = await this.#ask({ ...keyed, what: `${asked.what}, again` });
    if (again.status === 429) return first;
    if (again.headers.get("idempotent-replayed") === "true") this.#replays++;
    if (again.status !== first.status || again.body["id"] !== first.body["id"])
      this.surprises.push(`${asked.what}: the repetition got ${again.status} and ${again.body["id"]}`);
    return first;
  }

  async #ask({ what, method = "GET", path, key, body, headers = {} }: Asked): Promise<Answer> {
    this.calls++;
    const answer = await fetch(this.#url + path, {
      method,
      headers: {
        ...headers,
        ...(key === undefined ? {} : { "X-API-Key": key }),
        ...(body === undefined ? {} : { "Content-Type": "application/json" }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await answer.text();
    const parsed = text === "" ? {} : (JSON.parse(text) as Record<string, unknown>);
    this.#count(what, String(answer.status));
    if (answer.status === 500) this.surprises.push(`${what}: 500 ${text.slice(0, 200)}`);
    return { status: answer.status, headers: answer.headers, body: parsed };
  }

  #count(what: string, status: string): void {
    const statuses = this.#tally.get(what) ?? new Map<string, number>();
    statuses.set(status, (statuses.get(status) ?? 0) + 1);
    this.#tally.set(what, statuses);
  }

  #chance(share: number): boolean {
    return this.#random() < share;
  }

  #pick<Item>(items: readonly Item[]): Item {
    return items[Math.floor(this.#random() * items.length)] as Item;
  }
}
