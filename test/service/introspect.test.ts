/** `turnpike introspect` and `turnpike db`, as people use them. */
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { parse } from "yaml";
import { type CheckedFetch, checkedFetch } from "../harness/checked-fetch.ts";
import { turnpike } from "../harness/cli.ts";
import { startGateway, type TestGateway } from "../harness/gateway.ts";
import { TestPostgres, withoutPostgres } from "../harness/postgres.ts";
import { FILM_SHOP } from "./introspect-schema.ts";

describe("turnpike introspect", { skip: withoutPostgres() }, () => {
  let postgres: TestPostgres;
  let folder: string;
  let url: string;
  let file: string;
  let text: string;
  before(async () => {
    postgres = await TestPostgres.start();
    folder = await mkdtemp(join(tmpdir(), "turnpike-introspect-"));
    url = await postgres.database();
    const name = new URL(url).username;
    await postgres.query(`SET ROLE ${name}; ${FILM_SHOP}`, name);
    file = join(folder, "turnpike.yaml");
    const { code, stderr } = await turnpike("introspect", url, "--out", file);
    assert.equal(code, 0, stderr);
    text = readFileSync(file, "utf8");
  });
  after(async () => {
    await postgres?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  test("writes a config that can be used as it is, for tables that need no change", async () => {
    const password = decodeURIComponent(new URL(url).password);
    process.env["PGPASSWORD"] = password;
    try {
      const checked = await turnpike("check", "--config", file);
      assert.deepEqual([checked.code, checked.stderr], [0, ""]);
      const plan = await turnpike("db", "plan", "--config", file);
      assert.deepEqual([plan.code, plan.stderr], [0, ""]);
    } finally {
      delete process.env["PGPASSWORD"];
    }
  });

  test("writes no password", () => {
    const { password } = new URL(url);
    assert.ok(!text.includes(password) && !text.includes(decodeURIComponent(password)));
    assert.match(text, /records: postgres:\/\/turnpike_\d+@127/);
  });

  test("says of each table what a definition can say of it", () => {
    const { resources } = parse(text) as { resources: Record<string, Record<string, unknown>> };
    assert.deepEqual(Object.keys(resources).sort(), [
      "customers",
      "films",
      "gauges",
      "languages",
      "order_details",
      "staffs",
      "stores",
    ]);
    assert.deepEqual(resources["films"], {
      singular: "film",
      summary: "Films we rent.",
      table: "film",
      external: true,
      id: { type: "integer", column: "film_id" },
      timestamps: { updated: "last_update" },
      fields: {
        title: { summary: 'As printed: # on the "box"', type: "string", maxLength: 255, required: true },
        release_year: { type: "integer", minimum: 1901, maximum: 2155 },
        language_id: { ref: "languages", required: true },
        original_language_id: { ref: "languages", onDelete: "clear" },
        rental_rate: { type: "decimal", minimum: -99.99, maximum: 99.99, default: "4.99" },
        rating: { enum: ["G", "PG", "it's"], default: "G", nullable: true },
        special_features: { type: "array", readOnly: true, nullable: true },
        search: { type: "string", readOnly: true, nullable: true },
        meta: { type: "object", default: {} },
        limit_value: { type: "integer", minimum: 1, maximum: 2_147_483_647, column: "limit" },
        release_date: { type: "date", default: "now", nullable: true, column: "Release Date" },
      },
    });
    assert.deepEqual(resources["order_details"], {
      singular: "order_detail",
      table: "Order Details",
      external: true,
      id: { type: "uuid" },
      unique: [["product_id", "status"]],
      fields: {
        product_id: { type: "bigint", required: true, column: "productId" },
        status: { enum: ["new", "done", "x y"], default: "new" },
        qty: { type: "integer", minimum: 1, maximum: 5, required: true },
        discount: { type: "number" },
        total_value: { type: "decimal", column: "total" },
        code: { type: "string", minLength: 2 },
      },
    });
  });

  test("keeps columns that differ in case only, and the narrower of two bounds", () => {
    const { resources } = parse(text) as { resources: Record<string, Record<string, unknown>> };
    assert.deepEqual(resources["gauges"]?.["fields"], {
      a_b: { type: "string" },
      a_b_2: { type: "string", column: "A_B" },
      weight: { type: "number" },
      i: { enum: [4, 5] },
      j: { type: "integer", minimum: -32_768, maximum: 4 },
      anything: { type: "object" },
    });
  });

  test("says of what is left out why", () => {
    for (const line of [
      "Left out: film_actor: its primary key has several columns (film_id, actor_id), and an id is one.",
      "Left out: log: it has no primary key: nothing says which object is meant.",
      "Left out: picture: there is no type of field for bytea.",
      "text[]: can be read, not written:",
      "the database generates it:",
      "the database also checks ((qty)::numeric < total).",
      "the database also checks ((i > 3) AND (i < 10)):",
      "JSON, written as objects only; it may hold other values, too, and shows them as they are:",
      "without ip, which may not be empty, none can be created.",
    ])
      assert.ok(text.includes(`# ${line}\n`), line);
  });

  test("takes some of the tables, and says which there are", async () => {
    const some = await turnpike("introspect", url, "--tables", "film,language");
    const { resources } = parse(some.stdout) as { resources: object };
    assert.deepEqual(Object.keys(resources), ["films", "languages"]);
    const none = await turnpike("introspect", url, "--tables", "flim");
    assert.match(none.stderr, /there is no table "?flim"? in the schema public; there is .*film/);
    assert.equal(none.code, 1);
    const again = await turnpike("introspect", url, "--out", file);
    assert.deepEqual([again.code, /--force/.test(again.stderr)], [1, true]);
  });
});

describe("the resources of tables that were there before", { skip: withoutPostgres() }, () => {
  let postgres: TestPostgres;
  let gateway: TestGateway;
  let ask: CheckedFetch;
  const send = (method: string, path: string, body: unknown) =>
    ask(path, { method, body: JSON.stringify(body), headers: { "content-type": "application/json" } });
  before(async () => {
    postgres = await TestPostgres.start();
    const url = await postgres.database();
    const name = new URL(url).username;
    await postgres.query(`SET ROLE ${name}; ${FILM_SHOP}`, name);
    const { stdout } = await turnpike("introspect", url);
    const { resources } = parse(stdout) as { resources: Record<string, Record<string, unknown>> };
    const open = Object.entries(resources).map(([key, value]) => {
      const access = { read: "public", write: "public", ...(value["access"] as object | undefined) };
      return [key, { ...value, access }] as const;
    });
    gateway = await startGateway({
      store: { records: url },
      routes: [{ name: "api", path: "/*", to: { service: true } }],
      resources: Object.fromEntries(open),
    });
    ask = checkedFetch(`http://127.0.0.1:${gateway.port}`);
  });
  after(async () => {
    await gateway?.stop();
    await postgres?.stop();
  });

  test("are created, read, listed, paged through, changed and deleted", async () => {
    const made = await send("POST", "/languages", { name: "Deutsch" });
    assert.equal(made.status, 201);
    const { id: language } = (await made.json()) as { id: number };
    assert.equal(typeof language, "number");
    for (const title of ["Metropolis", "M", "Nosferatu"]) {
      const film = await send("POST", "/films", {
        title,
        language_id: language,
        release_year: 1927,
        limit_value: 3,
      });
      assert.equal(film.status, 201, await film.clone().text());
    }
    const page = async (path: string) =>
      (await (await ask(path)).json()) as { data: Record<string, unknown>[]; next_cursor: string };
    const first = await page("/films?limit=2&sort=title");
    assert.deepEqual(
      first.data.map(({ title }) => title),
      ["M", "Metropolis"],
    );
    const second = await page(`/films?limit=2&sort=title&cursor=${first.next_cursor}`);
    assert.deepEqual(
      second.data.map(({ title, search, rating, rental_rate }) => [title, search, rating, rental_rate]),
      [["Nosferatu", "NOSFERATU", "G", "4.99"]],
    );
    const id = second.data[0]?.["id"];
    assert.equal((await send("PATCH", `/films/${id}`, { rating: "it's", limit_value: null })).status, 200);
    const changed = (await (await ask(`/films/${id}?expand=language_id`)).json()) as Record<string, unknown>;
    assert.deepEqual(
      [changed["rating"], (changed["language_id"] as { name: string }).name],
      ["it's", "Deutsch"],
    );
    assert.equal((await ask(`/films/${id}`, { method: "DELETE" })).status, 204);
    assert.equal((await ask(`/films/${id}`)).status, 404);
    assert.equal(
      (await ask(`/languages/${language}`, { method: "DELETE" })).status,
      409,
      "films refer to it",
    );
  });

  test("refuse what the columns could not hold, and ids beyond their numbers", async () => {
    const wrong = {
      title: "x".repeat(256),
      language_id: 1,
      release_year: 1900,
      limit_value: 3_000_000_000,
      rating: "X",
    };
    const refused = await send("POST", "/films", wrong);
    assert.equal(refused.status, 422);
    assert.equal((await ask("/films/99999999999")).status, 404);
    assert.deepEqual(
      ((await (await ask("/films?limit_value=99999999999")).json()) as { data: object[] }).data,
      [],
    );
    assert.equal(
      (await send("POST", "/customers", { id: "a", company: "b" })).status,
      405,
      "ip has no field",
    );
  });

  test("say which field holds what its column does not take", async () => {
    const faults = async (answer: Response) => {
      assert.equal(answer.status, 422, await answer.clone().text());
      const { error } = (await answer.json()) as { error: { details?: { field: string }[] } };
      return error.details?.map(({ field }) => field);
    };
    assert.deepEqual(await faults(await send("POST", "/gauges", { id: 3_000_000_000 })), ["id"]);
    const gauge = { id: 1, a_b: "one", a_b_2: "two", i: 4, anything: { b: 1, a: 2 } };
    assert.deepEqual(await faults(await send("POST", "/gauges", { ...gauge, weight: 1e300 })), ["weight"]);
    const made = await send("POST", "/gauges", gauge);
    assert.equal(made.status, 201, await made.clone().text());
    assert.deepEqual(await faults(await send("PATCH", "/gauges/1", { weight: 1e-300 })), ["weight"]);
    const broken = await send("PATCH", "/gauges/1", { i: 6 });
    assert.equal(broken.status, 422, "a rule that no definition says");
    const now = (await (await ask("/gauges/1")).json()) as Record<string, unknown>;
    assert.deepEqual([now["a_b"], now["a_b_2"], now["i"]], ["one", "two", 4]);
  });

  test("with any names and types of columns", async () => {
    const order = { product_id: "9007199254740993", qty: 2, total_value: "12.5000", code: "ab" };
    const made = await send("POST", "/order_details", order);
    assert.equal(made.status, 201, await made.clone().text());
    const { id } = (await made.json()) as { id: string };
    const found = (await (await ask(`/order_details/${id}`)).json()) as Record<string, unknown>;
    assert.deepEqual(
      [found["product_id"], found["status"], found["total_value"]],
      ["9007199254740993", "new", "12.5000"],
    );
    assert.equal((await send("POST", "/order_details", order)).status, 409, "unique together");
    // A CHECK that no rule says: refused by the database, and not a mistake of the service.
    const checked = await send("POST", "/order_details", {
      ...order,
      product_id: "2",
      qty: 5,
      total_value: "1.0000",
    });
    assert.equal(checked.status, 422, await checked.clone().text());
  });
});

describe("turnpike db", () => {
  let folder: string;
  let file: string;
  const write = (fields: string): Promise<void> =>
    writeFile(
      file,
      `store: { records: "sqlite:./data.db" }\nroutes: [{ name: api, path: "/*", to: { service: true } }]\nresources: { orders: { access: { read: public, write: public }, fields: ${fields} } }\n`,
    );
  const db = (...args: string[]) => turnpike("db", ...args, "--config", file);
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "turnpike-db-"));
    file = join(folder, "turnpike.yaml");
    await write("{ size: integer, name: string }");
  });
  after(() => rm(folder, { recursive: true, force: true }));

  test("shows what is to be done without so much as making the file, then does it, then has nothing to do", async () => {
    const plan = await db("plan", "--sql");
    assert.equal(plan.code, 3, plan.stderr);
    assert.match(plan.stdout, /create the table orders/);
    assert.match(plan.stdout, /CREATE TABLE "orders"/);
    assert.equal(existsSync(join(folder, "data.db")), false);
    const applied = await db("apply");
    assert.deepEqual([applied.code, /changes? done/.test(applied.stdout)], [0, true], applied.stderr);
    assert.equal((await db("plan")).code, 0);
  });

  test("drops only with the flag, and refuses what is impossible with an exit code of its own", async () => {
    await write("{ size: integer }");
    const kept = await db("plan");
    assert.deepEqual([kept.code, /left alone: the column orders\.name/.test(kept.stdout)], [0, true]);
    const json = await db("plan", "--destructive", "--json");
    assert.equal(json.code, 3);
    const { steps } = JSON.parse(json.stdout) as { steps: { severity: string }[] };
    assert.deepEqual(
      steps.map(({ severity }) => severity),
      ["destructive"],
    );
    assert.equal((await db("apply", "--destructive")).code, 0);
    assert.doesNotMatch((await db("plan")).stdout, /left alone/);
  });
});
