/** Two versions of an API, and one service that only speaks the second. */
import { defineChange, defineConfig } from "turnpike";

interface Price {
  readonly amount: number;
  readonly currency: string;
}

interface First {
  readonly name: string;
  /** In cents of a euro. */
  readonly price: number;
}

interface Second {
  readonly name: string;
  readonly price: Price;
}

const older = <Product extends Second>({ price, ...rest }: Product) => ({ ...rest, price: price.amount });

const currencies = defineChange<First, Second>({
  summary: "price has a currency",
  routes: ["product"],
  request: ({ price, ...rest }) => ({ ...rest, price: { amount: price, currency: "EUR" } }),
  response: older,
});

const lists = defineChange<First[], { readonly data: Second[] }>({
  summary: "lists are wrapped in data; q became search",
  routes: ["products"],
  query(parameters) {
    const search = parameters.get("q");
    parameters.delete("q");
    if (search !== null) parameters.set("search", search);
  },
  response: ({ data }) => data.map(older),
});

const codes = defineChange({
  summary: "errors have codes",
  error: ({ error }: { error: { code: string } }) => ({ error: error.code.replaceAll("_", " ") }),
});

export const config = defineConfig({
  listen: { port: Number(process.env["PORT"] ?? 8080) },
  admin: { port: Number(process.env["ADMIN_PORT"] ?? 8081) },
  versions: {
    default: "2",
    list: {
      "1": { deprecated: "2026-06-01", sunset: "2099-06-01", link: "https://docs.example.com/moving-to-2" },
      "2": { changes: [currencies, lists, codes] },
    },
  },
  upstreams: { shop: { targets: [process.env["SHOP_URL"] ?? "http://127.0.0.1:9001"] } },
  routes: [
    { name: "products", path: "/products", methods: ["GET"], to: { upstream: "shop" } },
    { name: "product", path: "/products/{id}", methods: ["GET", "PUT"], to: { upstream: "shop" } },
    {
      name: "health",
      path: "/status",
      to: { "1": { fixed: { body: "ok" } }, "2": { fixed: { body: { status: "ok" } } } },
    },
  ],
});
