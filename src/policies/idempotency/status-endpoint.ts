import { BytesBody } from "../../core/body.ts";
import { GatewayError } from "../../core/errors.ts";
import { Headers } from "../../core/headers.ts";
import { type IdempotencyStatus, statusDocument } from "../../core/idempotency.ts";
import { STATUS_PATH } from "../../core/idempotency-refusals.ts";
import type { Reply } from "../../core/reply.ts";
import type { Endpoint, PolicyTools } from "../../core/tools.ts";

/**
 * Says what became of a request. Whoever knows the id, which nobody can guess, may ask; the answer names no caller and
 * shows nothing of what the service said.
 */
export function statusEndpoint({ idempotency }: Pick<PolicyTools, "idempotency">): Endpoint {
  return {
    name: "idempotency-status",
    path: STATUS_PATH,
    methods: ["GET"],
    summary: "what became of a request with an Idempotency-Key",
    async handler(call) {
      const found = await idempotency.status(call.params["id"] ?? "").catch((cause: unknown) => {
        throw new GatewayError("IDEMPOTENCY_UNAVAILABLE", { cause, headers: { "Retry-After": "1" } });
      });
      if (found === null) throw new GatewayError("IDEMPOTENCY_RECORD_NOT_FOUND");
      return statusReply(found);
    },
  };
}

function statusReply(status: IdempotencyStatus): Reply {
  return {
    status: 200,
    headers: Headers.of({ "Content-Type": "application/json", "Cache-Control": "no-store" }),
    body: new BytesBody(Buffer.from(JSON.stringify(statusDocument(status)))),
  };
}
