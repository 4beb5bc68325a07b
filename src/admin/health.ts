/** `/livez`, `/readyz`, `/healthz` for whoever decides where traffic goes (HLT-1, HLT-2). */
import { BytesBody } from "../core/body.ts";
import { GatewayError } from "../core/errors.ts";
import type { Handler } from "../core/handler.ts";
import { Headers } from "../core/headers.ts";
import type { Reply } from "../core/reply.ts";

export type Readiness = "starting" | "ready" | "draining";

export interface HealthState {
  readiness(): Readiness;
}

/** Answers on the admin port. Depends on nothing but this process, so that one bad upstream cannot take it down. */
export function makeHealth(state: HealthState): Handler {
  return (call) => {
    const path = call.request.target.split("?", 1)[0];
    const check = path === "/livez" || path === "/healthz" ? live : path === "/readyz" ? ready : null;
    if (check === null) throw new GatewayError("ROUTE_NOT_FOUND");
    if (call.request.method !== "GET" && call.request.method !== "HEAD") {
      throw new GatewayError("METHOD_NOT_ALLOWED", { headers: { Allow: "GET, HEAD" } });
    }
    return check(state);
  };
}

/** 200 while the event loop turns: this answer is the proof. */
function live(): Reply {
  return health(200, "pass");
}

function ready(state: HealthState): Reply {
  const readiness = state.readiness();
  return readiness === "ready" ? health(200, "pass") : health(503, "fail", readiness);
}

function health(status: number, verdict: string, output?: string): Reply {
  const headers = new Headers();
  headers.append("Content-Type", "application/health+json");
  headers.append("Cache-Control", "no-store");
  const document = output === undefined ? { status: verdict } : { status: verdict, output };
  return { status, headers, body: new BytesBody(Buffer.from(JSON.stringify(document))) };
}
