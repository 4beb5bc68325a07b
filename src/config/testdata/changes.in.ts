import { defineChange } from "../../core/version.ts";
import { defineConfig } from "../schema.ts";

const renamed = defineChange<{ name: string }, { title: string }>({
  summary: "name became title",
  routes: ["orders", "divided"],
  request: ({ name }) => ({ title: name }),
  response: ({ title }) => ({ name: title }),
});

export const config = defineConfig({
  versions: {
    default: "oldest",
    list: {
      "1": { deprecated: new Date("2026-06-01"), sunset: new Date("2027-06-01T12:30:00Z") },
      "2": { changes: [renamed] },
    },
  },
  upstreams: { orders: { targets: ["http://127.0.0.1:9001"] } },
  routes: [
    { name: "orders", path: "/orders", to: { upstream: "orders" } },
    { path: "/same", to: { upstream: "orders" } },
    { name: "divided", path: "/divided", to: { "1": { upstream: "orders" }, "2": { fixed: {} } } },
  ],
});
