/** Who a PostgreSQL has to prove to be, by the `sslmode` of its URL. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { openRecords } from "../../src/stores/records/open.ts";
import { CertificateFolder } from "../harness/certificates.ts";
import { TestPostgres, withoutPostgres } from "../harness/postgres.ts";

describe("TLS to a PostgreSQL", { skip: withoutPostgres() }, () => {
  const certificates = new CertificateFolder();
  const ours = certificates.make("ours", ["localhost"]);
  const elsewhere = certificates.make("elsewhere", ["db.example"]);
  let postgres: TestPostgres;
  let database: URL;
  before(async () => {
    postgres = await TestPostgres.start();
    database = new URL(await postgres.database());
    database.hostname = "localhost";
  });
  after(async () => {
    await postgres?.stop();
    certificates.remove();
  });

  const url = (parameters: Record<string, string>): string => {
    const target = new URL(database);
    for (const [name, value] of Object.entries(parameters)) target.searchParams.set(name, value);
    return target.href;
  };

  /** Whether the connections of the store are encrypted, as the server sees it. */
  async function encrypted(parameters: Record<string, string>): Promise<unknown> {
    const records = await openRecords(url(parameters));
    try {
      await records.changed();
      const sql =
        "SELECT bool_and(ssl) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE application_name = 'turnpike'";
      return (await postgres.query(sql))[0]?.[0];
    } finally {
      await records.close();
    }
  }

  test("with a certificate for its host: every mode, and what verifies knows it by the authority's file only", async () => {
    await postgres.useTls(ours);
    assert.equal(await encrypted({}), false);
    assert.equal(await encrypted({ sslmode: "require" }), true);
    assert.equal(await encrypted({ sslmode: "verify-ca", sslrootcert: ours.cert }), true);
    assert.equal(await encrypted({ sslmode: "verify-full", sslrootcert: ours.cert }), true);
    await assert.rejects(
      openRecords(url({ sslmode: "verify-full" })),
      /signed by nobody that is trusted here/,
    );
    const other = { sslmode: "verify-ca", sslrootcert: elsewhere.cert };
    await assert.rejects(openRecords(url(other)), /signed by nobody that is trusted here/);
  });

  test("with a certificate for another host: whatever does not look at the host", async () => {
    await postgres.useTls(elsewhere);
    assert.equal(await encrypted({ sslmode: "require" }), true);
    assert.equal(await encrypted({ sslmode: "verify-ca", sslrootcert: elsewhere.cert }), true);
    const full = { sslmode: "verify-full", sslrootcert: elsewhere.cert };
    await assert.rejects(openRecords(url(full)), /its certificate is for another host/);
  });
});
