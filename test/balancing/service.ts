import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from "node:http";
import { createServer as createSecureServer, type ServerOptions } from "node:https";
import type { AddressInfo, Socket } from "node:net";

/** A service whose health the test sets, and that can go away and come back at the same port. */
export class Service {
  /** What `/health` answers. */
  health: RequestListener = (_, response) => void response.end("fine");
  /** What everything else answers. */
  answer: RequestListener = (_, response) => void response.end("ok");
  readonly checks: IncomingMessage[] = [];
  readonly calls: IncomingMessage[] = [];
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #port = 0;

  private constructor(tls: ServerOptions | null) {
    const serve = (request: IncomingMessage, response: ServerResponse) => this.#serve(request, response);
    this.#server = tls === null ? createServer(serve) : createSecureServer(tls, serve);
    this.#server.on("connection", (socket: Socket) => {
      this.#sockets.add(socket);
      socket.on("close", () => this.#sockets.delete(socket));
    });
  }

  static async start(tls: ServerOptions | null = null): Promise<Service> {
    const service = new Service(tls);
    await service.up();
    return service;
  }

  get port(): number {
    return this.#port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** Connections. */
  get open(): number {
    return this.#sockets.size;
  }

  async up(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(this.#port, "127.0.0.1", resolve));
    this.#port = (this.#server.address() as AddressInfo).port;
  }

  async down(): Promise<void> {
    if (!this.#server.listening) return;
    const closed = new Promise((resolve) => this.#server.close(resolve));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  #serve(request: IncomingMessage, response: ServerResponse): void {
    const isCheck = request.url?.startsWith("/health") === true;
    (isCheck ? this.checks : this.calls).push(request);
    request.resume();
    (isCheck ? this.health : this.answer)(request, response);
  }
}

/** Answers with a status and no body. */
export const status =
  (code: number, headers: Readonly<Record<string, string>> = {}): RequestListener =>
  (_, response) =>
    void response.writeHead(code, headers).end();
