import { z } from "zod";
import { distinct, isToken, method, text, word } from "../../core/fields.ts";
import { found } from "../../core/found.ts";
import { duration } from "../../core/values.ts";
import { ANY, readOrigin } from "./origins.ts";

const origin = text('an origin such as "https://shop.example"', (value) => {
  const read = readOrigin(value);
  return "problem" in read ? read.problem : undefined;
}).transform((value) => {
  const read = readOrigin(value);
  return "problem" in read ? value : read.origin;
});

const header = text("the name of a header", (value) =>
  isToken(value) ? undefined : `expected the name of a header, ${found(value)}`,
);

const methods = distinct(method).min(1);

export const corsOptions = z
  .strictObject({
    origins: distinct(origin)
      .min(1)
      .describe(
        "Origins of the pages that may read answers: `https://shop.example`, `https://*.shop.example` for one more label, `http://localhost:*` for any port, `*` alone for all.",
      ),
    methods: methods
      .optional()
      .describe("Methods that pages may use, of those that the route offers; all of these when left out."),
    headers: distinct(header)
      .optional()
      .describe(
        "Request headers that pages may send. Whatever they ask for when left out. `*` is every header but `Authorization`, which has to be listed beside it.",
      ),
    expose: distinct(header)
      .prefault([])
      .describe("Answer headers that pages may read, besides those that the gateway itself sets."),
    credentials: z
      .boolean()
      .default(false)
      .describe(
        "Whether pages may send cookies and client certificates. Keys and tokens in headers need it not.",
      ),
    maxAge: duration({ min: "0s", max: "24h" })
      .prefault("1h")
      .describe("How long browsers may remember a preflight; Chrome keeps to 2h at most."),
    nullOrigin: z
      .boolean()
      .default(false)
      .describe("Whether pages without an origin of their own (sandboxed frames, files) may read answers."),
    upstream: word(["remove", "respect"])
      .default("remove")
      .describe(
        "What becomes of the CORS headers of an upstream: the gateway's take their place, or an answer that has an origin of its own keeps it.",
      ),
    privateNetwork: z
      .boolean()
      .default(false)
      .describe(
        "Whether pages from public networks may call an address of a private one (Private Network Access).",
      ),
  })
  .check(({ value, issues }) => {
    const refuse = (key: string, message: string) =>
      issues.push({ code: "custom", input: value, path: [key], message });
    const { origins, credentials, nullOrigin, expose } = value;
    if (origins.includes(ANY) && origins.length > 1)
      refuse("origins", '"*" allows every origin; leave the others out, or the "*"');
    if (!credentials) return;
    if (origins.includes(ANY))
      refuse("credentials", 'browsers take no credentials with the origin "*"; list the origins');
    if (nullOrigin)
      refuse("nullOrigin", "any page on the web can have the origin null; it never gets credentials");
    if (expose.includes("*"))
      refuse("expose", "with credentials a * is no more than a star; list the headers");
  });

export type CorsOptions = z.output<typeof corsOptions>;
