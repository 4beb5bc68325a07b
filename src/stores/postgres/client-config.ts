import { readFileSync } from "node:fs";
import type { ConnectionOptions } from "node:tls";
import type { ClientConfig } from "pg";
import { type PostgresTls, readPostgresUrl } from "../../core/postgres-url.ts";

/**
 * How to reach the database of a URL. `settings` are the server's, such as `synchronous_commit=on`, for each connection.
 *
 * @throws Error with a sentence where the URL cannot be read, without anything that may be a password.
 */
export function clientConfig(url: string, settings: readonly string[]): ClientConfig {
  const address = readPostgresUrl(url);
  if (typeof address === "string") throw new Error(address);
  const { host, port, user, password, database, tls } = address;
  return {
    host,
    port,
    user,
    // Never undefined: `pg` would look for a file of passwords.
    password: password || (process.env["PGPASSWORD"] ?? ""),
    database,
    ssl: tls === null ? false : tlsOptions(tls),
    application_name: "turnpike",
    options: settings.map((setting) => `-c ${setting}`).join(" "),
    keepAlive: true,
  };
}

function tlsOptions({ verify, authority, certificate, key }: PostgresTls): ConnectionOptions {
  return {
    rejectUnauthorized: verify !== "nothing",
    ...(verify === "authority" ? { checkServerIdentity: () => undefined } : {}),
    ...(authority === undefined ? {} : { ca: readFileSync(authority) }),
    ...(certificate === undefined || key === undefined
      ? {}
      : { cert: readFileSync(certificate), key: readFileSync(key) }),
  };
}
