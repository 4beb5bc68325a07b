import type { Socket } from "node:net";
import type { Call } from "../../core/call.ts";
import { GatewayError } from "../../core/errors.ts";
import type { Reply } from "../../core/reply.ts";
import type { ResponseHead } from "../../wire/http1/head.ts";
import { openTunnel, type TunnelOptions } from "../../wire/websocket.ts";

/**
 * The 101 of a service, with its end of the tunnel: the socket, and what has come on it behind the head.
 *
 * @throws GatewayError UPSTREAM_INVALID_RESPONSE where it has switched to something else.
 */
export function upgradeReply(
  call: Call,
  head: ResponseHead,
  socket: Socket,
  early: Buffer,
  options: TunnelOptions,
): Reply {
  if (head.headers.get("upgrade")?.toLowerCase() !== "websocket") {
    socket.destroy();
    throw new GatewayError("UPSTREAM_INVALID_RESPONSE");
  }
  call.onAbort({ abort: () => socket.destroy() });
  return {
    status: 101,
    headers: head.headers,
    body: null,
    tunnel: (client, fromClient, ended) => {
      call.onAbort(null);
      return openTunnel(client, socket, fromClient, early, options, ended);
    },
  };
}
