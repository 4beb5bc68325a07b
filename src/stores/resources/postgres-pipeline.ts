import { Client, type ClientConfig, type QueryArrayConfig, type QueryArrayResult } from "pg";
import type { Rows } from "../../core/database.ts";
import { unavailable } from "../postgres/failure.ts";
import { rejection } from "./postgres-failure.ts";

interface Line {
  client: Promise<Client> | null;
  /** The client, once it is connected: who has it need not wait. */
  connected: Client | null;
  /** Questions without an answer yet. */
  asked: number;
}

/**
 * A few connections on which questions follow each other without waiting for the answers: what many callers ask at the
 * same time costs a fraction of the turns between processes, here and in the server. Each question is a transaction of
 * its own, and fails alone; but a slow one holds up those behind it, so that only what is known to be quick goes here.
 */
export class PostgresPipeline {
  readonly #config: ClientConfig;
  readonly #lines: readonly Line[];
  #closed = false;

  constructor(config: ClientConfig, lines: number) {
    this.#config = config;
    this.#lines = Array.from({ length: lines }, () => ({ client: null, connected: null, asked: 0 }));
  }

  /** @throws GatewayError RECORDS_UNAVAILABLE where nothing could be asked; LostConnection; or the database's error. */
  ask(question: QueryArrayConfig): Promise<Rows> {
    const line = this.#lines.reduce((least, one) => (one.asked < least.asked ? one : least));
    line.asked++;
    return new Promise((resolve, reject) => {
      const answered = (error: unknown, result: QueryArrayResult | undefined) => {
        line.asked--;
        if (error) reject(rejection(error));
        else resolve((result as QueryArrayResult).rows as Rows);
      };
      if (line.connected !== null) line.connected.query(question, answered);
      else
        this.#connect(line).then(
          (client) => client.query(question, answered),
          (error: unknown) => {
            line.asked--;
            reject(unavailable(error));
          },
        );
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    const clients = this.#lines.map(({ client }) => client?.catch(() => null));
    for (const client of clients) await (await client)?.end();
  }

  #connect(line: Line): Promise<Client> {
    line.client ??= this.#open(line);
    return line.client;
  }

  async #open(line: Line): Promise<Client> {
    const client = new Client(this.#config);
    const lost = () => {
      line.client = null;
      line.connected = null;
    };
    client.on("error", lost);
    client.on("end", lost);
    try {
      if (this.#closed) throw new Error("the database has been closed");
      await client.connect();
    } catch (error) {
      lost();
      throw error;
    }
    line.connected = client;
    return client;
  }
}
