/** Which bodies are read: JSON in UTF-8, without a coding (HTTP-5, HTTP-6). */
import { GatewayError } from "../../../core/errors.ts";
import type { Headers } from "../../../core/headers.ts";

const PATCHES = "application/merge-patch+json, application/json";
const JSON_TYPE = "application/json";
/** A list of operations (RFC 6902) is no merge patch, though its name ends alike. */
const OTHER_PATCHES: ReadonlySet<string> = new Set(["application/json-patch+json"]);
const TYPE = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+\/[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const CHARSET = /;\s*charset\s*=\s*"?([^\s";]*)/i;

/** What an answer to OPTIONS, and a 415, says of the bodies of a method (RFC 5789 §3.1; W3C LDP §7.1). */
export function acceptedBy(method: string): Readonly<Record<string, string>> {
  if (method === "PATCH") return { "Accept-Patch": PATCHES };
  return method === "POST" ? { "Accept-Post": JSON_TYPE } : {};
}

/**
 * Of a request with a body that is not empty.
 *
 * @throws GatewayError UNSUPPORTED_MEDIA_TYPE.
 */
export function checkMediaType(method: string, headers: Headers): void {
  const codings = headers.all("content-encoding").join(",").trim().toLowerCase();
  if (codings !== "" && codings !== "identity") {
    throw new GatewayError("UNSUPPORTED_MEDIA_TYPE", {
      message: "The body of the request must not have a Content-Encoding.",
      headers: { "Accept-Encoding": "identity" },
    });
  }
  const lines = headers.all("content-type");
  const type = lines.length === 1 ? essence(lines[0] as string) : "";
  if (!isAccepted(method, type)) throw unsupported(method, "");
  const charset = CHARSET.exec(lines[0] as string)?.[1]?.toLowerCase();
  // ASCII is UTF-8 too.
  if (charset !== undefined && !["utf-8", "utf8", "us-ascii"].includes(charset)) {
    throw unsupported(method, " JSON is UTF-8.");
  }
}

function isAccepted(method: string, type: string): boolean {
  if (!TYPE.test(type) || OTHER_PATCHES.has(type)) return false;
  return (
    type === JSON_TYPE ||
    (type.endsWith("+json") && (method === "PATCH" || type !== "application/merge-patch+json"))
  );
}

function essence(type: string): string {
  const end = type.indexOf(";");
  return (end < 0 ? type : type.slice(0, end)).trim().toLowerCase();
}

function unsupported(method: string, why: string): GatewayError {
  const accept = method === "PATCH" ? PATCHES : JSON_TYPE;
  return new GatewayError("UNSUPPORTED_MEDIA_TYPE", {
    message: `This operation takes a body of the type ${accept}.${why}`,
    headers: { Accept: accept, ...acceptedBy(method) },
  });
}
