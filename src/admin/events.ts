import { z } from "zod";
import { GatewayError } from "../core/errors.ts";
import type { EventRecords } from "../core/records.ts";
import type { ResourceEvent } from "../core/resource.ts";
import { readQuery } from "./input.ts";
import { pageDocument, pageFields, pageOf } from "./pages.ts";
import { json } from "./reply.ts";
import type { AdminRoute } from "./route.ts";

const LIST = "events";
const query = z.strictObject(pageFields);

/** What has happened to the resources of the config, of all owners. */
export function eventRoutes(events: EventRecords): readonly AdminRoute[] {
  return [
    {
      method: "GET",
      path: "/v1/events",
      async answer(request) {
        const asked = readQuery(query, request);
        const page = pageOf(asked, LIST);
        if (page.before !== undefined && (await events.get(page.before)) === null)
          throw new GatewayError("INVALID_CURSOR");
        return json(200, pageDocument(await events.list(page), asked.limit, LIST, view));
      },
    },
    {
      method: "GET",
      path: "/v1/events/{id}",
      async answer({ params }) {
        const event = await events.get(params["id"] ?? "");
        if (event === null) throw new GatewayError("RESOURCE_NOT_FOUND");
        return json(200, view(event));
      },
    },
  ];
}

const view = ({ id, type, at, resource, objectId, owner, data, previous }: ResourceEvent): unknown => ({
  id,
  type,
  at: new Date(at).toISOString(),
  resource,
  object_id: objectId,
  owner: owner === "" ? null : owner,
  data,
  previous,
});
