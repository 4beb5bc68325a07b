import { DEFAULT_KEY_PREFIX } from "../core/key-format.ts";
import type { Config } from "./schema.ts";

/** What new keys begin with: the prefix of the first `api-key` of the config that names one. */
export function keyPrefix({ policies, routes }: Pick<Config, "policies" | "routes">): string {
  for (const { kind, options } of [...policies, ...routes.flatMap((route) => route.policies)]) {
    if (kind !== "api-key") continue;
    const prefix = (options as { readonly prefix?: unknown } | null)?.prefix;
    if (typeof prefix === "string") return prefix;
  }
  return DEFAULT_KEY_PREFIX;
}
