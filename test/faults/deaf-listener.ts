import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { Worker } from "node:worker_threads";

/** A port whose queue of connections is full: connecting to it takes for ever. */
export async function startDeafListener(): Promise<{ url: string; stop(): Promise<void> }> {
  // It listens and then never gets to accept.
  const worker = new Worker(
    `const { parentPort } = require("node:worker_threads");
     const server = require("node:net").createServer();
     server.listen({ port: 0, host: "127.0.0.1", backlog: 1 }, () => {
       parentPort.postMessage(server.address().port);
       setImmediate(() => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0));
     });`,
    { eval: true },
  );
  const [port] = (await once(worker, "message")) as [number];
  const fillers: Socket[] = [];
  for (let waiting = 0; waiting < 3; ) {
    const filler = connect({ port, host: "127.0.0.1" });
    filler.on("error", () => {});
    fillers.push(filler);
    waiting = (await connects(filler)) ? 0 : waiting + 1;
    if (fillers.length > 64) throw new Error("the queue of connections never fills");
  }
  return {
    url: `http://127.0.0.1:${port}`,
    async stop() {
      for (const filler of fillers) filler.destroy();
      await worker.terminate();
    },
  };
}

/** On loopback a connection is there at once or not at all. */
function connects(socket: Socket): Promise<boolean> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(false), 150);
    socket.once("connect", () => {
      clearTimeout(timer);
      resolve(true);
    });
  });
}
