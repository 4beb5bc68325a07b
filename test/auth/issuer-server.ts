import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { Json } from "./tokens.ts";

/** An issuer that publishes keys, and counts who asks for them. */
export class IssuerServer {
  fetches = 0;
  /** What it publishes, if `answer` is not set. */
  keys: readonly Json[] = [];
  cacheControl: string | undefined;
  /** Answers in its own way; never, where it does nothing. */
  answer: ((request: IncomingMessage, response: ServerResponse) => void) | null = null;
  readonly #server: ReturnType<typeof createServer>;
  readonly #scheme: string;

  private constructor(tls?: { readonly key: string; readonly cert: string }) {
    const listener = (request: IncomingMessage, response: ServerResponse) => this.#accept(request, response);
    this.#server = tls === undefined ? createServer(listener) : createTlsServer(tls, listener);
    this.#scheme = tls === undefined ? "http" : "https";
  }

  static async start(tls?: { readonly key: string; readonly cert: string }): Promise<IssuerServer> {
    const server = new IssuerServer(tls);
    await new Promise<void>((resolve) => server.#server.listen(0, "127.0.0.1", resolve));
    return server;
  }

  get port(): number {
    return (this.#server.address() as { port: number }).port;
  }

  get url(): string {
    return `${this.#scheme}://127.0.0.1:${this.port}/jwks.json`;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #accept(request: IncomingMessage, response: ServerResponse): void {
    this.fetches += 1;
    if (this.answer !== null) {
      this.answer(request, response);
      return;
    }
    if (this.cacheControl !== undefined) response.setHeader("Cache-Control", this.cacheControl);
    response.setHeader("Content-Type", "application/jwk-set+json");
    response.end(JSON.stringify({ keys: this.keys }));
  }
}
