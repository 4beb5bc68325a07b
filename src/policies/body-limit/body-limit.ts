import { bodyLimit as limitTo } from "../../core/body-limit.ts";
import { definePolicy } from "../../core/policy.ts";
import { bodyLimitOptions } from "./body-limit.options.ts";

/** What `limits.body` does for a route, for some of its methods, or behind policies that refuse for better reasons. */
export const bodyLimit = definePolicy({
  name: "body-limit",
  summary: "Refuses requests with larger bodies.",
  options: bodyLimitOptions,
  rejects: ["PAYLOAD_TOO_LARGE"],
  create: ({ max }) => limitTo(max),
});
