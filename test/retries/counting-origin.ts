import { createServer, type Socket } from "node:net";

export interface CountingOrigin {
  readonly url: string;
  /** Heads of requests that have arrived. */
  readonly requests: number;
  readonly connections: number;
  stop(): Promise<void>;
}

/**
 * What becomes of a request, the so-manyth of its connection: bytes to answer with, or
 * `destroy`: the connection is reset; `alternate`: answered with 502, and every second one of a connection reset; `hang`: nothing.
 */
export type Fate = ((request: string, nth: number) => string | null) | "destroy" | "alternate" | "hang";

/** An origin that keeps nothing but counts: it stands hundreds of thousands of requests without bodies. */
export async function startCountingOrigin(fate: Fate): Promise<CountingOrigin> {
  const sockets = new Set<Socket>();
  let requests = 0;
  let connections = 0;
  const server = createServer({ noDelay: true }, (socket) => {
    let nth = 0;
    let pending = "";
    connections++;
    sockets.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => sockets.delete(socket));
    socket.on("data", (chunk) => {
      pending += chunk.toString("latin1");
      for (let end = pending.indexOf("\r\n\r\n"); end >= 0; end = pending.indexOf("\r\n\r\n")) {
        requests++;
        nth++;
        meet(fate, socket, pending.slice(0, end), nth);
        pending = pending.slice(end + 4);
      }
    });
  });
  await new Promise<void>((resolve) => server.listen({ port: 0, host: "127.0.0.1", backlog: 4096 }, resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as { port: number }).port}`,
    get requests() {
      return requests;
    },
    get connections() {
      return connections;
    },
    async stop() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function meet(fate: Fate, socket: Socket, request: string, nth: number): void {
  if (fate === "hang") return;
  if (fate === "destroy" || (fate === "alternate" && nth % 2 === 0)) {
    socket.resetAndDestroy();
    return;
  }
  const answer = fate === "alternate" ? BAD_GATEWAY : fate(request, nth);
  if (answer !== null) socket.write(answer, "latin1");
}

const BAD_GATEWAY = "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n";
