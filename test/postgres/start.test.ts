/** A gateway that comes to a PostgreSQL: how the schema gets there, and what is said where it cannot be used. */
import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { openRecords } from "../../src/stores/records/open.ts";
import { turnpike } from "../harness/cli.ts";
import { TestPostgres, withoutPostgres } from "../harness/postgres.ts";

const NOT_FULL = process.env["TURNPIKE_FULL"] === "1" ? false : "it takes ten seconds: TURNPIKE_FULL=1";

describe("the schema in a PostgreSQL", { skip: withoutPostgres() }, () => {
  let postgres: TestPostgres;
  let folder: string;
  before(async () => {
    postgres = await TestPostgres.start();
    folder = await mkdtemp(join(tmpdir(), "turnpike-postgres-config-"));
  });
  after(async () => {
    await postgres?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  test("is made once when eight come at the same time, and leaves other schemas alone", async () => {
    const database = await postgres.database();
    const records = await Promise.all(Array.from({ length: 8 }, () => openRecords(database)));
    try {
      assert.deepEqual(await Promise.all(records.map(({ keys }) => keys.count())), Array(8).fill(0));
    } finally {
      await Promise.all(records.map((one) => one.close()));
    }
    const schemas = await postgres.query(
      "SELECT DISTINCT table_schema FROM information_schema.tables WHERE table_schema !~ '^(pg_|information_)'",
      new URL(database).username,
    );
    assert.deepEqual(schemas, [["turnpike"]]);
  });

  test("that a newer version has written is not touched", async () => {
    const database = await postgres.database();
    await (await openRecords(database)).close();
    await postgres.query("UPDATE turnpike.schema_version SET steps = 999", new URL(database).username);
    await assert.rejects(openRecords(database), /cannot be used: it was written by a newer version/);
  });

  test("is refused where the user may not make one, with the right that is missing", async () => {
    const database = await postgres.database();
    const name = new URL(database).username;
    await postgres.query(`ALTER DATABASE ${name} OWNER TO postgres`);
    await assert.rejects(openRecords(database), /GRANT CREATE ON DATABASE/);
    await postgres.query(`GRANT CREATE ON DATABASE ${name} TO ${name}`);
    await (await openRecords(database)).close();
  });

  test("is refused where the server only reads", async () => {
    const database = await postgres.database();
    const name = new URL(database).username;
    await postgres.query(`ALTER ROLE ${name} SET default_transaction_read_only = on`);
    await assert.rejects(openRecords(database), /cannot be used: it is read-only/);
  });

  interface Wrong {
    readonly what: string;
    readonly change: (url: URL) => void;
    readonly sentence: RegExp;
  }
  const wrong: readonly Wrong[] = [
    {
      what: "a wrong password",
      change: (url) => {
        url.password = "s3cret";
      },
      sentence: /cannot be used: it refuses the user or the password$/,
    },
    {
      what: "no password",
      change: (url) => {
        url.password = "";
      },
      sentence: /cannot be used: it refuses the user or the password$/,
    },
    {
      what: "a database that is not there",
      change: (url) => {
        url.pathname = "/nowhere";
      },
      sentence: /\/nowhere cannot be used: there is no such database/,
    },
    {
      what: "TLS, which the server has not",
      change: (url) => url.searchParams.set("sslmode", "require"),
      sentence: /cannot be used: it does not speak TLS/,
    },
    {
      what: "an authority's file that is not there",
      change: (url) => {
        url.searchParams.set("sslmode", "verify-full");
        url.searchParams.set("sslrootcert", "nowhere.pem");
      },
      sentence: /cannot be used: a file of its certificates/,
    },
    {
      what: "a port where nobody listens",
      change: (url) => {
        url.port = "1";
      },
      sentence: /cannot be used: no server listens there$/,
    },
    {
      what: "a host without an address",
      change: (url) => {
        url.hostname = "turnpike.invalid";
      },
      sentence: /cannot be used: its host has no address/,
    },
  ];
  for (const { what, change, sentence } of wrong) {
    test(`${what}: is one sentence without the password`, async () => {
      const url = new URL(postgres.url("postgres"));
      change(url);
      await assert.rejects(openRecords(url.href), ({ message }: Error) => {
        assert.match(message, sentence);
        assert.equal(message.split("\n").length, 1);
        assertNoPassword(message, url);
        return true;
      });
    });
  }

  test("a server that says nothing: is one sentence after ten seconds", { skip: NOT_FULL }, async () => {
    const mute = createServer();
    await new Promise<void>((resolve) => mute.listen(0, "127.0.0.1", resolve));
    try {
      const url = new URL(postgres.url("postgres"));
      url.port = String((mute.address() as { port: number }).port);
      await assert.rejects(openRecords(url.href), /nothing answers there within ten seconds$/);
    } finally {
      mute.close();
    }
  });

  test("a command that cannot use it says so in one line, with exit code 1", async () => {
    const url = new URL(postgres.url("postgres", "s3cret/%"));
    const config = join(folder, "turnpike.yaml");
    const routes = [{ path: "/*", to: { fixed: { body: "in" } }, policies: [{ "api-key": {} }] }];
    await writeFile(config, JSON.stringify({ store: { records: url.href }, routes, listen: { port: 0 } }));
    for (const command of ["start", "keys list"]) {
      const result = await turnpike(...command.split(" "), "--config", config);
      assert.deepEqual([result.code, result.stdout], [1, ""], result.stderr);
      assert.match(result.stderr, /cannot be used: it refuses the user or the password\n$/);
      assert.equal(result.stderr.trimEnd().split("\n").length, 1);
      assertNoPassword(result.stderr, url);
    }
    for (const command of ["check", "explain"]) {
      const result = await turnpike(command, "--config", config);
      assert.equal(result.code, 0, result.stderr);
      assertNoPassword(result.stdout + result.stderr, url);
    }
  });
});

function assertNoPassword(text: string, { password }: URL): void {
  for (const secret of [password, decodeURIComponent(password)])
    assert.ok(secret === "" || !text.includes(secret), text);
}
