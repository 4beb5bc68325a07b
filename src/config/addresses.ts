import { isIPv4 } from "node:net";
import { networkInterfaces } from "node:os";
import type { Parts } from "./examine.ts";
import type { Report } from "./report.ts";

/** Addresses that must not meet: two listeners on one port, and upstreams that are the gateway itself. */

export function checkAddresses({ listen, admin, upstreams }: Parts, report: Report): void {
  if (listen !== undefined && admin !== undefined && listen.port !== 0 && collide(listen, admin)) {
    report.error(
      ["admin", "port"],
      `port ${admin.port} is listen.port already; the admin listener needs one of its own`,
    );
  }
  for (const [index, network] of (listen?.trustedProxies ?? []).entries()) {
    if (!network.endsWith("/0")) continue;
    report.warn(
      ["listen", "trustedProxies", index],
      `${network} believes everybody's X-Forwarded-For; list the proxies' own networks`,
    );
  }
  for (const [name, upstream] of upstreams) {
    if (upstream === undefined || listen === undefined || listen.port === 0) continue;
    for (const [index, target] of upstream.targets.entries()) {
      const path = ["upstreams", name, "targets", index];
      if (meets(target, listen))
        report.error(path, `${target.url} points back at the gateway: it listens there itself (listen.port)`);
      const first = upstream.targets.findIndex(({ url }) => url === target.url);
      if (first !== index)
        report.warn(path, `${target.url} is listed twice and gets two shares of the requests`);
    }
  }
}

interface Address {
  readonly host: string;
  readonly port: number;
}

const collide = (a: Address, b: Address): boolean => meets(a, b) || meets(b, a);

/** Whether a connection to `target` arrives at a socket that listens on `listener`. */
function meets(target: Address, listener: Address): boolean {
  if (target.port !== listener.port) return false;
  const host = listener.host.toLowerCase();
  const reached = reachedBy(target.host.toLowerCase());
  if (!isAny(host)) return reached.some((address) => reachedBy(host).includes(address));
  return reached.some((address) => isOwn(address));
}

const isAny = (host: string): boolean => host === "0.0.0.0" || host === "::";

/** The addresses behind a name, as far as they are certain. */
function reachedBy(host: string): readonly string[] {
  return host === "localhost" || isAny(host) ? ["127.0.0.1", "::1"] : [host];
}

function isOwn(address: string): boolean {
  if (address === "::1" || (isIPv4(address) && address.startsWith("127."))) return true;
  return Object.values(networkInterfaces()).some((own) => own?.some((one) => one.address === address));
}
