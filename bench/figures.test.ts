import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { CaseName } from "./cases.ts";
import type { GroupResult, Measured, Slice } from "./experiment.ts";
import { judge, ratiosByRound } from "./figures.ts";

const sliceOf = (round: number, cpuUsPerRequest: number, invalid: readonly string[] = []): Slice => ({
  round,
  place: 0,
  seconds: 3,
  requests: 1000,
  requestsPerSecond: 333,
  p50Us: 1,
  p99Us: 2,
  bytesRead: 1,
  badStatuses: 0,
  socketErrors: 0,
  cpuUsPerRequest,
  cpuUsPerRequestByTicks: cpuUsPerRequest,
  systemShare: 0.5,
  originCpuUsPerRequest: 9,
  proxyBusy: 1,
  othersOnProxyCore: 0,
  originCoreBusy: 0.5,
  stolen: 0,
  sleepsPerRequest: 0,
  originRequests: 1000,
  originConnections: 0,
  cpuUsBetween: null,
  accountsAgree: true,
  invalid,
});

const measuredOf = (peer: "turnpike" | "nginx" | "fastify", slices: readonly Slice[]): Measured => ({
  id: `bare-100/${peer}`,
  case: "bare-100",
  peer,
  label: peer,
  command: [],
  loadCommand: [],
  script: null,
  config: "",
  startedInMs: 1,
  rssBytes: 1,
  observed: { addsToRequest: [], addsToAnswer: [], leavesOutOfAnswer: [] },
  slices,
});

const groupOf = (...measured: Measured[]): GroupResult => ({
  title: "",
  reference: "bare-100/nginx",
  measured,
  absent: [],
});

const only = new Set<CaseName>(["bare-100"]);
const nginx = measuredOf("nginx", [sliceOf(0, 20), sliceOf(1, 25), sliceOf(2, 20)]);
const againstNginx = (...slices: Slice[]) => judge([groupOf(measuredOf("turnpike", slices), nginx)], only)[0];

describe("ratiosByRound", () => {
  test("compares slices of the same round only", () => {
    const turnpike = measuredOf("turnpike", [sliceOf(0, 40), sliceOf(1, 25), sliceOf(7, 1)]);
    assert.deepEqual(ratiosByRound(turnpike, nginx), [2, 1]);
  });

  test("leaves out rounds in which either slice is invalid", () => {
    const turnpike = measuredOf("turnpike", [sliceOf(0, 1, ["errors"]), sliceOf(1, 50), sliceOf(2, 40)]);
    assert.deepEqual(ratiosByRound(turnpike, nginx), [2, 2]);
  });
});

describe("judge", () => {
  test("holds a figure at its limit by the median of the rounds", () => {
    const figure = againstNginx(sliceOf(0, 38), sliceOf(1, 40), sliceOf(2, 60));
    assert.equal(figure?.mustJudgement.verdict, "held");
    assert.equal(figure?.mustJudgement.ratio?.median, 1.9);
    assert.equal("roundsWithin" in figure.mustJudgement && figure.mustJudgement.roundsWithin, 2);
    assert.equal(figure.goalJudgement?.verdict, "not held");
  });

  test("does not hold a figure above its limit", () => {
    const figure = againstNginx(sliceOf(0, 39), sliceOf(1, 50), sliceOf(2, 40));
    assert.equal(figure?.mustJudgement.verdict, "not held");
  });

  test("gives no verdict where a slice had errors, however good the others are", () => {
    const figure = againstNginx(sliceOf(0, 10), sliceOf(1, 10), sliceOf(2, 10, ["3 socket errors"]));
    assert.equal(figure?.mustJudgement.verdict, "no verdict");
    assert.equal(figure?.mustJudgement.ratio?.count, 2);
  });

  test("gives no verdict where one side was not measured", () => {
    const figures = judge([groupOf(nginx)], only);
    assert.deepEqual(
      figures.map(({ mustJudgement }) => mustJudgement.verdict),
      ["no verdict", "no verdict"],
    );
  });

  test("judges only the cases that were selected", () => {
    assert.deepEqual(
      judge([], new Set<CaseName>(["routes-10000"])).map(({ case: name }) => name),
      ["routes-10000"],
    );
  });
});
