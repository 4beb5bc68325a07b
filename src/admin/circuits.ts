import { z } from "zod";
import { GatewayError } from "../core/errors.ts";
import type { AuditRecords } from "../core/records.ts";
import type { Reply } from "../core/reply.ts";
import { readBody, readQuery } from "./input.ts";
import { pageDocument, pageFields, pageOf } from "./pages.ts";
import { json } from "./reply.ts";
import type { AdminRequest, AdminRoute } from "./route.ts";

/** What the admin API answers: times in RFC 3339, durations in milliseconds. */
export interface CircuitView {
  readonly name: string;
  readonly upstream: string;
  /** Null for the circuit of the upstream itself. */
  readonly target: string | null;
  readonly state: string;
  /** Null for since the gateway's start. */
  readonly since: string | null;
  readonly reason: string;
  /** What was counted when the state was entered. */
  readonly seen: CountsView;
  readonly window: CountsView & { readonly length: number };
  /** When the next call may pass; null where one may, or nobody knows. */
  readonly next_call_at: string | null;
  /** Calls that were refused since the gateway's start. */
  readonly refused: number;
}

export interface CountsView {
  readonly calls: number;
  readonly failures: number;
  readonly slow: number;
  readonly consecutive_failures: number;
}

/** A circuit of the plan in force. */
export interface Circuit {
  readonly name: string;
  view(): CircuitView;
  forceOpen(): void;
  forceClosed(): void;
  reset(): void;
}

export interface CircuitAdministration {
  readonly circuits: readonly Circuit[];
  readonly audit: Pick<AuditRecords, "add">;
  /** Epoch milliseconds. */
  readonly wall: () => number;
}

const LIST = "circuits";
const listQuery = z.strictObject(pageFields);
const noBody = z.strictObject({});

/** `/v1/circuits`: look at circuit breakers, and move them by hand (CB-12). */
export function circuitRoutes({ circuits, audit, wall }: CircuitAdministration): readonly AdminRoute[] {
  const byName = new Map(circuits.map((circuit) => [circuit.name, circuit]));

  function list(request: AdminRequest): Reply {
    const asked = readQuery(listQuery, request);
    const { limit, before } = pageOf(asked, LIST);
    const after = before === undefined ? -1 : circuits.findIndex(({ name }) => name === before);
    if (before !== undefined && after < 0) throw new GatewayError("INVALID_CURSOR");
    const entries = circuits
      .slice(after + 1, after + 1 + limit)
      .map((circuit) => ({ id: circuit.name, circuit }));
    return json(
      200,
      pageDocument(entries, asked.limit, LIST, ({ circuit }) => circuit.view()),
    );
  }

  function find({ params }: AdminRequest): Circuit {
    const circuit = byName.get(decoded(params["name"] ?? ""));
    if (circuit === undefined) throw new GatewayError("CIRCUIT_NOT_FOUND");
    return circuit;
  }

  /** Written down before it is done: nothing is moved that nobody can be asked about. */
  const byHand = (action: string, move: (circuit: Circuit) => void, after: string): AdminRoute => ({
    method: "POST",
    path: `/v1/circuits/{name}/${action}`,
    async answer(request) {
      const circuit = find(request);
      readBody(noBody, request);
      await audit.add({
        at: wall(),
        actor: request.actor,
        action: `circuit.${action}`,
        subject: circuit.name,
        before: { state: circuit.view().state },
        after: { state: after },
      });
      move(circuit);
      return json(200, circuit.view());
    },
  });

  return [
    { method: "GET", path: "/v1/circuits", answer: list },
    { method: "GET", path: "/v1/circuits/{name}", answer: (request) => json(200, find(request).view()) },
    byHand("force-open", (circuit) => circuit.forceOpen(), "forced-open"),
    byHand("force-close", (circuit) => circuit.forceClosed(), "forced-closed"),
    byHand("reset", (circuit) => circuit.reset(), "closed"),
  ];
}

/** Clients may percent-encode what need not be: `carrier%4010.0.0.7%3A9001`. */
function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}
