import type { Call } from "../../../core/call.ts";

/** Every letter of the item's name costs one; half of one is a mistake of this config. */
export const config = {
  routes: [
    {
      path: "/items/{name}",
      to: { fixed: { status: 204 } },
      policies: [{ "rate-limit": { limit: 10, window: "1h", by: "all", cost: lettersOf } }],
    },
  ],
};

function lettersOf({ params: { name = "" } }: Call): number {
  return name === "half" ? 0.5 : name.length;
}
