import { z } from "zod";
import { GatewayError } from "../core/errors.ts";
import type { RevocationRecord, RevocationRecords } from "../core/records.ts";
import type { Reply } from "../core/reply.ts";
import { newRevocation, revocationRequest, revocationView } from "../identity/revocations/request.ts";
import { readBody, readQuery } from "./input.ts";
import { pageDocument, pageFields, pageOf } from "./pages.ts";
import { json, noContent } from "./reply.ts";
import type { AdminRequest, AdminRoute } from "./route.ts";

export interface RevocationAdministration {
  readonly records: RevocationRecords;
  /** Epoch milliseconds. */
  readonly wall: () => number;
  /** Called after every change: from then on every thread goes by it. */
  readonly refresh: () => Promise<void>;
}

const LIST = "revocations";
const listQuery = z.strictObject(pageFields);

/** `/v1/revocations`: refuse tokens before they expire (JWT-12). */
export function revocationRoutes({
  records,
  wall,
  refresh,
}: RevocationAdministration): readonly AdminRoute[] {
  async function list(request: AdminRequest): Promise<Reply> {
    const asked = readQuery(listQuery, request);
    const page = pageOf(asked, LIST);
    if (page.before !== undefined && (await records.get(page.before)) === null)
      throw new GatewayError("INVALID_CURSOR");
    return json(200, pageDocument(await records.list(page), asked.limit, LIST, revocationView));
  }

  /** Asked for twice it is there once, so that no `Idempotency-Key` is needed (KEY-12). */
  async function add(request: AdminRequest): Promise<Reply> {
    const wanted = newRevocation(readBody(revocationRequest(wall()), request), wall());
    const revocation = await records.add(wanted, request.actor);
    await refresh();
    const status = revocation.id === wanted.id ? 201 : 200;
    return json(status, revocationView(revocation), { Location: `/v1/revocations/${revocation.id}` });
  }

  async function lift({ params, actor }: AdminRequest): Promise<Reply> {
    const { id } = await find(params["id"]);
    await records.lift(id, wall(), actor);
    await refresh();
    return noContent();
  }

  async function find(id = ""): Promise<RevocationRecord> {
    const revocation = await records.get(id);
    if (revocation === null) throw new GatewayError("REVOCATION_NOT_FOUND");
    return revocation;
  }

  async function get({ params }: AdminRequest): Promise<Reply> {
    const revocation = await find(params["id"]);
    if (revocation.liftedAt !== null) throw new GatewayError("REVOCATION_NOT_FOUND");
    return json(200, revocationView(revocation));
  }

  return [
    { method: "GET", path: "/v1/revocations", answer: list },
    { method: "POST", path: "/v1/revocations", answer: add },
    { method: "GET", path: "/v1/revocations/{id}", answer: get },
    { method: "DELETE", path: "/v1/revocations/{id}", answer: lift },
  ];
}
