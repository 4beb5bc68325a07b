import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type CaseName, groupsFor } from "./cases.ts";
import type { Measured } from "./experiment.ts";
import { judge, ratiosByRound, targets } from "./figures.ts";
import type { Slice } from "./slice.ts";
import { groupOf, measuredOf, sliceOf } from "./testdata.ts";

const slice = (round: number, cpuUsPerRequest: number, invalid: readonly string[] = []): Slice =>
  sliceOf(round, { cpuUsPerRequest, invalid });
const bareOf = (peer: "turnpike" | "nginx", slices: readonly Slice[]): Measured =>
  measuredOf("bare-100", peer, peer, slices);

const only = new Set<CaseName>(["bare-100"]);
const nginx = bareOf("nginx", [slice(0, 20), slice(1, 25), slice(2, 20)]);
const againstNginx = (...slices: Slice[]) => judge([groupOf(bareOf("turnpike", slices), nginx)], only)[0];

describe("ratiosByRound", () => {
  test("compares slices of the same round only", () => {
    const turnpike = bareOf("turnpike", [slice(0, 40), slice(1, 25), slice(7, 1)]);
    assert.deepEqual(ratiosByRound(turnpike, nginx), [2, 1]);
  });

  test("leaves out rounds in which either slice is invalid", () => {
    const turnpike = bareOf("turnpike", [slice(0, 1, ["errors"]), slice(1, 50), slice(2, 40)]);
    assert.deepEqual(ratiosByRound(turnpike, nginx), [2, 2]);
  });
});

describe("judge", () => {
  test("holds a figure at its limit by the median of the rounds", () => {
    const figure = againstNginx(slice(0, 38), slice(1, 40), slice(2, 60));
    assert.equal(figure?.mustJudgement.verdict, "held");
    assert.equal(figure?.mustJudgement.ratio?.median, 1.9);
    assert.equal("roundsWithin" in figure.mustJudgement && figure.mustJudgement.roundsWithin, 2);
    assert.equal(figure.goalJudgement?.verdict, "not held");
  });

  test("does not hold a figure above its limit", () => {
    const figure = againstNginx(slice(0, 39), slice(1, 50), slice(2, 40));
    assert.equal(figure?.mustJudgement.verdict, "not held");
  });

  test("gives no verdict where a slice had errors, however good the others are", () => {
    const figure = againstNginx(slice(0, 10), slice(1, 10), slice(2, 10, ["3 socket errors"]));
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

describe("targets", () => {
  test("compare entrants that are measured in the same rounds whenever their case is selected", () => {
    for (const { case: name, entrant, against } of targets) {
      const groups = groupsFor(new Set<CaseName>([name]));
      const together = groups.some(({ entrants }) => {
        const ids = entrants.map(({ id }) => id);
        return ids.includes(entrant) && ids.includes(against);
      });
      assert.ok(together, `${entrant} against ${against}`);
    }
  });
});
