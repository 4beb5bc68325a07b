/** examples/reliability, as its README starts it. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { askOnce, get, post } from "../harness/ask.ts";
import { freePort, runCli } from "../harness/child-gateway.ts";
import { eventually } from "../harness/eventually.ts";

const FOLDER = join(import.meta.dirname, "../../examples/reliability");
const PAYMENTS = 60;

describe("the example of payments that anybody may repeat", () => {
  let bank: ChildProcess;
  let gateway: ReturnType<typeof runCli>;
  let folder: string;
  let port: number;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "turnpike-example-"));
    bank = spawn(process.execPath, [join(FOLDER, "service.ts")], { stdio: ["ignore", "pipe", "inherit"] });
    let said = "";
    bank.stdout?.on("data", (chunk: Buffer) => {
      said += chunk.toString();
    });
    await eventually("the bank has opened both doors", () => said.split("\n").length === 3);
    const [first = "", second = ""] = said.split("\n");
    gateway = runCli(["start", "--config", join(FOLDER, "turnpike.yaml")], {
      PORT: "0",
      ADMIN_PORT: String(await freePort()),
      BANK_A: first,
      BANK_B: second,
      RECORDS: join(folder, "records.db"),
    });
    port = await gateway.listening;
  });

  after(async () => {
    gateway?.child.kill("SIGKILL");
    bank?.kill();
    await gateway?.exited;
    await rm(folder, { recursive: true, force: true });
  });

  test("answers every payment and makes it once, though the bank loses every third answer", async () => {
    const pay = (n: number) => {
      const fields = `Content-Type: application/json\r\nIdempotency-Key: payment-${n}\r\n`;
      return askOnce(port, post("/payments", `{"amount":${n}}`, fields), 15_000);
    };
    for (let n = 1; n <= PAYMENTS; n++) {
      const { status, body } = await pay(n);
      assert.equal(status, 200, `payment ${n}: ${body.toString()}`);
      assert.equal(JSON.parse(body.toString()).amount, n);
    }
    const repeated = await pay(1);
    assert.deepEqual(repeated.headers.get("idempotent-replayed"), ["true"]);
    await eventually("the statement is answered", async () => {
      const { status, body } = await askOnce(port, get("/payments"));
      if (status !== 200) return false;
      const amounts = (JSON.parse(body.toString()) as { amount: number }[]).map(({ amount }) => amount);
      assert.deepEqual(
        amounts.toSorted((a, b) => a - b),
        Array.from({ length: PAYMENTS }, (_, i) => i + 1),
      );
      return true;
    });
  });
});
