/** The resources of a config, as a handler: whoever asks it has found out who calls, and answers what it throws. */
import type { Handler } from "../core/handler.ts";
import type { Resources } from "../core/resource.ts";
import type { Clock, Log } from "../core/tools.ts";
import type { VersionsPlan } from "../core/version.ts";
import { OpenApiFiles } from "./openapi/index.ts";
import { sightOf } from "./resources/access.ts";
import type { Cursors } from "./resources/cursor.ts";
import { type FillRandom, Ids } from "./resources/ids.ts";
import { Operations } from "./resources/operations.ts";
import type { ResourceStore } from "./resources/store.ts";
import { restFace } from "./rest/face.ts";
import { InputsOf } from "./rest/inputs-of.ts";
import { OPENAPI_PATH, openApiDocument } from "./rest/openapi-document.ts";
import { Representations } from "./rest/representations.ts";

export interface ServiceParts {
  readonly resources: Resources;
  /** Null where the API has no versions. */
  readonly versions: VersionsPlan | null;
  readonly store: ResourceStore;
  readonly cursors: Cursors;
  readonly clock: Clock;
  readonly log: Log;
  readonly random: FillRandom;
  /** Of the API, in its documentation. */
  readonly title: string;
  /** Milliseconds for which a hook or action of the config is waited for. */
  readonly hookTimeout?: number;
}

export interface Service {
  readonly handler: Handler;
  /** Resolves when nothing is going on behind answers that have been given. The database stays open. */
  close(): Promise<void>;
}

const HOOK_TIMEOUT = 5_000;

export function makeService(parts: ServiceParts): Service {
  const { resources, store, clock, hookTimeout = HOOK_TIMEOUT } = parts;
  const ids = new Ids(() => clock.wall(), parts.random);
  const operations = new Operations({ ...parts, ids, hookTimeout });
  const tools = {
    operations,
    store,
    inputs: new InputsOf(resources),
    representations: new Representations(),
    sight: sightOf(resources),
  };
  const document = { path: OPENAPI_PATH, answer: openApiDocument(new OpenApiFiles(resources, parts)) };
  return { handler: restFace(tools, resources, [document]), close: () => operations.settled() };
}
