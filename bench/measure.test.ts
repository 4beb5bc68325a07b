import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Usage } from "./accounts.ts";
import {
  cpuBetween,
  type Observation,
  parseStubStatus,
  parseWrk,
  parseWrkSize,
  parseWrkTime,
  reasonsInvalid,
} from "./measure.ts";

const clean = `Running 3s test @ http://127.0.0.1:21000/100
  1 threads and 64 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency     1.35ms  253.18us   9.10ms   95.50%
    Req/Sec    47.54k     2.05k   51.20k    76.67%
  Latency Distribution
     50%    1.32ms
     75%    1.41ms
     90%  980.00us
     99%    2.05ms
  141986 requests in 3.00s, 36.02MB read
Requests/sec:  47320.11
Transfer/sec:     12.00MB
`;

const troubled = clean.replace(
  "Requests/sec",
  "  Socket errors: connect 1, read 20, write 3, timeout 400\n  Non-2xx or 3xx responses: 77\nRequests/sec",
);

describe("parseWrk", () => {
  test("reads requests, rate, percentiles and bytes", () => {
    assert.deepEqual(parseWrk(clean), {
      requests: 141_986,
      requestsPerSecond: 47_320.11,
      p50Us: 1320,
      p99Us: 2050,
      bytesRead: 36.02 * 1024 * 1024,
      badStatuses: 0,
      socketErrors: 0,
    });
  });

  test("adds up every kind of socket error and keeps bad statuses apart", () => {
    const load = parseWrk(troubled);
    assert.equal(load?.socketErrors, 424);
    assert.equal(load?.badStatuses, 77);
  });

  test("refuses what is not a report with latencies", () => {
    assert.equal(parseWrk("unable to connect to 127.0.0.1:1 Connection refused\n"), null);
    assert.equal(parseWrk(clean.replace(/^ +99%.*\n/m, "")), null);
  });
});

describe("parseWrkTime and parseWrkSize", () => {
  test("know every unit wrk prints", () => {
    assert.deepEqual(
      ["640.00us", "1.28ms", "2.00s", "1.50m", "1.00h"].map(parseWrkTime),
      [640, 1280, 2e6, 90e6, 3.6e9],
    );
    assert.deepEqual(
      ["0.00B", "1.50KB", "2.00MB", "1.00GB"].map(parseWrkSize),
      [0, 1536, 2_097_152, 1_073_741_824],
    );
  });

  test("say NaN rather than a wrong number", () => {
    assert.ok(Number.isNaN(parseWrkTime("-nanus")));
    assert.ok(Number.isNaN(parseWrkTime("12")));
    assert.ok(Number.isNaN(parseWrkSize("12")));
  });
});

describe("parseStubStatus", () => {
  test("reads the connections handled and the requests", () => {
    const text =
      "Active connections: 2 \nserver accepts handled requests\n 16 15 31 \nReading: 0 Writing: 1 Waiting: 1 \n";
    assert.deepEqual(parseStubStatus(text), { connections: 15, requests: 31 });
  });

  test("refuses anything else", () => {
    assert.equal(parseStubStatus("<html>404</html>"), null);
  });
});

const usage = (scheduledNs: number, ticks: number, pids: readonly number[] = [1, 2]): Usage => ({
  pids,
  scheduledNs,
  ticks,
  systemTicks: 0,
  voluntarySwitches: 0,
  involuntarySwitches: 0,
});

describe("reasonsInvalid", () => {
  const load = parseWrk(clean);
  assert.ok(load);
  const good: Observation = {
    load,
    connections: 64,
    bodyBytes: 100,
    originRequests: load.requests + 64,
    logLines: null,
    before: usage(0, 0),
    after: usage(1e9, 100),
  };
  const reasons = (change: Partial<Observation>): string => reasonsInvalid({ ...good, ...change }).join("; ");

  test("lets a clean slice pass", () => {
    assert.equal(reasons({}), "");
  });

  test("refuses bad statuses and socket errors", () => {
    assert.match(reasons({ load: parseWrk(troubled) ?? load }), /77 answers of status.*; 424 socket errors/);
  });

  test("refuses a slice without an answer", () => {
    assert.match(reasons({ load: { ...load, requests: 0 }, originRequests: 0 }), /no request was answered/);
  });

  test("refuses answers that did not come from the origin", () => {
    assert.match(reasons({ originRequests: load.requests - 1 }), /origin saw only 141985/);
  });

  test("refuses a proxy that asked the origin more often than it answered", () => {
    assert.match(reasons({ originRequests: load.requests + 65 }), /65 more requests/);
  });

  test("refuses answers with less body than they should have", () => {
    assert.match(reasons({ bodyBytes: 300 }), /too few/);
  });

  test("refuses a proxy whose log lacks a request that it answered", () => {
    assert.match(reasons({ logLines: load.requests - 1 }), /only 141985 lines in the access log/);
    assert.equal(reasons({ logLines: load.requests }), "");
  });

  test("refuses an account whose processes changed", () => {
    assert.match(reasons({ after: usage(1e9, 100, [1, 3]) }), /a process ended/);
  });
});

describe("cpuBetween", () => {
  test("prefers the scheduler's nanoseconds and checks them with ticks", () => {
    assert.deepEqual(cpuBetween(usage(1e9, 100), usage(3e9, 301)), {
      cpuUs: 2e6,
      cpuUsByTicks: 2_010_000,
      agree: true,
    });
  });

  test("says so when the two accounts differ by more than the coarseness of ticks", () => {
    assert.equal(cpuBetween(usage(0, 0), usage(2e9, 150)).agree, false);
  });

  test("falls back to ticks where the kernel keeps no schedstat", () => {
    assert.equal(cpuBetween(usage(0, 10), usage(0, 60)).cpuUs, 500_000);
  });
});
