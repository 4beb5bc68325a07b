/** The entry of a lane's thread. */
import { parentPort } from "node:worker_threads";
import type { LaneHost } from "./api.ts";
import { connect, expose } from "./channel.ts";
import { Lane } from "./lane.ts";
import type { Shared } from "./shared.ts";
import { threadData } from "./thread.ts";
import { systemWorld } from "./world.ts";

if (parentPort !== null) {
  const world = systemWorld();
  expose(parentPort, new Lane(world, threadData() as Shared));
  const { remote } = connect<LaneHost>(parentPort);
  // What state it left behind is unknown: another lane takes over.
  process.on("uncaughtException", (error) => {
    world.log.error({ cause: error }, "a lane failed with an error that nothing caught");
    void remote.failed();
  });
}
