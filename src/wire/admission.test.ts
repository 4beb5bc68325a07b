import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Worker } from "node:worker_threads";
import fc from "fast-check";
import { allocateAdmission, openAdmission } from "./admission.ts";

describe("the count of connections", () => {
  test("is one for all lanes", () => {
    const buffer = allocateAdmission(3);
    const lanes = [0, 1, 2].map((lane) => openAdmission(buffer, lane));
    for (const lane of lanes) lane.enter("192.0.2.1");
    lanes[1]?.enter("2001:db8::1");
    for (const lane of lanes) {
      assert.equal(lane.connections, 4);
      assert.equal(lane.from("192.0.2.1"), 3);
    }
    lanes[2]?.leave("192.0.2.1");
    assert.equal(lanes[0]?.from("192.0.2.1"), 2);
  });

  test("comes back to nothing when everybody has left, whoever they were", () => {
    const address = fc.oneof(fc.ipV4(), fc.ipV6());
    fc.assert(
      fc.property(fc.array(address, { maxLength: 200 }), (addresses) => {
        const admission = openAdmission(allocateAdmission(1), 0);
        for (const one of addresses) admission.enter(one);
        assert.equal(admission.connections, addresses.length);
        for (const one of addresses)
          assert.ok(admission.from(one) >= addresses.filter((a) => a === one).length);
        for (const one of addresses) admission.leave(one);
        for (const one of addresses) assert.equal(admission.from(one), 0);
        assert.equal(admission.connections, 0);
      }),
      { numRuns: 50 },
    );
  });

  test("forgets what a lane held that died, and nothing else", () => {
    const buffer = allocateAdmission(2);
    const [first, second] = [openAdmission(buffer, 0), openAdmission(buffer, 1)];
    first.enter("192.0.2.1");
    second.enter("192.0.2.1");
    const again = openAdmission(buffer, 0);
    assert.equal(again.connections, 1);
    assert.equal(second.from("192.0.2.1"), 1);
  });

  test("keeps addresses apart: of 4,096 neighbours hardly any share a slot", () => {
    const admission = openAdmission(allocateAdmission(1), 0);
    const addresses = Array.from({ length: 4096 }, (_, i) => `10.0.${i >> 8}.${i & 255}`);
    for (const address of addresses) admission.enter(address);
    const shared = addresses.filter((address) => admission.from(address) > 1).length;
    // Chance alone makes 4,096 × 4,095 / 65,536 ≈ 250 of them share one.
    assert.ok(shared < 500, `${shared} share`);
  });

  test("lets exactly as many pass as there is room for, however many lanes ask at once", async () => {
    const buffer = allocateAdmission(2);
    const room = 1000;
    const code = `
      import { workerData, parentPort } from "node:worker_threads";
      const { openAdmission } = await import(workerData.module);
      const admission = openAdmission(workerData.buffer, workerData.lane);
      parentPort.once("message", () => {
        let passed = 0;
        for (let i = 0; i < 5000; i++) {
          admission.enter("192.0.2.1");
          if (admission.connections <= ${room}) passed++;
          else admission.leave("192.0.2.1");
        }
        parentPort.postMessage(passed);
      });
      parentPort.postMessage("ready");`;
    const module = new URL("./admission.ts", import.meta.url).href;
    const url = new URL(`data:text/javascript,${encodeURIComponent(code)}`);
    const workers = [0, 1].map((lane) => new Worker(url, { workerData: { module, buffer, lane } }));
    const said = (worker: Worker) => new Promise<unknown>((resolve) => worker.once("message", resolve));
    await Promise.all(workers.map(said));
    const counts = workers.map(said);
    for (const worker of workers) worker.postMessage("go");
    const passed = (await Promise.all(counts)) as number[];
    const total = passed.reduce((sum, one) => sum + one, 0);
    // Two that come at the same moment may both be told no, never both yes.
    assert.ok(total <= room && total >= room - 1, `${total} passed`);
    await Promise.all(workers.map((worker) => worker.terminate()));
  });
});
