import { isIP } from "node:net";
import { isHostName, text } from "../core/fields.ts";
import { found, quoted } from "../core/found.ts";
import type { Target } from "../core/kinds.ts";

const PARTS = /^([a-z][a-z0-9+.-]*):\/\/[^/?#]*(.*)$/i;

/** One address of an upstream: scheme, host and port, nothing else. */
export const targetUrl = text('a URL such as "http://127.0.0.1:9001"', refuseTarget).transform(readTarget);

function refuseTarget(url: string): string | undefined {
  // Not shown: it is a secret.
  if (url.includes("@")) {
    return "a target cannot hold a user and password; set an Authorization header with headers.request.set of the route";
  }
  const base = `expected a URL such as "http://127.0.0.1:9001", ${found(url)}`;
  const [, scheme = "", rest = ""] = PARTS.exec(url) ?? [];
  if (scheme === "")
    return /^[\w.:[\]-]+$/.test(url) ? `${base}; did you mean ${quoted(`http://${url}`)}?` : base;
  if (!/^https?$/i.test(scheme)) return `${base}; an upstream speaks http or https`;
  if (rest !== "" && rest !== "/")
    return `${base}; a target has no path or query, "rewrite" of the route changes paths`;
  if (!URL.canParse(url)) return base;
  const { hostname, port } = new URL(url);
  if (port === "0") return `${base}; port 0 cannot be connected to`;
  return isHostName(hostname) || isIP(bare(hostname)) !== 0 ? undefined : base;
}

function readTarget(url: string): Target {
  const { protocol, hostname, port } = new URL(url);
  const secure = protocol === "https:";
  const number = port === "" ? (secure ? 443 : 80) : Number(port);
  return { url: `${protocol}//${hostname}:${number}`, secure, host: bare(hostname), port: number, weight: 1 };
}

/** Sockets want IPv6 addresses without the brackets of URLs. */
const bare = (hostname: string): string => hostname.replace(/^\[|\]$/g, "");
