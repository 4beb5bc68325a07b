import { parseResponses, RawClient, type RawResponse } from "./raw.ts";

/** Clients that keep their connection as long as it is kept, and come again as long as somebody accepts. */
export class Load {
  answered = 0;
  closedPolitely = 0;
  /** Sent on an accepted connection, and no whole answer came. */
  readonly failed: string[] = [];
  #over = false;
  readonly #port: number;
  readonly #check: (response: RawResponse) => string | null;
  readonly #clients: Promise<void>[];

  /** `check` says what is wrong with an answer, if anything. */
  constructor(
    port: number,
    clients: number,
    request: (n: number) => string,
    check: (response: RawResponse) => string | null = ({ status }) =>
      status === 200 ? null : `status ${status}`,
  ) {
    this.#port = port;
    this.#check = check;
    this.#clients = Array.from({ length: clients }, (_, n) => this.#run(n, request));
  }

  async stop(): Promise<void> {
    this.#over = true;
    await Promise.all(this.#clients);
  }

  async #run(n: number, request: (n: number) => string): Promise<void> {
    while (!this.#over) {
      const client = await RawClient.to(this.#port).catch(() => null);
      // Nobody accepts any more.
      if (client === null) return;
      try {
        for (let nth = 1; !this.#over; nth++) if (await this.#one(client, request(n), nth)) break;
      } finally {
        client.destroy();
      }
    }
  }

  /** True if the connection is not to be used again. */
  async #one(client: RawClient, request: string, nth: number): Promise<boolean> {
    // Closed while it was idle, before anything was sent.
    if (client.closed !== null) return true;
    client.received = Buffer.alloc(0);
    client.send(request);
    await client.until(() => client.closed !== null || parseResponses(client.received).length > 0, 20_000);
    const [response] = parseResponses(client.received);
    const wrong =
      response === undefined
        ? `request ${nth} of a connection, closed: ${client.closed}`
        : this.#check(response);
    if (response === undefined || wrong !== null) {
      this.failed.push(`${wrong}: ${client.text.slice(0, 200)}`);
      return true;
    }
    this.answered++;
    const close = response.headers.get("connection")?.[0] === "close";
    if (close) this.closedPolitely++;
    return close;
  }
}
