/** The same small API by several hands, each with a database of its own that holds the same rows. */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { TestPostgres } from "../../test/harness/postgres.ts";
import { commandOf } from "../peers/turnpike.ts";
import { freePort, launch, type Program, writeConfig } from "../processes.ts";

export const ROWS = 10_000;
/** Of each pool. */
export const CONNECTIONS = 10;

export interface Contender {
  readonly label: string;
  readonly does: string;
  readonly program: Program;
  readonly port: number;
}

export interface Surroundings {
  readonly postgres: TestPostgres;
  readonly folder: string;
  readonly repository: string;
}

export async function startFastify(label: string, outbox: boolean, at: Surroundings): Promise<Contender> {
  const { postgres, folder } = at;
  const url = await postgres.database();
  const name = databaseOf(url);
  await postgres.query(
    `CREATE TABLE products (id text COLLATE "C" PRIMARY KEY, name text NOT NULL, price bigint NOT NULL,
       status text NOT NULL, note text, created_at timestamptz NOT NULL, updated_at timestamptz NOT NULL);
     CREATE TABLE events (number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, id text NOT NULL, type text NOT NULL,
       at timestamptz NOT NULL, data jsonb NOT NULL);
     GRANT ALL ON ALL TABLES IN SCHEMA public TO ${name}`,
    name,
  );
  await seed(postgres, name);
  const port = await freePort();
  const server = fileURLToPath(new URL("fastify-server.ts", import.meta.url));
  const words = [String(port), url, String(CONNECTIONS), ...(outbox ? ["outbox"] : [])];
  const program = await launch({
    name: label,
    command: [process.execPath, server, ...words],
    folder,
    core: null,
    environment: { NODE_ENV: "production" },
    ready: { port },
  });
  const does = outbox
    ? "Fastify, pg, schemas in and out; a write and its event in one transaction, an ETag"
    : "Fastify, pg, schemas in and out; a write is one INSERT, no event, no ETag";
  return { label, does, program, port };
}

export async function startTurnpike(
  label: string,
  options: { readonly database: "postgres" | "sqlite"; readonly lanes: number; readonly events?: boolean },
  at: Surroundings,
): Promise<Contender> {
  const { postgres, folder, repository } = at;
  const url =
    options.database === "postgres"
      ? await postgres.database()
      : `sqlite:${join(folder, `${label.replaceAll(/\W+/g, "-")}.db`)}`;
  const port = await freePort();
  const { lanes, events = true } = options;
  const config = turnpikeConfig({ port, adminPort: await freePort(), lanes, events, records: url });
  const file = writeConfig(folder, `${label.replaceAll(/\W+/g, "-")}.yaml`, config);
  const program = await launch({
    name: label,
    command: [...commandOf(repository), "start", "--config", file],
    folder,
    core: null,
    environment: { NODE_ENV: "production" },
    ready: { prints: /listening on http:\/\// },
  });
  if (options.database === "postgres") await seed(postgres, databaseOf(url));
  else await seedByRequests(port);
  const writes = events ? "a write and its event in one transaction, an ETag" : "no events, an ETag";
  const does = `Turnpike, ${lanes} lane(s) and the service thread: gateway, REST face, ${options.database}; ${writes}`;
  return { label, does, program, port };
}

interface Configured {
  readonly port: number;
  readonly adminPort: number;
  readonly lanes: number;
  readonly events: boolean;
  readonly records: string;
}

function turnpikeConfig(at: Configured): string {
  return `listen: { host: 127.0.0.1, port: ${at.port} }
admin: { port: ${at.adminPort} }
lanes: ${at.lanes}
log: { requests: false }
store: { records: "${at.records}", connections: ${CONNECTIONS} }
routes: [{ name: shop, path: /*, to: { service: true } }]
resources:
  products:
    id: { prefix: prod }
    access: { read: public, write: public }
    list: { sort: id }
    events: ${at.events}
    fields:
      name: { type: string, required: true, minLength: 1, maxLength: 120 }
      price: { type: integer, minimum: 0, required: true }
      status: { enum: [active, retired], default: active }
      note: { type: string, maxLength: 500, nullable: true }
`;
}

const databaseOf = (url: string): string => new URL(url).pathname.slice(1);

/** Ids of the same form and length in every database, so that one script asks them all. */
export const idOf = (row: number): string => `prod_${String(row).padStart(26, "0")}`;

async function seed(postgres: TestPostgres, database: string): Promise<void> {
  await postgres.query(
    `INSERT INTO products (id, name, price, status, note, created_at, updated_at${await revisionOf(postgres, database)})
     SELECT 'prod_' || lpad(n::text, 26, '0'), 'Product number ' || n, n, 'active', NULL, now(), now()
       ${(await revisionOf(postgres, database)) === "" ? "" : ", 1"}
     FROM generate_series(0, ${ROWS - 1}) n; ANALYZE products`,
    database,
  );
}

/** Turnpike's table has one column more. */
async function revisionOf(postgres: TestPostgres, database: string): Promise<string> {
  const found = await postgres.query(
    "SELECT 1 FROM information_schema.columns WHERE table_name = 'products' AND column_name = 'revision'",
    database,
  );
  return found.length === 0 ? "" : ", revision";
}

async function seedByRequests(port: number): Promise<void> {
  const one = async (row: number): Promise<void> => {
    const { status } = await fetch(`http://127.0.0.1:${port}/products`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ name: `Product number ${row}`, price: row }),
    });
    if (status !== 201) throw new Error(`a row could not be created: ${status}`);
  };
  for (let row = 0; row < ROWS; row += 100)
    await Promise.all(Array.from({ length: 100 }, (_, n) => one(row + n)));
}
