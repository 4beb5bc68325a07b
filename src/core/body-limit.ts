import { GatewayError } from "./errors.ts";
import type { Policy } from "./handler.ts";

/**
 * Refuses larger bodies (HTTP-25): a declared size before a byte is read, an undeclared one while it flows.
 * Of several limits the smallest counts. Bytes; Infinity for none.
 */
export function bodyLimit(max: number): Policy {
  return (next) => (call) => {
    const { body } = call.request;
    if (body !== null) {
      if (body.size !== undefined && body.size > max) throw new GatewayError("PAYLOAD_TOO_LARGE");
      if (max < body.limit) body.limit = max;
    }
    return next(call);
  };
}
