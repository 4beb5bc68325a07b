/** A PostgreSQL that goes away and comes back under a gateway: what goes on, what is refused, and that nothing is lost. */
import assert from "node:assert/strict";
import { after, before, beforeEach, describe, test } from "node:test";
import { openRecords } from "../../src/stores/records/open.ts";
import { askOnce, errorCode, get } from "../harness/ask.ts";
import { type ChildGateway, startChildGateway } from "../harness/child-gateway.ts";
import { eventually } from "../harness/eventually.ts";
import { ok, RecordingOrigin } from "../harness/origin.ts";
import { TestPostgres, withoutPostgres } from "../harness/postgres.ts";
import type { RawResponse } from "../harness/raw.ts";
import { someKey } from "../harness/store.ts";
import { isReplay, keyed, newKey } from "../idempotency/stand.ts";

const KILLS = process.env["TURNPIKE_FULL"] === "1" ? 10 : 2;
const CLIENTS = 16;
/** Payments and keys that are acknowledged before each kill. */
const ACKNOWLEDGED_PER_KILL = 100;
const TOKEN = "an-admin-token-of-this-test";

describe("a gateway whose PostgreSQL", { skip: withoutPostgres() }, () => {
  let postgres: TestPostgres;
  let origin: RecordingOrigin;
  let gateway: ChildGateway;
  let database = "";
  const executed = new Map<string, number>();
  before(async () => {
    postgres = await TestPostgres.start();
    database = await postgres.database();
    origin = await RecordingOrigin.start((request) => {
      const key = request.fields.find(([name]) => name.toLowerCase() === "idempotency-key")?.[1] ?? "";
      executed.set(key, (executed.get(key) ?? 0) + 1);
      return ok(`payment ${origin.requests.length} of ${key}`);
    });
    gateway = await startChildGateway(
      {
        lanes: 2,
        store: { records: database },
        upstreams: { bank: { targets: [origin.url] } },
        routes: [
          { path: "/pay", to: { upstream: "bank" }, policies: [{ idempotency: {} }] },
          { path: "/keys", to: { fixed: { body: "in" } }, policies: [{ "api-key": {} }] },
        ],
      },
      { env: { TURNPIKE_ADMIN_TOKEN: TOKEN } },
    );
  });
  after(async () => {
    await gateway?.stop();
    await origin?.stop();
    await postgres?.stop();
  });

  beforeEach(async () => {
    await postgres.restart();
    await carriesOut();
  });

  const carriesOut = () =>
    eventually("payments are carried out", async () => outcomeOf(await pay(newKey())) === "200", 15_000);
  const pay = (key: string) => askOnce(gateway.port, keyed("/pay", key), 15_000);
  const admin = (method: string, path: string, body = "") => {
    const head = `Host: localhost\r\nAuthorization: Bearer ${TOKEN}\r\nContent-Type: application/json\r\n`;
    const request = `${method} ${path} HTTP/1.1\r\n${head}Content-Length: ${body.length}\r\n\r\n${body}`;
    return askOnce(gateway.adminPort, request, 15_000);
  };

  test("is killed: keys go on, what needs it is refused with 503, and it all comes back with it", async () => {
    const { secret } = JSON.parse((await admin("POST", "/v1/keys", '{"consumer":"acme"}')).body.toString());
    const withKey = () => askOnce(gateway.port, get("/keys", `X-API-Key: ${secret}\r\n`));
    const paid = newKey();
    assert.equal(outcomeOf(await pay(paid)), "200");

    await postgres.kill();
    const refused = newKey();
    assert.equal(outcomeOf(await pay(refused)), "IDEMPOTENCY_UNAVAILABLE");
    assert.equal(outcomeOf(await pay(paid)), "IDEMPOTENCY_UNAVAILABLE");
    const down = await admin("GET", "/v1/keys");
    assert.deepEqual([down.status, outcomeOf(down)], [503, "RECORDS_UNAVAILABLE"]);
    assert.deepEqual(down.headers.get("retry-after"), ["1"]);
    assert.equal(outcomeOf(await admin("POST", "/v1/keys", '{"consumer":"late"}')), "RECORDS_UNAVAILABLE");
    assert.equal(outcomeOf(await withKey()), "200");
    assert.equal(executed.get(refused), undefined);

    await postgres.restart();
    await eventually("payments are carried out", async () => outcomeOf(await pay(refused)) === "200");
    await eventually("the admin API answers", async () => (await admin("GET", "/v1/keys")).status === 200);
    const replay = await pay(paid);
    assert.ok(isReplay(replay));
    assert.equal(executed.get(paid), 1);
    assert.equal(executed.get(refused), 1);
    // And what others change there is seen again.
    const elsewhere = await openRecords(database);
    try {
      const { key, secret: fresh } = someKey({}, Date.now());
      await elsewhere.keys.create(key, "test");
      await eventually("a key from elsewhere works", async () => {
        const response = await askOnce(gateway.port, get("/keys", `X-API-Key: ${fresh}\r\n`));
        return response.status === 200;
      });
    } finally {
      await elsewhere.close();
    }
  });

  test("stops to answer: requests are refused in a few seconds, and go on when it goes on", async () => {
    assert.equal(outcomeOf(await pay(newKey())), "200");
    postgres.pause();
    const key = newKey();
    try {
      assert.equal(outcomeOf(await pay(key)), "IDEMPOTENCY_UNAVAILABLE");
      assert.equal(executed.get(key), undefined);
    } finally {
      postgres.resume();
    }
    await carriesOut();
  });

  test(`is killed ${KILLS} times under writes: nothing that was acknowledged is lost, nothing is done twice`, async (t) => {
    const acknowledged = new Map<string, string>();
    const open = new Set<string>();
    const issued: string[] = [];
    for (let killed = 0; killed < KILLS; killed++) {
      const enough = acknowledged.size + issued.length + ACKNOWLEDGED_PER_KILL;
      const dying: Promise<void>[] = [];
      const write = async (index: number): Promise<void> => {
        while (dying.length === 0) {
          const done = acknowledged.size + issued.length;
          assert.ok(open.size <= done, "more is refused than done");
          if (done >= enough) dying.push(postgres.kill());
          else if (index % 4 === 0) await issue();
          else await payOnce();
        }
      };
      await Promise.all(Array.from({ length: CLIENTS }, (_, index) => write(index)));
      await Promise.all(dying);
      await postgres.restart();
      await carriesOut();
    }

    let lost = 0;
    for (const [key, body] of acknowledged) {
      const again = await settled(key);
      if (!isReplay(again) || again.body.toString() !== body) lost++;
    }
    for (const id of issued) if ((await admin("GET", `/v1/keys/${id}`)).status !== 200) lost++;
    const outcomes: Record<string, number> = {};
    for (const key of open) {
      const outcome = outcomeOf(await settled(key));
      outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
    }
    const twice = [...acknowledged.keys(), ...open].filter((key) => (executed.get(key) ?? 0) > 1);
    t.diagnostic(
      `kills ${KILLS}, acknowledged ${acknowledged.size} payments and ${issued.length} keys, lost ${lost}`,
    );
    t.diagnostic(
      `not acknowledged ${open.size}: ${JSON.stringify(outcomes)}; executed twice ${twice.length}`,
    );
    assert.equal(lost, 0);
    assert.deepEqual(twice, []);
    for (const outcome of Object.keys(outcomes))
      assert.ok(["200", "IDEMPOTENCY_OUTCOME_UNKNOWN"].includes(outcome), outcome);

    /** What a repetition gets, when the gateway has written what it could not write while the database was away. */
    async function settled(key: string): Promise<RawResponse> {
      let response = await pay(key);
      await eventually(
        "it is settled",
        async () => {
          if (outcomeOf(response) === "IDEMPOTENCY_KEY_IN_USE") response = await pay(key);
          return outcomeOf(response) !== "IDEMPOTENCY_KEY_IN_USE";
        },
        15_000,
      );
      return response;
    }

    async function payOnce(): Promise<void> {
      const key = newKey();
      const response = await pay(key);
      if (response.status === 200) acknowledged.set(key, response.body.toString());
      else open.add(key);
    }

    async function issue(): Promise<void> {
      const response = await admin("POST", "/v1/keys", '{"consumer":"acme"}');
      if (response.status === 201) issued.push(JSON.parse(response.body.toString()).id);
      else assert.equal(response.status, 503);
    }
  });

  test("went away and came back has had no effect on its process, and its password is in no log", async () => {
    assert.equal(await Promise.race([gateway.exited, Promise.resolve("running")]), "running");
    const said = gateway.stderr() + (await gateway.log());
    const { password } = new URL(database);
    for (const secret of [password, decodeURIComponent(password)]) assert.ok(!said.includes(secret));
    assert.doesNotMatch(said, /nothing caught|unhandled/i);
  });
});

const outcomeOf = (response: RawResponse): string => errorCode(response) ?? String(response.status);
