import { createServer, type Socket } from "node:net";

/** A request whose head has arrived; `whole` runs when its body has, too. */
export interface Arrival {
  readonly method: string;
  readonly target: string;
  /** The value of the query parameter, "" if there is none. */
  query(name: string): string;
  readonly socket: Socket;
  /** How many requests this connection has had before. */
  readonly earlier: number;
  whole: () => void | Promise<void>;
}

export interface FickleOrigin {
  readonly url: string;
  readonly connections: number;
  stop(): Promise<void>;
}

/** An origin that reads quickly and lets `arrived` do with the socket what it likes. */
export async function startFickleOrigin(arrived: (arrival: Arrival) => void): Promise<FickleOrigin> {
  const sockets = new Set<Socket>();
  let connections = 0;
  const server = createServer({ noDelay: true }, (socket) => {
    connections++;
    sockets.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => sockets.delete(socket));
    readRequests(socket, arrived);
  });
  await new Promise<void>((resolve) => server.listen({ port: 0, host: "127.0.0.1", backlog: 1024 }, resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as { port: number }).port}`,
    get connections() {
      return connections;
    },
    async stop() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** One request after the other: the next is looked at when `whole` of the one before has done its work. */
function readRequests(socket: Socket, arrived: (arrival: Arrival) => void): void {
  let head = "";
  let current: Arrival | null = null;
  let missing = 0;
  let earlier = 0;
  let turn = Promise.resolve();
  const take = async (chunk: Buffer) => {
    let at = 0;
    while (at < chunk.length || (current !== null && missing === 0)) {
      if (current === null) {
        head += chunk.toString("latin1", at);
        const end = head.indexOf("\r\n\r\n");
        if (end < 0) return;
        at = chunk.length - (head.length - end - 4);
        current = arrival(head.slice(0, end), socket, earlier++);
        missing = Number(/\r\nContent-Length: (\d+)/i.exec(head.slice(0, end))?.[1] ?? 0);
        head = "";
        if (socket.writable) arrived(current);
      } else {
        const part = Math.min(missing, chunk.length - at);
        at += part;
        missing -= part;
        if (missing > 0) return;
        const { whole } = current;
        current = null;
        // A connection that was closed is not answered on.
        if (socket.writable) await whole();
      }
    }
  };
  socket.on("data", (chunk: Buffer) => {
    turn = turn.then(() => take(chunk));
  });
}

function arrival(head: string, socket: Socket, earlier: number): Arrival {
  const [method = "", target = ""] = head.split(" ");
  const query = new URLSearchParams(target.split("?")[1] ?? "");
  return { method, target, query: (name) => query.get(name) ?? "", socket, earlier, whole: () => {} };
}
