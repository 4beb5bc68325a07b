import type { Call } from "../../core/call.ts";
import { GatewayError } from "../../core/errors.ts";
import type { Handler } from "../../core/handler.ts";
import { emptyReply, type Reply } from "../../core/reply.ts";
import type { Resource, Resources, Verb } from "../../core/resource.ts";
import { acceptedBy } from "../resources/input/index.ts";
import { getList, getObject } from "./reading.ts";
import { type Answerer, type Endpoint, endpoint, Router } from "./router.ts";
import type { RestTools } from "./tools.ts";
import { deleteObject, patchObject, postAction, postObject, putObject } from "./writing.ts";

/** What is served beside the resources, at a path of its own. */
export interface Document {
  readonly path: string;
  readonly answer: (call: Call) => Reply;
}

/** Answers for the paths of all resources. What it throws is the answer of whoever asks it. */
export function restFace(tools: RestTools, resources: Resources, documents: readonly Document[]): Handler {
  const router = new Router();
  for (const { path, answer } of documents) router.fixed(path, endpoint({ GET: answer }));
  for (const resource of resources.values()) route(router, tools, resource, resources);
  return (call) => {
    const { method, path } = call.request;
    const place = router.find(path);
    if (place === null) throw new GatewayError("ROUTE_NOT_FOUND");
    const answer = place.endpoint.methods.get(method === "HEAD" ? "GET" : method);
    if (answer !== undefined) return answer(call, place.id);
    if (method === "OPTIONS") return optionsReply(place.endpoint);
    throw new GatewayError("METHOD_NOT_ALLOWED", { headers: { Allow: place.endpoint.allow } });
  };
}

function route(router: Router, tools: RestTools, resource: Resource, resources: Resources): void {
  const { path, actions, sublists } = resource;
  const offered = (verb: Verb, answer: Answerer): Answerer | undefined =>
    resource.verbs.has(verb) ? answer : undefined;
  router.fixed(
    path,
    endpoint({
      GET: offered("list", (call) => getList(tools, resource, call, null)),
      POST: offered("create", (call) => postObject(tools, resource, call, null)),
    }),
  );
  router.item(
    path,
    endpoint({
      GET: offered("get", (call, id) => getObject(tools, resource, call, id)),
      PUT: offered("replace", (call, id) => putObject(tools, resource, call, id)),
      PATCH: offered("update", (call, id) => patchObject(tools, resource, call, id)),
      DELETE: offered("delete", (call, id) => deleteObject(tools, resource, call, id)),
    }),
  );
  for (const action of actions)
    router.inside(
      path,
      action.name,
      endpoint({ POST: (call, id) => postAction(tools, resource, action, call, id) }),
    );
  for (const sublist of sublists) {
    const parent = resources.get(sublist.parent) as Resource;
    const place = endpoint({
      GET: offered("list", (call, id) => getList(tools, resource, call, { sublist, parent, id })),
      POST: offered("create", (call, id) => postObject(tools, resource, call, { sublist, parent, id })),
    });
    router.inside(parent.path, sublist.segment, place);
  }
}

function optionsReply({ allow, methods }: Endpoint): Reply {
  const bodies = [...methods.keys()].map(acceptedBy);
  return emptyReply(204, Object.assign({ Allow: allow }, ...bodies) as Record<string, string>);
}
