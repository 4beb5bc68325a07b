import { defineConfig } from "../schema.ts";

const targets = ["http://127.0.0.1:9001", "http://127.0.0.1:9002"];

export const config = defineConfig({
  listen: { port: 8000 },
  limits: { body: "2mb" },
  upstreams: { carrier: { targets, timeout: { firstByte: "5s" }, host: { name: "carrier.internal" } } },
  policies: [{ identify: {} }],
  routes: [
    {
      path: "/shipments/{id}",
      methods: ["GET"],
      to: { upstream: "carrier", rewrite: "/v1/{id}" },
      policies: [{ guard: { limit: 3, window: "1m" }, when: { methods: ["GET"] } }],
    },
    { path: "/", to: { fixed: { body: { hello: "world" } } } },
  ],
});
