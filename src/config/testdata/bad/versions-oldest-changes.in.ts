import { defineConfig } from "../../schema.ts";

const change = { summary: "renamed", routes: ["ordres"], request: () => {} };

export const config = defineConfig({
  versions: {
    default: "2",
    list: { "1": { changes: [{ summary: "none", response: () => {} }] }, "2": { changes: [change] } },
  },
  routes: [{ name: "orders", path: "/orders", to: { fixed: {} } }],
});
