/** A short run of every target with a seed that never changes; `npm run fuzz` is the long one. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { withinLaw } from "./compare.ts";
import { loadCorpus } from "./corpus.ts";
import { fromText, toLines, toText } from "./escapes.ts";
import { fuzz } from "./fuzzer.ts";
import { settled } from "./memory-socket.ts";
import { openNodeServer, seenByNode } from "./node-server.ts";
import { openOurServer, type SeenRequest } from "./our-server.ts";
import { Random } from "./random.ts";
import { SPLITS, splitInto } from "./split.ts";
import type { Target } from "./target.ts";
import { gatewayTarget } from "./targets/gateway.ts";
import { requestsTarget } from "./targets/requests.ts";
import { responsesTarget } from "./targets/responses.ts";

const SEED = 20_261_122;

interface Case {
  readonly sentence: string;
  readonly target: () => Target;
  readonly executions: number;
}

const cases: readonly Case[] = [
  {
    sentence: "every request that we accept, node:http accepts as the same, at every split into packets",
    target: () => requestsTarget("requests"),
    executions: 700,
  },
  {
    sentence: "every chunked body that we accept, node:http accepts as the same, at every split into packets",
    target: () => requestsTarget("chunked"),
    executions: 700,
  },
  {
    sentence: "every answer that we accept, node:http accepts as the same, at every split into packets",
    target: responsesTarget,
    executions: 400,
  },
  {
    sentence: "no origin, strict or careless, sees a request that the gateway did not log",
    target: gatewayTarget,
    executions: 400,
  },
];

describe("fuzzing", () => {
  for (const { sentence, target, executions } of cases) {
    test(sentence, async (context) => {
      const run = target();
      const outcome = await fuzz(run, { seed: SEED, milliseconds: Number.POSITIVE_INFINITY, executions });
      await run.close?.();
      context.diagnostic(`${outcome.executions} executions in ${Math.round(outcome.milliseconds)} ms`);
      const { finding } = outcome;
      assert.equal(finding, null, finding === null ? "" : `${finding.wrong}\n${toLines(finding.bytes)}`);
      assert.ok(outcome.executions >= executions * 0.95, `only ${outcome.executions} executions`);
    });
  }
});

describe("the fuzzer", () => {
  test("tries what is accepted as well as what is refused", async () => {
    const target = requestsTarget("requests");
    let [accepted, refused] = [0, 0];
    for (let execution = 0; execution < 300; execution++) {
      const ours = openOurServer("read");
      ours.socket.arrive([target.generate(new Random(SEED, execution))]);
      await settled();
      accepted += ours.requests.filter((request) => request.complete).length;
      if (ours.refusal !== null) refused++;
      ours.socket.destroy();
    }
    assert.ok(accepted >= 100, `${accepted} accepted`);
    assert.ok(refused >= 50, `${refused} refused`);
  });

  test("has a corpus for every class of smuggling that it is named after", () => {
    assert.ok(loadCorpus("requests").length >= 250, `${loadCorpus("requests").length} requests`);
    assert.ok(loadCorpus("responses").length >= 50, `${loadCorpus("responses").length} responses`);
  });

  test("makes the same input again from the same seed", () => {
    const target = requestsTarget("chunked");
    for (let execution = 0; execution < 50; execution++) {
      const again = () => target.generate(new Random(SEED, execution));
      assert.equal(again(), again());
    }
  });

  test("cuts bytes into packets without losing any", () => {
    const bytes = `GET / HTTP/1.1\r\nHost: a\r\n\r\n${"x".repeat(20_000)}\r\n`;
    for (const split of SPLITS) {
      assert.equal(splitInto(bytes, split, new Random(SEED)).join("") === bytes, true, split);
    }
  });

  test("keeps every byte in the text of a finding", () => {
    const bytes = Array.from({ length: 256 }, (_, code) => String.fromCharCode(code)).join("");
    assert.equal(fromText(toText(bytes)), bytes);
    assert.equal(fromText(toLines(bytes)), bytes);
    assert.equal(fromText("\\{ab}*3"), "ababab");
  });
});

describe("the law notices", () => {
  const seen: SeenRequest = {
    ...{ method: "POST", target: "/p", host: null, body: "abc", complete: true },
    ...{ fields: [["Host", "a"]], trailers: [] },
  };
  const ours: SeenRequest = { ...seen, host: "a" };
  const broken: readonly (readonly [what: string, ours: SeenRequest[], theirs: SeenRequest[]])[] = [
    ["a request that only we see", [ours, ours], [seen]],
    ["another method", [{ ...ours, method: "PUT" }], [seen]],
    ["another target", [{ ...ours, target: "/q" }], [seen]],
    ["another host", [{ ...ours, host: "b" }], [seen]],
    ["a field less", [{ ...ours, fields: [] }], [seen]],
    ["another value", [{ ...ours, fields: [["Host", "b"]] }], [seen]],
    ["another body", [{ ...ours, body: "abd" }], [seen]],
    ["a body that is whole only for us", [ours], [{ ...seen, complete: false }]],
    ["a wrong beginning of a body", [{ ...ours, complete: false, body: "b" }], [seen]],
    ["a trailer more", [{ ...ours, trailers: [["X", "y"]] }], [seen]],
  ];
  for (const [what, mine, theirs] of broken) {
    test(what, () => assert.notEqual(withinLaw(mine, theirs, true), null));
  }

  test("nothing where we are stricter: fewer requests, less of a body that broke off", () => {
    assert.equal(withinLaw([ours], [seen, seen], true), null);
    assert.equal(withinLaw([{ ...ours, complete: false, body: "ab" }], [seen], true), null);
    assert.equal(withinLaw([], [], true), null);
  });

  test("that node:http is the strict one, which refuses what llhttp is lenient about on request", async () => {
    for (const bytes of [
      "GET / HTTP/1.1\nHost: a\n\n",
      "GET / HTTP/1.1\r\nHost : a\r\n\r\n",
      "GET / HTTP/1.1\r\n\r\n",
    ]) {
      const node = openNodeServer();
      node.socket.arrive([bytes]);
      await settled();
      assert.equal(seenByNode(node).length, 0, JSON.stringify(bytes));
      node.socket.destroy();
    }
  });
});
