import { isIP } from "node:net";
import type { ConnectionOptions } from "node:tls";

/** `ca` is PEM text; `serverName` where it is not the target's host. */
export interface UpstreamTls {
  readonly ca: string | undefined;
  readonly serverName: string | undefined;
  readonly insecure: boolean;
}

/** RFC 6066 §3: an address is no server name. */
export function tlsTo(host: string, { ca, serverName, insecure }: UpstreamTls): ConnectionOptions {
  return {
    servername: serverName ?? (isIP(host) === 0 ? host : ""),
    ALPNProtocols: ["http/1.1"],
    rejectUnauthorized: !insecure,
    ...(ca === undefined ? {} : { ca }),
  };
}
