/** Notes of each consumer, and ways to hurt the service thread: what only a config in TypeScript can hold. */
import { setTimeout as delay } from "node:timers/promises";
import { isMainThread, threadId } from "node:worker_threads";
import { digestOf } from "../../src/identity/keys/issue.ts";
import { defineConfig } from "../../src/index.ts";

const key = (secret: string, consumer: string, scopes = ["notes:read", "notes:write"]) => ({
  ...{ id: consumer, consumer, scopes },
  hash: `sha256:${digestOf(secret)}`,
});

export const config = defineConfig({
  keys: [
    key("secret of ada", "ada"),
    key("secret of bob", "bob"),
    key("reader of ada", "ada-reads", ["notes:read"]),
  ],
  resources: {
    notes: {
      owner: true,
      fields: {
        text: { type: "string", required: true, maxLength: 5_000_000 },
        state: { enum: ["open", "done"], default: "open", readOnly: true },
        seen_by: { computed: () => (isMainThread ? 0 : threadId), type: "integer" },
      },
      hooks: {
        beforeCreate: async (input) => {
          if (input["text"] === "slow") await delay(300);
          // Ends this thread, and nothing else of the process.
          if (input["text"] === "die") process.exit(1);
          if (input["text"] === "throw late")
            setTimeout(() => {
              throw new Error("nobody is there to catch this");
            }, 1);
          if (input["text"] === "reject late") void Promise.reject(new Error("nobody awaits this"));
          return input;
        },
      },
      actions: {
        finish: { from: { state: ["open"] }, set: { state: "done" } },
      },
    },
  },
  routes: [
    {
      name: "api",
      path: "/*",
      to: { service: true },
      limits: { body: "1mb" },
      policies: [{ "api-key": {} }, { idempotency: { keep: "1h" } }],
    },
  ],
});
