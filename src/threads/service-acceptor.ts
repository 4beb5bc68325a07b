/** Requests that lanes send to the service thread, as the calls that they were: the other end of `backends/service`. */
import { readCaller } from "../backends/service/caller.ts";
import { NO_HOST } from "../backends/service/request-head.ts";
import { readWay, type Way } from "../backends/service/way.ts";
import { Call, type Exchange, type Request } from "../core/call.ts";
import { type FieldName, type Headers, Kind } from "../core/headers.ts";
import { idempotencyTerms } from "../core/idempotency-terms.ts";
import type { Plan } from "../core/plan.ts";
import type { Clock, Log } from "../core/tools.ts";
import type { VersionsPlan } from "../core/version.ts";
import { makeAnswering } from "../flow/answer.ts";
import { splitTarget } from "../flow/path.ts";
import { takeParameter } from "../flow/version/query.ts";
import type { Acceptor } from "../wire/acceptor.ts";
import type { Generations, ServiceGeneration } from "./service-generations.ts";

export interface ServiceAcceptorParts {
  readonly generations: Generations;
  readonly clock: Clock;
  readonly log: Log;
  readonly errors: Plan["errors"];
}

/** A call in the service thread: it goes by the config that the lane goes by. */
class ServiceCall extends Call {
  readonly generation: ServiceGeneration;

  constructor(id: string, startedAt: number, request: Request, exchange: Exchange, by: ServiceGeneration) {
    super(id, startedAt, request, exchange);
    this.generation = by;
  }
}

export function makeServiceAcceptor({ generations, clock, log, errors }: ServiceAcceptorParts): Acceptor {
  function open(received: Request, exchange: Exchange): Call {
    const said = readFields(received.headers);
    const way = said.way === "" ? NO_WAY : readWay(said.way);
    const generation = generations.find(Number(said.generation));
    const request = requestOf(received, said.client, way, generation.versions);
    const call = new ServiceCall(said.id, clock.now(), request, exchange, generation);
    call.route = way.route;
    call.clientIp = said.client;
    call.scheme = way.scheme;
    call.host = request.host;
    call.version = generation.versionNamed(way.version);
    call.versionPrefix = way.versionPrefix;
    call.versionQuery = way.versionQuery;
    call.challenge = said.challenge;
    if (said.caller !== "") call.principal = readCaller(said.caller);
    if (way.terms !== null) call.facts.learn(idempotencyTerms, way.terms);
    return call;
  }

  return {
    open,
    ...makeAnswering({ handler: (call) => (call as ServiceCall).generation.answer(call), log, errors }),
  };
}

/** Of what no lane has sent: it is refused before anybody asks. */
const NO_WAY: Way = {
  route: { name: "", path: "", methods: [] },
  version: null,
  versionPrefix: "",
  versionQuery: "",
  scheme: "http",
  terms: null,
};

/** What a lane says of a call, beside what its client said. */
interface Said {
  id: string;
  client: string;
  generation: string;
  way: string;
  caller: string;
  challenge: string;
}

function readFields({ names, values }: Headers): Said {
  const said: Said = { id: "", client: "", generation: "", way: "", caller: "", challenge: "" };
  for (let i = 0; i < names.length; i++) {
    const { kind, lower } = names[i] as FieldName;
    if ((kind & (Kind.identity | Kind.provenance)) === 0) continue;
    const value = values[i] as string;
    if (lower === "x-request-id") said.id = value;
    else if (lower === "x-turnpike-client") said.client = value;
    else if (lower === "x-turnpike-generation") said.generation = value;
    else if (lower === "x-turnpike-way") said.way = value;
    else if (lower === "x-turnpike-caller") said.caller = value;
    else if (lower === "x-turnpike-challenge") said.challenge = value;
  }
  return said;
}

/** As the lane saw it: what only named the version is taken off here, where upstreams get to see it. */
function requestOf(received: Request, client: string, way: Way, versions: VersionsPlan | null): Request {
  const { method, target, host, version, headers, body, peer } = received;
  const { path, query } = splitTarget(target);
  const forward = versions?.forward;
  return {
    ...{ method, target, version, headers, body },
    path: forward?.path === true ? path.slice(way.versionPrefix.length) : path,
    query: versions !== null && forward?.query === true ? takeParameter(query, versions.query).rest : query,
    host: host === NO_HOST ? "" : host,
    upgrade: null,
    peer: { ...peer, address: client, secure: way.scheme === "https" },
  };
}
