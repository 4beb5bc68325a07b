import { z } from "zod";
import { GatewayError } from "../core/errors.ts";
import type { AuditEntry, AuditRecords } from "../core/records.ts";
import { readQuery } from "./input.ts";
import { pageDocument, pageFields, pageOf } from "./pages.ts";
import { json } from "./reply.ts";
import type { AdminRoute } from "./route.ts";

const LIST = "audit";
const query = z.strictObject(pageFields);

/** Who did what, and when (OBS-9). */
export function auditRoutes(audit: AuditRecords): readonly AdminRoute[] {
  return [
    {
      method: "GET",
      path: "/v1/audit",
      async answer(request) {
        const asked = readQuery(query, request);
        const page = pageOf(asked, LIST);
        if (page.before !== undefined && !/^\d{1,15}$/.test(page.before))
          throw new GatewayError("INVALID_CURSOR");
        return json(200, pageDocument(await audit.list(page), asked.limit, LIST, view));
      },
    },
  ];
}

const view = ({ at, ...entry }: AuditEntry): unknown => ({ ...entry, at: new Date(at).toISOString() });
