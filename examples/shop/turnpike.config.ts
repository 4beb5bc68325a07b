/**
 * The whole road from client to database: an API gateway, and behind it a shop that is nothing but these definitions, on
 * SQLite. `npm start` runs it, with the carrier's address in CARRIER_URL. `DATABASE=postgres://…` has it on PostgreSQL.
 */
import { defineConfig, GatewayError } from "turnpike";

const { PORT = "8080", ADMIN_PORT = "8081", CARRIER_URL = "http://127.0.0.1:9001" } = process.env;
const { DATABASE = "sqlite:./data/shop.db" } = process.env;

/** What a customer of the shop may do with what is his. */
const TENANT = ["customers", "orders", "payments"].flatMap((name) => [`${name}:read`, `${name}:write`]);

export default defineConfig({
  listen: { host: "127.0.0.1", port: Number(PORT) },
  admin: { host: "127.0.0.1", port: Number(ADMIN_PORT) },
  store: { records: DATABASE },

  // Keys of the config: only their SHA-256 is here. `turnpike keys create` issues more while the gateway runs.
  keys: [
    {
      id: "demo-acme",
      hash: "sha256:c9a5b474bcde1a5d3482e9a77a85dff7ac2a782a658c139504ed3b84d4417ab2",
      consumer: "acme",
      environment: "test",
      scopes: TENANT,
    },
    {
      id: "demo-globex",
      hash: "sha256:3558e3a2f8c57be8b3e0b754d4593d780d5802c46bf515a15927e1ad4016d0d9",
      consumer: "globex",
      environment: "test",
      scopes: TENANT,
    },
    {
      id: "demo-operator",
      hash: "sha256:cea4815b77a615cc61fd1cd7c85b8584dfb4ffa34cb5eda8e08a6884e264da95",
      consumer: "shop",
      environment: "test",
      scopes: ["products:write"],
    },
  ],

  versions: {
    from: ["path", "header"],
    default: "2",
    list: {
      "1": { deprecated: "2026-06-01", sunset: "2027-12-01", link: "https://shop.example/docs/v2" },
      "2": {},
    },
  },

  upstreams: {
    // Half a minute of work, then a pause in which it fails: what a breaker is for.
    carrier: {
      targets: [CARRIER_URL],
      timeout: { connect: "1s", firstByte: "2s" },
      retry: { attempts: 2, budget: 0.2 },
      circuitBreaker: { failureRate: 0.5, minimumCalls: 5, window: "10s", openFor: "5s", probes: 1 },
    },
  },

  // For every route, outermost first.
  policies: [
    { cors: { origins: ["http://localhost:3000"] } },
    { "rate-limit": { name: "visitor", limit: 6000, window: "1m", by: "ip" } },
  ],

  routes: [
    {
      name: "products",
      path: "/products/*",
      to: { service: true },
      policies: [{ "api-key": { optional: true } }],
    },
    {
      name: "openapi",
      path: "/openapi.json",
      methods: ["GET"],
      to: { service: true },
    },
    {
      name: "shop",
      path: "/*",
      to: { service: true },
      limits: { body: "16kb" },
      policies: [
        { "api-key": {} },
        {
          "rate-limit": {
            name: "writes",
            algorithm: "token-bucket",
            limit: 20,
            window: "10s",
            by: "consumer",
          },
          when: { methods: ["POST", "PATCH", "PUT", "DELETE"] },
        },
        { idempotency: { keep: "24h" } },
      ],
    },
    {
      name: "shipments",
      path: "/shipments/*",
      methods: ["GET", "POST"],
      to: { upstream: "carrier" },
      policies: [{ "api-key": {} }, { idempotency: {} }],
    },
    { name: "events", path: "/ticks", methods: ["GET"], to: { upstream: "carrier" } },
    // What a service sees of a call: the path is another one there, and a header comes on top.
    {
      name: "debug",
      path: "/debug/headers",
      to: { upstream: "carrier", rewrite: "/whoami" },
      headers: { request: { set: { "X-Served-By": "turnpike" } } },
    },
    {
      name: "welcome",
      path: "/",
      methods: ["GET"],
      to: { fixed: { status: 200, body: { message: "Turnpike is open. Try /products." } } },
    },
  ],

  resources: {
    products: {
      summary: "What the shop sells.",
      id: { prefix: "prod" },
      fields: {
        sku: {
          type: "string",
          pattern: "[A-Z]{2}-[0-9]{3,6}",
          required: true,
          unique: true,
          immutable: true,
        },
        name: { type: "string", required: true, minLength: 1, maxLength: 120 },
        price: { type: "integer", minimum: 0, maximum: 100_000_000, required: true, summary: "In cents." },
        stock: { type: "integer", minimum: 0, default: 0 },
        tags: {
          type: "array",
          schema: { items: { type: "string", maxLength: 40 }, maxItems: 20 },
          default: [],
        },
        description: { type: "string", maxLength: 2000, since: "2" },
      },
      access: { read: "public", write: "products:write" },
      list: { sort: "sku" },
    },

    customers: {
      summary: "Whom the shop sells to.",
      id: { prefix: "cus" },
      owner: true,
      softDelete: true,
      fields: {
        email: { type: "string", format: "email", required: true, unique: true },
        full_name: { type: "string", maxLength: 200, required: true, was: { "1": "name" } },
        country: { type: "string", format: "country", since: "2" },
        password: { type: "string", writeOnly: true, minLength: 12, maxLength: 200, nullable: true },
        metadata: { type: "object", default: {} },
      },
    },

    orders: {
      summary: "What a customer wants.",
      id: { prefix: "ord" },
      owner: true,
      fields: {
        customer: { ref: "customers", required: true, immutable: true, onDelete: "refuse" },
        product: { ref: "products", required: true, immutable: true, onDelete: "refuse" },
        quantity: { type: "integer", minimum: 1, maximum: 1000, required: true },
        unit_price: {
          type: "integer",
          readOnly: true,
          default: 0,
          summary: "In cents, when it was ordered.",
        },
        total: {
          type: "integer",
          computed: ({ quantity, unit_price }) => Number(quantity) * Number(unit_price),
        },
        status: { enum: ["pending", "paid", "shipped", "cancelled"], default: "pending", readOnly: true },
        cancelled_at: { type: "datetime", readOnly: true, nullable: true },
        note: { type: "string", maxLength: 500, nullable: true },
      },
      indexes: [["status", "created_at"]],
      actions: {
        pay: { from: { status: ["pending"] }, set: { status: "paid" } },
        ship: { from: { status: ["paid"] }, set: { status: "shipped" } },
        cancel: {
          from: { status: ["pending", "paid"] },
          set: { status: "cancelled", cancelled_at: "now" },
          input: { reason: { type: "string", maxLength: 200 } },
          run: ({ reason }) => (reason === undefined ? {} : { note: reason }),
        },
      },
      hooks: {
        // The price is the shop's to say, whatever the client sends.
        beforeCreate: async (input, { find }) => {
          const product = await find("products", String(input["product"]));
          return { ...input, unit_price: product === null ? 0 : product["price"] };
        },
      },
    },

    payments: {
      summary: "Money for an order: made once, never changed.",
      id: { prefix: "pay" },
      owner: true,
      fields: {
        order: { ref: "orders", required: true, immutable: true, onDelete: "refuse" },
        amount: { type: "integer", minimum: 1, required: true, summary: "In cents." },
        currency: { type: "string", format: "currency", default: "EUR" },
        method: { enum: ["card", "transfer"], default: "card" },
      },
      access: {
        read: "payments:read",
        create: "payments:write",
        replace: "nobody",
        update: "nobody",
        delete: "nobody",
      },
      hooks: {
        beforeCreate: async (input, { find }) => {
          const order = await find("orders", String(input["order"]));
          if (order !== null && order["total"] !== input["amount"])
            throw new GatewayError("VALIDATION_ERROR", {
              details: [{ field: "amount", issue: `has to be ${order["total"]}, the total of the order` }],
            });
          return input;
        },
      },
    },
  },
});
