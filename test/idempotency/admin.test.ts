/** What a person does about a request whose outcome nobody knows. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { createAdminToken } from "../../src/identity/admin-token.ts";
import { askOnce, errorCode, get, post } from "../harness/ask.ts";
import { eventually } from "../harness/eventually.ts";
import { startGateway, type TestGateway } from "../harness/gateway.ts";
import { ok, RecordingOrigin } from "../harness/origin.ts";
import type { RawResponse } from "../harness/raw.ts";
import { type TempStore, tempStore } from "../harness/store.ts";

describe("the admin API for requests with an Idempotency-Key", () => {
  let store: TempStore;
  let origin: RecordingOrigin;
  let gateway: TestGateway;
  let token: string;
  before(async () => {
    store = await tempStore();
    origin = await RecordingOrigin.start();
    token = await createAdminToken((await store.open()).adminToken, 0, "test");
    gateway = await startGateway({
      store: { records: `sqlite:${store.file}` },
      upstreams: { bank: { targets: [origin.url] } },
      routes: [{ name: "pay", path: "/*", to: { upstream: "bank" }, policies: [{ idempotency: {} }] }],
    });
  });
  after(async () => {
    await gateway.stop();
    await origin.stop();
    await store.remove();
  });

  const pay = (key: string) => askOnce(gateway.port, post("/pay", "ten", `Idempotency-Key: ${key}\r\n`));
  const admin = (method: string, id: string, auth = `Authorization: Bearer ${token}\r\n`) =>
    askOnce(
      gateway.adminPort,
      get(`/v1/idempotency/${id}`, auth).replace("GET", method).replace("example", "localhost"),
    );
  const document = (response: RawResponse) => JSON.parse(response.body.toString()) as Record<string, unknown>;

  /** A request of which nobody knows what it did, and the id that its repetition is told. */
  async function lost(key: string): Promise<string> {
    origin.answer = (_, socket) => {
      socket.destroy();
      return null;
    };
    const first = await pay(key);
    assert.ok(first.status >= 500, String(first.status));
    const again = await pay(key);
    assert.equal(errorCode(again), "IDEMPOTENCY_OUTCOME_UNKNOWN");
    origin.answer = () => ok("done");
    return linkedId(again);
  }
  const linkedId = (response: RawResponse) =>
    /idem_[\w-]+/.exec(response.headers.get("link")?.join() ?? "")?.[0] ?? "";

  test("says what became of one, and forgets it when a person has found out: the key is new", async () => {
    const id = await lost("first");
    const found = document(await admin("GET", id));
    assert.equal(found["id"], id);
    assert.equal(found["state"], "unknown");
    assert.equal(found["status"], null);
    assert.match(String(found["original_request"]), /^req_/);
    assert.ok(Date.parse(String(found["expires"])) > Date.parse(String(found["since"])));
    assert.equal((await admin("DELETE", id)).status, 204);
    assert.equal(errorCode(await admin("GET", id)), "IDEMPOTENCY_RECORD_NOT_FOUND");
    assert.equal(errorCode(await admin("DELETE", id)), "IDEMPOTENCY_RECORD_NOT_FOUND");
    assert.equal((await pay("first")).body.toString(), "done");
    const [entry] = await (await store.open()).audit.list({ limit: 1 });
    assert.equal(entry?.action, "idempotency.forget");
    assert.equal(entry.subject, id);
    assert.match(entry.actor, /^admin@127\.0\.0\.1$/);
  });

  test("forgets none that runs", async () => {
    const answers: (() => void)[] = [];
    origin.answer = (_, socket) => {
      answers.push(() => socket.write(ok("late")));
      return null;
    };
    const running = pay("running");
    await eventually("the origin has it", () => answers.length === 1);
    const again = await pay("running");
    assert.equal(errorCode(again), "IDEMPOTENCY_KEY_IN_USE");
    const id = linkedId(again);
    assert.equal(document(await admin("GET", id))["state"], "running");
    assert.equal(errorCode(await admin("DELETE", id)), "CONFLICT");
    answers[0]?.();
    assert.equal((await running).body.toString(), "late");
  });

  test("is closed to whoever has no admin token", async () => {
    const id = await lost("closed");
    for (const method of ["GET", "DELETE"]) {
      assert.equal((await admin(method, id, "")).status, 401);
      assert.equal((await admin(method, id, "Authorization: Bearer tpa_wrong\r\n")).status, 401);
    }
    assert.equal(document(await admin("GET", id))["state"], "unknown");
  });
});
