/** The entry of the service's thread. */
import { parentPort } from "node:worker_threads";
import { flushLogs } from "../observe/log.ts";
import { resourceOfFunction } from "../service/resources/functions.ts";
import type { ServiceHost } from "./api.ts";
import { connect, expose } from "./channel.ts";
import { Service } from "./service.ts";
import { threadData } from "./thread.ts";
import { systemWorld } from "./world.ts";

if (parentPort !== null) {
  const world = systemWorld();
  const { remote } = connect<ServiceHost>(parentPort);
  const host: ServiceHost = {
    publish: (topic, message) => void remote.publish(topic, message),
    metrics: () => remote.metrics(),
  };
  expose(parentPort, new Service(world, host, threadData() as SharedArrayBuffer));
  // What a function of the config has left behind is no reason to end everybody's calls. What state one of our own
  // mistakes has left behind is unknown: another thread takes over.
  const caught = (cause: unknown): void => {
    const resource = resourceOfFunction();
    if (resource !== undefined)
      world.log.error({ resource, cause }, "a function of the config failed where nobody waits for it");
    else {
      world.log.error({ cause }, "the service failed with an error that nothing caught");
      flushLogs();
      process.exit(1);
    }
  };
  process.on("uncaughtException", caught);
  process.on("unhandledRejection", caught);
}
