import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { describe, test } from "node:test";
import {
  parseCore,
  parseSchedstat,
  parseStat,
  processTree,
  readRssBytes,
  readUsage,
  statusNumber,
  tickUs,
} from "./accounts.ts";

const onLinux = { skip: process.platform === "linux" ? false : "/proc is there on Linux only" };

describe("parseSchedstat", () => {
  test("reads the nanoseconds on a CPU and not those spent waiting", () => {
    assert.equal(parseSchedstat("1430072199 852985 24\n"), 1_430_072_199);
  });

  test("counts a process that has gone as nothing", () => {
    assert.equal(parseSchedstat(""), 0);
  });
});

describe("parseStat", () => {
  const tail = "S 77 5148 3031 0 -1 4194304 2875 6568 0 0 141 9 4 3 20 0 1 0 130628 16961536 3355";

  test("adds user and system ticks, and leaves out those of children already counted themselves", () => {
    assert.deepEqual(parseStat(`5150 (nginx) ${tail}`), { parent: 77, ticks: 150, systemTicks: 9 });
  });

  test("is not misled by a command with blanks and parentheses", () => {
    assert.deepEqual(parseStat(`5150 (a) S 1 (b) c) ${tail}`), { parent: 77, ticks: 150, systemTicks: 9 });
  });
});

describe("statusNumber", () => {
  const status =
    "VmHWM:\t  999 kB\nVmRSS:\t  1234 kB\nvoluntary_ctxt_switches:\t7\nnonvoluntary_ctxt_switches:\t3\n";

  test("reads exactly the field asked for", () => {
    assert.equal(statusNumber(status, "VmRSS"), 1234);
    assert.equal(statusNumber(status, "voluntary_ctxt_switches"), 7);
    assert.equal(statusNumber(status, "nonvoluntary_ctxt_switches"), 3);
    assert.equal(statusNumber(status, "VmSwap"), 0);
  });
});

describe("parseCore", () => {
  const text = "cpu  9 9 9 9 9 9 9 9 0 0\ncpu1 10 20 30 4000 500 6 7 8 0 0\ncpu11 1 1 1 1 1 1 1 1 0 0\n";

  test("counts everything but idle, waiting and stolen time as busy", () => {
    assert.deepEqual(parseCore(text, 1), { busy: 73, stolen: 8 });
  });

  test("knows nothing of a core that is not there", () => {
    assert.deepEqual(parseCore(text, 2), { busy: 0, stolen: 0 });
  });
});

describe("readUsage", onLinux, () => {
  test("adds up a process and its children, and both accounts agree", async () => {
    const burn = "while (process.cpuUsage().user < 400000); setTimeout(() => {}, 20000);";
    const parent = spawn(
      process.execPath,
      [
        "-e",
        `require("node:child_process").spawn(process.execPath, ["-e", ${JSON.stringify(`${burn} console.log(1)`)}], { stdio: "inherit" }); setTimeout(() => {}, 20000)`,
      ],
      { stdio: ["ignore", "pipe", "inherit"] },
    );
    const pid = parent.pid ?? 0;
    await once(parent.stdout, "data");
    const usage = readUsage(pid);
    const rssBytes = readRssBytes(pid);
    for (const member of processTree(pid)) process.kill(member, "SIGKILL");

    assert.equal(usage.pids.length, 2);
    const cpuUs = usage.scheduledNs / 1000;
    assert.ok(cpuUs > 200_000, `only ${cpuUs} µs`);
    assert.ok(Math.abs(cpuUs - usage.ticks * tickUs) < 100_000, `${cpuUs} µs against ${usage.ticks} ticks`);
    assert.ok(rssBytes > 40 * 1024 * 1024, `only ${rssBytes} bytes`);
  });

  test("finds nothing of a process that has ended", async () => {
    const child = spawn(process.execPath, ["-e", ""]);
    await once(child, "exit");
    assert.deepEqual(processTree(child.pid ?? 0), []);
  });
});
