import { z } from "zod";
import { name } from "../core/fields.ts";
import { quoted } from "../core/found.ts";
import {
  consumer,
  environment,
  ipRanges,
  methods,
  moment,
  plan,
  routes,
  scopes,
} from "../core/key-fields.ts";

/** Keys that live in the config: issued elsewhere, or for machines that come with the gateway. */

const HASH = /^sha256:[0-9a-f]{64}$/i;
const EXPECTED = "expected sha256: and the 64 hex digits of the secret's SHA-256";

// Whatever stands here in place of a hash may be the secret itself, so no message shows it.
const hash = z
  .string({ error: EXPECTED })
  .refine((value) => HASH.test(value), { error: ({ input }) => `${EXPECTED}${advice(String(input))}` })
  .transform((value) => value.slice("sha256:".length).toLowerCase());

function advice(value: string): string {
  if (/^[0-9a-f]{64}$/i.test(value)) return "; put sha256: before it";
  if (value.startsWith("sha256:")) return "";
  return "; `printf %s SECRET | sha256sum` prints them";
}

/** Of the token that opens the admin API. */
export const adminToken = hash;

const key = z
  .strictObject({
    id: name.describe("What logs and upstreams call the key."),
    hash: hash.describe(
      "`sha256:` and the SHA-256 of the whole secret in hex; the secret may be any string.",
    ),
    consumer: consumer.describe("Whose key it is."),
    scopes: scopes.prefault([]).describe("What it may be used for, see `authorize`."),
    plan: plan.optional().describe("The plan that limits may depend on."),
    environment: environment.default("live").describe("`test` keys are kept out where `api-key` says so."),
    expires: moment
      .optional()
      .describe("The date (its first moment in UTC) or time from which on it is refused."),
    ipRanges: ipRanges.prefault([]).describe("The networks that it may be used from; empty for all."),
    methods: methods.prefault([]).describe("The methods that it may be used for; empty for all."),
    routes: routes.prefault([]).describe("The names of the routes that it may be used for; empty for all."),
  })
  .describe("An API key.");

export const keys = z
  .array(key)
  .check(({ value, issues }) => {
    for (const field of ["id", "hash"] as const) {
      const first = new Map<string, number>();
      for (const [index, entry] of value.entries()) {
        const before = first.get(entry[field]);
        if (before === undefined) first.set(entry[field], index);
        else
          issues.push({
            code: "custom",
            input: "",
            path: [index, field],
            message: again(field, entry.id, before),
          });
      }
    }
  })
  .describe("API keys, for the `api-key` policy. More are issued at run time with `turnpike keys create`.");

const again = (field: "id" | "hash", id: string, before: number): string =>
  field === "id" ? `keys[${before}] is called ${quoted(id)} already` : `keys[${before}] has the same secret`;

export type KeyConfig = z.output<typeof key>;
