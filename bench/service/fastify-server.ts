/**
 * The same API written by hand: Fastify, `pg` with a pool, statements prepared by name, schemas for what comes in and
 * what goes out. `node fastify-server.ts PORT DATABASE CONNECTIONS`, and `outbox` behind them to do for a write what
 * Turnpike does: its event in the same transaction, and an ETag.
 */
import { randomBytes } from "node:crypto";
import fastify from "fastify";
import { Pool, type QueryArrayConfig } from "pg";

const [, , port = "", connectionString = "", connections = "10", outbox = ""] = process.argv;
const pool = new Pool({ connectionString, max: Number(connections) });

const COLUMNS = "id, name, price, status, note, created_at, updated_at";
const LIST = { name: "list", text: `SELECT ${COLUMNS} FROM products ORDER BY id LIMIT $1` };
const NEXT = { name: "next", text: `SELECT ${COLUMNS} FROM products WHERE id > $1 ORDER BY id LIMIT $2` };
const GET = { name: "get", text: `SELECT ${COLUMNS} FROM products WHERE id = $1` };
const CREATE = {
  name: "create",
  text: `INSERT INTO products (${COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $6) RETURNING ${COLUMNS}`,
};
const EVENT = { name: "event", text: "INSERT INTO events (id, type, at, data) VALUES ($1, $2, $3, $4)" };

const product = {
  type: "object",
  properties: {
    id: { type: "string" },
    name: { type: "string" },
    price: { type: "integer" },
    status: { type: "string" },
    note: { type: "string", nullable: true },
    created_at: { type: "string", format: "date-time" },
    updated_at: { type: "string", format: "date-time" },
  },
} as const;

const input = {
  type: "object",
  required: ["name", "price"],
  additionalProperties: false,
  properties: {
    name: { type: "string", minLength: 1, maxLength: 120 },
    price: { type: "integer", minimum: 0 },
    status: { type: "string", enum: ["active", "retired"], default: "active" },
    note: { type: "string", maxLength: 500, nullable: true },
  },
} as const;

interface Row {
  readonly id: string;
  readonly updated_at: Date;
}

const app = fastify({ logger: false });

app.get<{ Querystring: { limit: number; cursor?: string } }>(
  "/products",
  {
    schema: {
      querystring: {
        type: "object",
        properties: {
          limit: { type: "integer", minimum: 1, maximum: 100, default: 20 },
          cursor: { type: "string" },
        },
      },
      response: {
        200: {
          type: "object",
          properties: {
            data: { type: "array", items: product },
            limit: { type: "integer" },
            has_more: { type: "boolean" },
            next_cursor: { type: "string", nullable: true },
          },
        },
      },
    },
  },
  async ({ query: { limit, cursor } }) => {
    const found =
      cursor === undefined
        ? await pool.query<Row>({ ...LIST, values: [limit + 1] })
        : await pool.query<Row>({
            ...NEXT,
            values: [Buffer.from(cursor, "base64url").toString(), limit + 1],
          });
    const data = found.rows.slice(0, limit);
    const more = found.rows.length > limit;
    const last = data.at(-1);
    const next = more && last !== undefined ? Buffer.from(last.id).toString("base64url") : null;
    return { data, limit, has_more: more, next_cursor: next };
  },
);

app.get<{ Params: { id: string } }>(
  "/products/:id",
  { schema: { response: { 200: product } } },
  async ({ params: { id } }, reply) => {
    const { rows } = await pool.query<Row>({ ...GET, values: [id] });
    const [row] = rows;
    if (row === undefined) return reply.code(404).send({ error: "no such product" });
    if (outbox !== "") reply.header("ETag", `"${row.updated_at.getTime()}"`);
    return row;
  },
);

interface Input {
  readonly name: string;
  readonly price: number;
  readonly status: string;
  readonly note?: string | null;
}

app.post<{ Body: Input }>(
  "/products",
  { schema: { body: input, response: { 201: product } } },
  async ({ body: { name, price, status, note = null } }, reply) => {
    const now = new Date();
    const values = [newId("prod"), name, price, status, note, now];
    const row = outbox === "" ? await create(pool, values) : await createWithEvent(values, now);
    if (outbox !== "") reply.header("ETag", `"${now.getTime()}"`);
    return reply.code(201).header("Location", `/products/${row?.id}`).send(row);
  },
);

interface Queryable {
  query(
    config: QueryArrayConfig | { name: string; text: string; values: unknown[] },
  ): Promise<{ rows: unknown[] }>;
}

async function create(on: Queryable, values: unknown[]): Promise<Row | undefined> {
  const { rows } = await on.query({ ...CREATE, values });
  return rows[0] as Row | undefined;
}

async function createWithEvent(values: unknown[], now: Date): Promise<Row | undefined> {
  const client = await pool.connect();
  try {
    await client.query("BEGIN");
    const row = await create(client, values);
    await client.query({ ...EVENT, values: [newId("evt"), "product.created", now, JSON.stringify(row)] });
    await client.query("COMMIT");
    return row;
  } catch (error) {
    await client.query("ROLLBACK");
    throw error;
  } finally {
    client.release();
  }
}

let count = 0;

/** Sorts by time, as Turnpike's do. */
function newId(prefix: string): string {
  const time = Date.now().toString(36).padStart(9, "0");
  return `${prefix}_${time}${(count++ % 46_656).toString(36).padStart(3, "0")}${randomBytes(8).toString("hex")}`;
}

await app.listen({ host: "127.0.0.1", port: Number(port) });
