/**
 * Requests: `ServerConnection` beside `node:http`. Both get the same bytes; ours in four kinds of packets.
 */
import { parseResponses } from "../../harness/raw.ts";
import { withinLaw } from "../compare.ts";
import { loadCorpus } from "../corpus.ts";
import { chunkedRequest, requestStream } from "../generate.ts";
import { settled } from "../memory-socket.ts";
import { mutate } from "../mutate.ts";
import { type NodeRequests, openNodeServer, seenByNode } from "../node-server.ts";
import { type Manner, type OurRequests, openOurServer } from "../our-server.ts";
import { Random } from "../random.ts";
import { SPLITS, type Split, splitInto } from "../split.ts";
import type { Input, Target } from "../target.ts";

export function requestsTarget(name: "requests" | "chunked"): Target {
  const corpus = loadCorpus("requests");
  const fresh = name === "requests" ? requestStream : chunkedRequest;
  return {
    name,
    batch: 64,
    corpus,
    generate(random) {
      const base = random.chance(12) ? random.pick(corpus) : fresh(random);
      return mutate(base, random, () => (random.chance(50) ? random.pick(corpus) : fresh(random)));
    },
    run,
  };
}

/** One way to bring the bytes to our server. */
interface Ours {
  readonly split: Split;
  readonly manner: Manner;
  readonly result: OurRequests;
}

interface Run {
  readonly input: Input;
  readonly ours: readonly Ours[];
  readonly theirs: NodeRequests;
}

async function run(inputs: readonly Input[]): Promise<(string | null)[]> {
  const runs = inputs.map(open);
  await settled();
  for (const { input, ours, theirs } of runs) {
    /*
     * Byte by byte, because of what Node does with a request that asks for an upgrade it does not know: the bytes
     * behind it in the same packet are lost, those in the next packet are a request. RFC 9110 §7.8 lets a server
     * ignore Upgrade, and then they are a request wherever they stand.
     */
    for (const piece of splitInto(input.bytes, "bytes", new Random(input.seed))) {
      // What comes behind the first error is not looked at, and costs an exception a byte.
      if (theirs.refusal !== null) break;
      theirs.socket.arrive([piece]);
    }
    for (const { split, result } of ours) {
      result.socket.arrive(splitInto(input.bytes, split, new Random(input.seed)));
    }
  }
  await settled();
  await settled();
  const found = runs.map(judge);
  for (const { ours } of runs) nudge(ours);
  await settled();
  for (const [i, { ours }] of runs.entries()) found[i] ??= splitMatters(ours);
  for (const { ours } of runs) for (const { result } of ours) result.socket.finish();
  await settled();
  for (const [i, { ours, theirs }] of runs.entries()) {
    found[i] ??= endedBadly(ours);
    for (const { result } of ours) result.socket.destroy();
    theirs.socket.destroy();
  }
  return found;
}

function open(input: Input): Run {
  const ways: Ours[] = SPLITS.map((split) => ({ split, manner: "read", result: openOurServer("read") }));
  for (const split of ["whole", "random"] as const) {
    ways.push({ split, manner: "early", result: openOurServer("early") });
  }
  return { input, ours: ways, theirs: openNodeServer() };
}

function judge({ ours, theirs }: Run): string | null {
  const seen = seenByNode(theirs);
  for (const { split, manner, result } of ours) {
    const wrong =
      result.mistakes[0] ??
      withinLaw(result.requests, seen, manner === "read") ??
      answersWrong(result, manner);
    if (wrong !== null) return `${wrong} [${split}, ${manner}; node: ${theirs.refusal ?? "no error"}]`;
  }
  return null;
}

/**
 * A mistake in a line that has not ended may be noticed at once or when the line ends: which of the two depends on the
 * packets, and does no harm. So where one split has led to a refusal, the others get the end of their line.
 */
function nudge(ours: readonly Ours[]): void {
  if (ours.every(({ result }) => result.refusal === null)) return;
  for (const { result } of ours) if (result.refusal === null) result.socket.arrive(["\n"]);
}

function splitMatters(ours: readonly Ours[]): string | null {
  const whole = reading((ours[0] as Ours).result);
  for (const { split, manner, result } of ours) {
    // How much of an unread body has come decides whether the connection is kept, and that is as it should be.
    if (manner === "early") continue;
    const other = reading(result);
    if (other !== whole)
      return `read in another way: whole …${differing(whole, other)}, ${split} …${differing(other, whole)}`;
  }
  return null;
}

/** Where the one begins to differ from the other. */
function differing(one: string, other: string): string {
  let at = 0;
  while (at < one.length && one.charAt(at) === other.charAt(at)) at++;
  return one.slice(Math.max(0, at - 40), at + 80);
}

/** Whether a request whose body was refused had been passed on before, and how much of it, depends on the packets. */
function reading({ requests, refusal }: OurRequests): string {
  const kept = requests.filter((request) => request.complete || refusal === null);
  return JSON.stringify([kept, refusal]);
}

/** Every byte sequence gets well-formed answers: one for each whole request, one for what was refused (ERR-19). */
function answersWrong({ requests, refusal, answered, socket }: OurRequests, manner: Manner): string | null {
  const expected = requests.filter((request) => manner === "early" || request.complete).map(() => 200);
  if (refusal !== null) expected.push(Number(refusal.slice(0, 3)));
  // The reader of answers below does not know which of them were to HEAD.
  if (answered.includes("HEAD")) return null;
  const answers = parseResponses(Buffer.concat(socket.written)).map((answer) => answer.status);
  if (answers.join() === expected.join()) return null;
  return `answered ${answers.join()} instead of ${expected.join()}`;
}

/** The client has sent FIN. What is whole has been answered, so the connection must be on its way out. */
function endedBadly(ours: readonly Ours[]): string | null {
  for (const { split, result } of ours) {
    const { socket, mistakes } = result;
    if (mistakes[0] !== undefined) return `at the end: ${mistakes[0]} [${split}]`;
    if (!socket.destroyed && !socket.writableEnded) return `the connection stays open after FIN [${split}]`;
  }
  return null;
}
