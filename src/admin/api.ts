/** `/v1/…` on the admin port: what may be done while the gateway runs. See docs/admin-api.md. */
import { gather } from "../core/buffer-body.ts";
import type { Call } from "../core/call.ts";
import { GatewayError } from "../core/errors.ts";
import type { Handler } from "../core/handler.ts";
import { adminToken, checkHost, checkOrigin } from "./guard.ts";
import { type AdminRequest, type AdminRoute, matchRoute } from "./route.ts";

export interface AdminParts {
  readonly routes: readonly AdminRoute[];
  /** Digest in hex of the token that opens it; null for none, and then nothing does. */
  readonly token: () => Promise<string | null>;
  /** Names that it answers to, besides addresses and localhost. */
  readonly hosts: readonly string[];
}

const MAX_BODY = 64 * 1024;
const NOTHING = Buffer.alloc(0);

/** Whether a request is for the admin API, and not for health or metrics beside it. */
export const isAdminTarget = (target: string): boolean => target.startsWith("/v1/");

export function makeAdminApi({ routes, token, hosts }: AdminParts): Handler {
  const known = new Set(hosts.map((host) => host.toLowerCase()));
  return async (call) => {
    checkHost(call, known);
    checkOrigin(call);
    // Before the path is looked at: who may not ask learns nothing of what there is.
    const given = adminToken(call, await token());
    const [path = "", query = ""] = call.request.target.split("?", 2);
    const match = matchRoute(routes, call.request.method, path);
    if (match === null) throw new GatewayError("ROUTE_NOT_FOUND");
    if ("allow" in match) throw new GatewayError("METHOD_NOT_ALLOWED", { headers: { Allow: match.allow } });
    return match.route.answer(await requestOf(call, path, query, match.params, given));
  };
}

async function requestOf(
  call: Call,
  path: string,
  query: string,
  params: AdminRequest["params"],
  token: string,
): Promise<AdminRequest> {
  const { method, headers, body } = call.request;
  return {
    method,
    path,
    params,
    query: new URLSearchParams(query),
    body: body === null ? NOTHING : Buffer.from(await gather(body, MAX_BODY)),
    contentType: headers.get("content-type") ?? "",
    idempotencyKeys: headers.all("idempotency-key"),
    token,
    actor: `admin@${call.clientIp}`,
  };
}
