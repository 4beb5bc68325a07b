import { GatewayError } from "../core/errors.ts";
import { type IdempotencyRecords, statusDocument } from "../core/idempotency.ts";
import { json, noContent } from "./reply.ts";
import type { AdminRoute } from "./route.ts";

export interface IdempotencyAdministration {
  readonly records: IdempotencyRecords;
  /** Epoch milliseconds. */
  readonly wall: () => number;
}

/** `/v1/idempotency/{id}`: what became of a request with an `Idempotency-Key`, for whoever finds out what nobody knows. */
export function idempotencyRoutes({ records, wall }: IdempotencyAdministration): readonly AdminRoute[] {
  return [
    {
      method: "GET",
      path: "/v1/idempotency/{id}",
      answer: async ({ params }) => {
        const found = await records.status(params["id"] ?? "");
        if (found === null) throw new GatewayError("IDEMPOTENCY_RECORD_NOT_FOUND");
        return json(200, statusDocument(found));
      },
    },
    {
      method: "DELETE",
      path: "/v1/idempotency/{id}",
      /** The key is new from now on: a person has found out that the request did nothing. */
      answer: async ({ params, actor }) => {
        const id = params["id"] ?? "";
        if (await records.forget(id, wall(), actor)) return noContent();
        if ((await records.status(id)) === null) throw new GatewayError("IDEMPOTENCY_RECORD_NOT_FOUND");
        throw new GatewayError("CONFLICT", {
          message: "The request is still running. Nobody can know yet what it does.",
        });
      },
    },
  ];
}
