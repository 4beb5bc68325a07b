import { GatewayError } from "../../core/errors.ts";
import { listMembers } from "./grammar.ts";
import type { RequestHead } from "./head.ts";

/**
 * Whether a request asks for a WebSocket (RFC 6455 §4.2.1). Any other `Upgrade` (h2c, unknown tokens) is an offer
 * that may be ignored (RFC 9110 §7.8), so those requests are served as if it were not there.
 * @throws GatewayError for a handshake that names WebSocket and is not one.
 */
export function asksForWebSocket(head: RequestHead): boolean {
  if (!head.upgrade || head.minor === 0) return false;
  const protocols = head.headers.all("upgrade").flatMap(listMembers);
  if (!protocols.includes("websocket")) return false;
  if (head.method !== "GET") throw invalid("A WebSocket handshake is a GET request.");
  if (head.chunked || head.contentLength > 0) throw invalid("A WebSocket handshake has no body.");
  const version = head.headers.all("sec-websocket-version");
  if (version.length !== 1 || version[0] !== "13") {
    throw new GatewayError("UPGRADE_REQUIRED", {
      headers: { "Sec-WebSocket-Version": "13", Upgrade: "websocket" },
    });
  }
  const key = head.headers.all("sec-websocket-key");
  // 16 bytes in base64: 22 characters, the last of which carries four bits, and the padding.
  if (key.length !== 1 || !/^[A-Za-z0-9+/]{21}[AQgw]==$/.test(key[0] as string)) {
    throw invalid("Sec-WebSocket-Key is not 16 bytes in base64.");
  }
  return true;
}

function invalid(message: string): GatewayError {
  return new GatewayError("INVALID_UPGRADE", { message });
}
