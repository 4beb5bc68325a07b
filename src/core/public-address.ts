import { Networks, parseAddress } from "./networks.ts";

/**
 * Networks that are nobody's on the internet: private, local, reserved, or a tunnel that leads to such an address
 * (SSRF-2; RFC 6890 and the registries of IANA). What others name as a URL must not reach them.
 */
const NOT_PUBLIC = new Networks([
  "0.0.0.0/8",
  "10.0.0.0/8",
  "100.64.0.0/10",
  "127.0.0.0/8",
  "169.254.0.0/16",
  "172.16.0.0/12",
  "192.0.0.0/24",
  "192.0.2.0/24",
  "192.88.99.0/24",
  "192.168.0.0/16",
  "198.18.0.0/15",
  "198.51.100.0/24",
  "203.0.113.0/24",
  "224.0.0.0/4",
  "240.0.0.0/4",
  "::/96",
  "::ffff:0:0:0/96",
  "64:ff9b::/96",
  "64:ff9b:1::/48",
  "100::/64",
  "2001::/23",
  "2001:db8::/32",
  "2002::/16",
  "3fff::/20",
  "5f00::/16",
  "fc00::/7",
  "fe80::/10",
  "fec0::/10",
  "ff00::/8",
]);

/** Whether an address may be connected to on behalf of somebody who named it. False for what is no address. */
export function isPublicAddress(address: string): boolean {
  return parseAddress(address) !== null && !NOT_PUBLIC.has(address);
}
