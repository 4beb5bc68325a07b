import { z } from "zod";
import { distinct, routeHost, text, word } from "../core/fields.ts";
import { found } from "../core/found.ts";
import { duration } from "../core/values.ts";

const file = text("a file name", (name) => (name === "" ? "expected a file name, found nothing" : undefined));

const pair = {
  cert: file.describe(
    "PEM file with the certificate and those between it and a root (relative to the config).",
  ),
  key: file.describe("PEM file with its private key, not encrypted; readable by the gateway alone."),
  hosts: distinct(routeHost)
    .optional()
    .describe("Names that it is used for, instead of those in the certificate."),
};

const rules = {
  minVersion: word(["1.2", "1.3"]).default("1.2").describe("The oldest TLS that is spoken."),
  hsts: duration({ min: "0s", max: "730d" })
    .prefault("365d")
    .describe(
      "How long browsers shall use nothing but https for this host: `Strict-Transport-Security` on the errors that the gateway answers; `0s` for not at all.",
    ),
};

const certificate = z.strictObject(pair);
const list = z.array(certificate).min(1);

export const tls = z
  .union(
    [
      z.strictObject({ ...pair, ...rules }),
      z.strictObject({
        certificates: list.describe("The first is for clients that name no host, or an unknown one."),
        ...rules,
      }),
      list,
    ],
    {
      error: ({ input }) =>
        `expected { cert: "cert.pem", key: "key.pem" }, or a list of such, ${found(input)}`,
    },
  )
  .describe("Certificates: the port speaks TLS and nothing else. Changed files are picked up with a reload.");

export type TlsConfig = z.output<typeof tls>;
