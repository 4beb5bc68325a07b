import { BytesBody } from "../../core/body.ts";
import type { Call } from "../../core/call.ts";
import type { Reply } from "../../core/reply.ts";
import type { OpenApiFiles } from "../openapi/index.ts";
import { readConditions } from "../resources/input/conditions.ts";
import { Issues } from "../resources/input/issues.ts";
import { requireJsonAccepted } from "./accept.ts";
import { isKnown } from "./etag.ts";
import { bareReply, jsonHeaders } from "./replies.ts";

export const OPENAPI_PATH = "/openapi.json";

/** The documentation of the version that is asked for, for everybody. */
export function openApiDocument(files: OpenApiFiles): (call: Call) => Reply {
  return ({ request, version }) => {
    requireJsonAccepted(request.headers);
    const issues = new Issues();
    const conditions = readConditions(request.headers, issues);
    issues.refuse();
    const { body, etag } = files.of(version);
    const said = { caching: "no-cache", etag } as const;
    if (isKnown(etag, conditions)) return bareReply(304, said);
    return { status: 200, headers: jsonHeaders(said), body: new BytesBody(body) };
  };
}
