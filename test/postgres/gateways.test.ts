/** Several gateways on one PostgreSQL, and what the death of one of them means to the others. */
import assert from "node:assert/strict";
import type { Socket } from "node:net";
import { after, before, describe, test } from "node:test";
import { askOnce, errorCode, get } from "../harness/ask.ts";
import { type ChildGateway, startChildGateway } from "../harness/child-gateway.ts";
import { eventually } from "../harness/eventually.ts";
import { ok, RecordingOrigin } from "../harness/origin.ts";
import { TestPostgres, withoutPostgres } from "../harness/postgres.ts";
import { RawClient, type RawResponse } from "../harness/raw.ts";
import { isReplay, keyed, newKey } from "../idempotency/stand.ts";

const DUPLICATES = 200;

describe("two gateways on one PostgreSQL, two lanes each", { skip: withoutPostgres() }, () => {
  let postgres: TestPostgres;
  let origin: RecordingOrigin;
  let config: Record<string, unknown>;
  let gateways: ChildGateway[] = [];
  before(async () => {
    postgres = await TestPostgres.start();
    origin = await RecordingOrigin.start();
    config = {
      lanes: 2,
      store: { records: await postgres.database() },
      // The first one waits until half of the others have been refused, however busy the machine is.
      upstreams: { bank: { targets: [origin.url], timeout: { firstByte: "60s" } } },
      routes: [
        { path: "/pay", to: { upstream: "bank" }, policies: [{ idempotency: {} }] },
        { path: "/keys", to: { fixed: { body: "in" } }, policies: [{ "api-key": {} }] },
      ],
    };
    gateways = await Promise.all([startChildGateway(config), startChildGateway(config)]);
    await postgres.lockedUp();
  });
  after(async () => {
    for (const gateway of gateways) await gateway.stop();
    await origin?.stop();
    await postgres?.stop();
  });
  const [first, second] = [() => gateways[0] as ChildGateway, () => gateways[1] as ChildGateway];

  test(`carry out a payment once that comes ${DUPLICATES} times at once, and tell everybody else so`, async () => {
    let executions = 0;
    // Not before every duplicate is there: with a prompt answer the last ones would only see replays.
    const waiting: (() => void)[] = [];
    origin.answer = (_, socket) => {
      executions++;
      const answer = ok(`payment ${executions}`);
      waiting.push(() => socket.write(answer));
      return null;
    };
    const key = newKey();
    let refused = 0;
    // On a busy machine the database may take longer than a claim is waited for: 503 says that nothing was done, and
    // whoever gets it comes again until the payment is made.
    const pay = async (port: number, insists = false): Promise<RawResponse> => {
      const response = await askOnce(port, keyed("/pay", key), 60_000);
      const unheard = response.status === 503 || (insists && response.status === 409 && executions === 0);
      return unheard ? pay(port, true) : response;
    };
    const asked = Array.from({ length: DUPLICATES }, async (_, index) => {
      const response = await pay(gateways[index % 2]?.port ?? 0);
      if (response.status === 409) refused++;
      return response;
    });
    await eventually("half of them have been refused", () => refused > DUPLICATES / 2, 30_000);
    await eventually("one is carried out", () => executions > 0, 30_000);
    for (const answer of waiting) answer();
    const responses = await Promise.all(asked);
    assert.equal(executions, 1);
    const carriedOut = responses.filter((one) => one.status === 200 && !isReplay(one));
    assert.equal(carriedOut.length, 1);
    for (const response of responses)
      assert.equal(outcomeOf(response), response.status === 200 ? "200" : IN_USE);
    for (const gateway of gateways) {
      const replay = await askOnce(gateway.port, keyed("/pay", key));
      assert.ok(isReplay(replay));
      assert.deepEqual(replay.body, carriedOut[0]?.body);
    }
    assert.equal(executions, 1);
  });

  test("know a request for another one, wherever its key was used first", async () => {
    origin.answer = () => ok("done");
    const key = newKey();
    assert.equal((await askOnce(first().port, keyed("/pay", key, '{"a":1}'))).status, 200);
    const other = await askOnce(second().port, keyed("/pay", key, '{"a":2}'));
    assert.equal(outcomeOf(other), "IDEMPOTENCY_KEY_REUSED");
    assert.ok(isReplay(await askOnce(second().port, keyed("/pay", key, '{"a":1}'))));
  });

  test("refuse a key everywhere that was revoked at one of them", async () => {
    const token = /^tpa_[0-9A-Za-z]{36}$/m.exec(first().stderr() + second().stderr())?.[0] ?? "";
    assert.notEqual(token, "", "one of the two has made the token");
    const admin = async (method: string, path: string, body = "") => {
      const head = `Host: localhost\r\nAuthorization: Bearer ${token}\r\nContent-Type: application/json\r\n`;
      const request = `${method} ${path} HTTP/1.1\r\n${head}Content-Length: ${body.length}\r\n\r\n${body}`;
      return JSON.parse((await askOnce(first().adminPort, request)).body.toString() || "{}");
    };
    const created = await admin("POST", "/v1/keys", '{"consumer":"acme"}');
    const says = (expected: string) =>
      eventually(`both say ${expected}`, async () => {
        const asked = gateways.map(({ port }) =>
          askOnce(port, get("/keys", `X-API-Key: ${created.secret}\r\n`)),
        );
        return (await Promise.all(asked)).every((response) => outcomeOf(response) === expected);
      });
    await says("200");
    await admin("DELETE", `/v1/keys/${created.id}`);
    await says("KEY_REVOKED");
  });

  test("say at once that nobody knows what became of a payment whose gateway was killed", async () => {
    const reached = Promise.withResolvers<Socket>();
    origin.answer = (_, socket) => {
      reached.resolve(socket);
      return null;
    };
    const key = newKey();
    const client = await RawClient.to(first().port);
    client.send(keyed("/pay", key));
    await reached.promise;
    assert.equal(outcomeOf(await askOnce(second().port, keyed("/pay", key))), IN_USE);
    first().signal("SIGKILL");
    await first().exited;
    client.destroy();
    await eventually("the other one knows", async () => {
      const response = await askOnce(second().port, keyed("/pay", key));
      return outcomeOf(response) === "IDEMPOTENCY_OUTCOME_UNKNOWN";
    });
    await gateways.shift()?.stop();
    gateways.unshift(await startChildGateway(config));
    assert.equal(outcomeOf(await askOnce(first().port, keyed("/pay", key))), "IDEMPOTENCY_OUTCOME_UNKNOWN");
    assert.equal(origin.requests.filter(({ fields }) => fields.some(([, value]) => value === key)).length, 1);
  });
});

const IN_USE = "IDEMPOTENCY_KEY_IN_USE";

const outcomeOf = (response: RawResponse): string => errorCode(response) ?? String(response.status);
