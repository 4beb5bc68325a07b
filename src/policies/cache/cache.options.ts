import { z } from "zod";
import { distinct, isToken, text, whole, word } from "../../core/fields.ts";
import { found } from "../../core/found.ts";
import { fieldName, Kind } from "../../core/headers.ts";
import { duration, size } from "../../core/values.ts";

const header = text("the name of a header", (name) => {
  if (!isToken(name)) return `expected the name of a header, ${found(name)}`;
  if ((fieldName(name).kind & (Kind.provenance | Kind.hop | Kind.framing)) === 0) return undefined;
  return `${name} is set by the gateway or about one connection; what a client writes into it chooses no answer`;
});

const parameter = text("the name of a query parameter", (name) =>
  name === "" ? "a query parameter has a name" : undefined,
);

const LONGEST = "366d";

export const cacheOptions = z
  .strictObject({
    maxBytes: size({ min: "64kb", max: "64gb" })
      .prefault("64mb")
      .describe("Memory for answers with their keys and headers, of all lanes together."),
    maxEntry: size({ min: "1kb", max: "1gb" })
      .prefault("1mb")
      .describe("Larger answers pass and are not kept."),
    ttl: duration({ min: "1s", max: LONGEST })
      .optional()
      .describe(
        "How long answers are fresh, whatever they say; `no-store`, `private` and `no-cache` still hold.",
      ),
    defaultTtl: duration({ min: "1s", max: LONGEST })
      .optional()
      .describe("How long answers are fresh that say nothing of it; not kept when left out."),
    statuses: distinct(whole(200, 599))
      .min(1)
      .prefault([200, 203, 300, 301, 308])
      .describe("Statuses that `ttl` and `defaultTtl` are for."),
    staleWhileRevalidate: duration({ min: "0s", max: LONGEST })
      .prefault("0s")
      .describe(
        "For so long a stale answer is given at once while a new one is got behind it, where the answer does not say itself.",
      ),
    staleIfError: duration({ min: "0s", max: LONGEST })
      .prefault("0s")
      .describe(
        "For so long a stale answer takes the place of an upstream's 500, 502, 503, 504 or silence, where the answer does not say itself.",
      ),
    share: z
      .boolean()
      .default(false)
      .describe(
        "Whether answers that say `public` or `s-maxage` are given to every caller, whoever got them first; if not, each has his own.",
      ),
    varyBy: distinct(header)
      .prefault([])
      .describe("Request headers that make answers different although no `Vary` says so."),
    ignoreQuery: distinct(parameter)
      .prefault([])
      .describe(
        "Query parameters that make no difference, such as `utm_source`; the upstream gets them all the same.",
      ),
    clientControl: word(["respect", "ignore"])
      .default("respect")
      .describe(
        "Whether clients may ask for fresher answers (`no-cache`, `max-age`, `min-fresh`) or staler ones (`max-stale`).",
      ),
  })
  .check(({ value, issues }) => {
    const { ttl, defaultTtl, maxEntry, maxBytes } = value;
    const refuse = (key: string, message: string) =>
      issues.push({ code: "custom", input: value, path: [key], message });
    if (ttl !== undefined && defaultTtl !== undefined)
      refuse("defaultTtl", "ttl holds for all answers; leave one of the two out");
    if (maxEntry > maxBytes) refuse("maxEntry", "one answer cannot be larger than all of them");
  });

export type CacheOptions = z.output<typeof cacheOptions>;
