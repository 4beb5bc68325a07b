/** The entry of the service's thread. */
import { parentPort } from "node:worker_threads";
import type { ServiceHost } from "./api.ts";
import { connect, expose } from "./channel.ts";
import { Service } from "./service.ts";
import { threadData } from "./thread.ts";
import { systemWorld } from "./world.ts";

if (parentPort !== null) {
  const { remote } = connect<ServiceHost>(parentPort);
  const host: ServiceHost = {
    publish: (topic, message) => void remote.publish(topic, message),
    metrics: () => remote.metrics(),
  };
  expose(parentPort, new Service(systemWorld(), host, threadData() as SharedArrayBuffer));
}
