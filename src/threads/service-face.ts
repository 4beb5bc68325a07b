import { getRandomValues } from "node:crypto";
import type { Database } from "../core/database.ts";
import type { Plan } from "../core/plan.ts";
import { makeService } from "../service/index.ts";
import { Cursors } from "../service/resources/cursor.ts";
import { makeResourceStore } from "../service/resources/sql/index.ts";
import type { World } from "./api.ts";
import type { ServiceFace } from "./service-generations.ts";

const random = (bytes: Uint8Array): void => void getRandomValues(bytes);

/** The resources of one plan on the database that all plans share. `secret`: what cursors are signed with. */
export function makeFace(
  { resources, versions, service }: Pick<Plan, "resources" | "versions" | "service">,
  database: Database,
  secret: Uint8Array,
  { clock, log }: Pick<World, "clock" | "log">,
): ServiceFace {
  return makeService({
    ...{ resources, versions, clock, log },
    store: makeResourceStore(database, resources, { wall: () => clock.wall(), random }),
    cursors: new Cursors(secret, clock),
    random,
    title: service.title,
  });
}
