import { z } from "zod";
import { cidr, distinct, listenHost, name, routeHost, text, whole, word } from "../core/fields.ts";
import { found } from "../core/found.ts";
import { duration, size, sizeOrUnlimited } from "../core/values.ts";
import { resources, service } from "./resources/schema.ts";
import { adminToken, keys } from "./schema-keys.ts";
import { overload } from "./schema-overload.ts";
import { policyEntry, route } from "./schema-route.ts";
import { store } from "./schema-store.ts";
import { tls } from "./schema-tls.ts";
import { upstream } from "./schema-upstream.ts";
import { versions } from "./schema-versions.ts";

/**
 * The config, key by key. Types, defaults, messages, the JSON Schema for editors and `docs/config.md` all
 * come from here; what one value alone cannot tell (unknown upstreams, shadowed routes …) is in checks.ts.
 */

const port = whole(0, 65_535);

const listen = z
  .strictObject({
    host: listenHost
      .prefault("127.0.0.1")
      .describe("The address to listen on; `0.0.0.0` for all addresses of the machine."),
    port: port.default(8080).describe("The port to listen on; 0 takes any free one."),
    trustedProxies: distinct(cidr)
      .prefault([])
      .describe(
        "Networks of the proxies in front of the gateway, whose `X-Forwarded-*` and `Forwarded` headers are believed.",
      ),
    tls: tls.optional(),
    http2: z
      .boolean()
      .default(true)
      .describe("HTTP/2 beside HTTP/1.1: agreed on under TLS, by prior knowledge in plain text."),
  })
  .describe("Where clients connect.");

const admin = z
  .strictObject({
    host: listenHost.prefault("127.0.0.1").describe("The address of the admin listener; keep it private."),
    port: port.default(8081).describe("The port of the admin listener; 0 takes any free one."),
    hosts: distinct(routeHost)
      .prefault([])
      .describe(
        "Further names that the admin API is called by. Addresses, localhost and `admin.host` go without saying; other names could be a web page's that was made to point here.",
      ),
    token: adminToken
      .optional()
      .describe(
        "`sha256:` and the SHA-256 in hex of the token that opens the admin API; the environment variable `TURNPIKE_ADMIN_TOKEN` holds the token itself. Without either one is made at the first start and printed once.",
      ),
  })
  .describe("The admin API, metrics and health checks (`/livez`, `/readyz`), for who runs the gateway.");

/** More threads than this on one machine have never been measured. */
const MOST_LANES = 64;
const lanes = z
  .union([z.literal("auto"), z.int().min(1).max(MOST_LANES)], {
    error: ({ input }) => `expected auto or a number from 1 to ${MOST_LANES}, ${found(input)}`,
  })
  .describe("Threads that carry traffic; `auto` takes one for each core, eight at most.");

const limits = z
  .strictObject({
    body: sizeOrUnlimited({ min: "0b", max: "1024gb" })
      .prefault("1mb")
      .describe(
        "Largest body of a request (413 beyond), for routes that do not say otherwise; `unlimited` for streams.",
      ),
    headers: size({ min: "1kb", max: "64kb" })
      .prefault("16kb")
      .describe("All header fields of a request together (431 beyond)."),
    header: size({ min: "256b", max: "64kb" }).prefault("8kb").describe("One header field (431 beyond)."),
    headerCount: whole(1, 1000).default(100).describe("Number of header fields (431 beyond)."),
    uri: size({ min: "256b", max: "64kb" })
      .prefault("8kb")
      .describe("The request target: path and query (414 beyond)."),
    connections: whole(1, 1_000_000)
      .default(10_000)
      .describe("Open connections of clients; more are closed at once."),
    connectionsPerIp: whole(1, 1_000_000).default(256).describe("Open connections from one address."),
    requestsPerConnection: whole(1, 1_000_000_000)
      .default(1000)
      .describe("Requests on one connection before it is closed politely."),
  })
  .describe("What a client may ask for.");

const timeouts = z
  .strictObject({
    head: duration()
      .prefault("10s")
      .describe("From the first byte of a request to the end of its header (408 beyond)."),
    body: duration().prefault("30s").describe("Longest pause inside the body of a request (408 beyond)."),
    keepAlive: duration().prefault("60s").describe("Longest pause between two requests on a connection."),
    write: duration()
      .prefault("60s")
      .describe("Longest time without progress while a client reads an answer."),
  })
  .describe("How long a client may take.");

const drain = z
  .strictObject({
    delay: duration({ min: "0s", max: "10m" })
      .prefault("5s")
      .describe(
        "From SIGTERM (and `/readyz` saying 503) to the last new connection, for load balancers to notice.",
      ),
    timeout: duration({ min: "0s", max: "1h" })
      .prefault("30s")
      .describe("How long requests in flight may take after that."),
  })
  .describe("How the gateway stops.");

const refuseOrKeep = word(["refuse", "keep"]);
const paths = z
  .strictObject({
    encodedSlash: refuseOrKeep
      .default("refuse")
      .describe("`%2F` and `%5C` in a path: `refuse` (400) or `keep` as they are."),
    semicolon: refuseOrKeep.default("refuse").describe("`;` in a path: `refuse` (400) or `keep` as it is."),
  })
  .describe("What to do with paths that servers read in different ways.");

const log = z
  .strictObject({
    requests: z.boolean().default(true).describe("One JSON line for each request."),
    to: text("stdout, stderr or a file name", (to) =>
      to === "" ? "expected stdout, stderr or a file name, found nothing" : undefined,
    )
      .default("stdout")
      .describe("`stdout`, `stderr`, or a file (relative to the config)."),
    level: word(["debug", "info", "warn", "error"])
      .default("info")
      .describe("The least important messages that are written."),
  })
  .describe("What is written about what happens.");

/** Where a route leads is shown by name, and these are other places. */
const RESERVED: readonly string[] = ["fixed", "service"];
const upstreamKey = name.refine((value) => !RESERVED.includes(value), {
  error: ({ input }) =>
    `an upstream cannot be called ${input}: that word has a meaning of its own in routes[].to`,
});

const errors = z
  .strictObject({
    docs: text("a URL", (url) =>
      /^https?:\/\/[^\s#]+$/.test(url) ? undefined : `expected a URL without #, ${found(url)}`,
    )
      .optional()
      .describe(
        "Page that documents the error codes: `type` of a problem becomes this with `#CODE` behind it.",
      ),
  })
  .describe("What clients see of errors.");

/** The parts that refer to each other, for reading what can be read of a config with mistakes. */
export const parts = { listen, admin, versions, store, upstream, route, policy: policyEntry };

export const configSchema = z
  .strictObject({
    listen: listen.prefault({}),
    admin: admin.prefault({}),
    lanes: lanes.default("auto"),
    limits: limits.prefault({}),
    timeouts: timeouts.prefault({}),
    overload: overload.prefault({}),
    drain: drain.prefault({}),
    paths: paths.prefault({}),
    log: log.prefault({}),
    errors: errors.prefault({}),
    keys: keys.prefault([]),
    versions: versions.optional(),
    store: store.prefault({}),
    upstreams: z
      .record(upstreamKey, upstream)
      .prefault({})
      .describe("The services behind the gateway, by name."),
    policies: z.array(policyEntry).prefault([]).describe("For every route, outermost first."),
    routes: z.array(route).prefault([]).describe("Which requests go where."),
    resources,
    service,
  })
  .describe("A Turnpike config.");

/** What people write. */
export type ConfigInput = z.input<typeof configSchema>;
/** After the check: defaults filled in, durations in milliseconds, sizes in bytes. */
export type Config = z.output<typeof configSchema>;
export type UpstreamConfig = z.output<typeof upstream>;
export type RouteConfig = z.output<typeof route>;
export type PolicyConfig = z.output<typeof policyEntry>;

/** Types the config of a `turnpike.config.ts`; checks nothing by itself. */
export function defineConfig(config: ConfigInput): ConfigInput {
  return config;
}
