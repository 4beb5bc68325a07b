/** Answers: `UpstreamConnection` beside `node:http`'s client. Both get the same bytes; ours in four kinds of packets. */
import { fieldsDiffer } from "../compare.ts";
import { loadCorpus } from "../corpus.ts";
import { responseStream } from "../generate.ts";
import { settled } from "../memory-socket.ts";
import { mutate } from "../mutate.ts";
import { readByNode } from "../node-client.ts";
import { type OurResponses, openOurClient, type SeenResponse } from "../our-client.ts";
import { Random } from "../random.ts";
import { SPLITS, type Split, splitInto } from "../split.ts";
import type { Input, Target } from "../target.ts";

const METHODS: readonly (readonly string[])[] = [["GET"], ["GET"], ["HEAD"], ["GET", "HEAD", "GET"]];

export function responsesTarget(): Target {
  const corpus = loadCorpus("responses");
  return {
    name: "responses",
    batch: 64,
    corpus,
    generate(random) {
      const fresh = () => responseStream(random, random.pick(METHODS));
      const base = random.chance(12) ? random.pick(corpus) : fresh();
      return mutate(base, random, () => (random.chance(50) ? random.pick(corpus) : fresh()));
    },
    async run(inputs) {
      const found: (string | null)[] = inputs.map(() => null);
      // Whoever asks decides how answers are read, so every input is the answer to each kind of question.
      for (const methods of [["GET"], ["HEAD"], ["GET", "HEAD", "GET"]]) {
        const wrong = await runAs(inputs, methods);
        for (const [i, text] of wrong.entries()) found[i] ??= text;
      }
      return found;
    },
  };
}

interface Ours {
  readonly split: Split;
  readonly result: OurResponses;
}

async function runAs(inputs: readonly Input[], methods: readonly string[]): Promise<(string | null)[]> {
  const theirs = inputs.map((input) => readByNode(input.bytes, methods));
  const ours = inputs.map(() => SPLITS.map((split): Ours => ({ split, result: openOurClient(methods) })));
  await settled();
  for (const [i, ways] of ours.entries()) {
    const { bytes, seed } = inputs[i] as Input;
    for (const { split, result } of ways) result.socket.arrive(splitInto(bytes, split, new Random(seed)));
  }
  await settled();
  for (const ways of ours) for (const { result } of ways) result.socket.finish();
  await settled();
  await settled();
  const found: (string | null)[] = [];
  for (const [i, ways] of ours.entries()) {
    const { responses, error } = await (theirs[i] as ReturnType<typeof readByNode>);
    const wrong = judge(ways, responses, methods.length);
    found.push(wrong === null ? null : `${wrong} [${methods.join()}; node: ${error ?? "no error"}]`);
    for (const { result } of ways) result.socket.destroy();
  }
  return found;
}

function judge(ways: readonly Ours[], theirs: readonly SeenResponse[], asked: number): string | null {
  const whole = reading((ways[0] as Ours).result);
  for (const { split, result } of ways) {
    const wrong = result.mistakes[0] ?? withinLaw(result.responses, theirs) ?? unsettled(result, asked);
    if (wrong !== null) return `${wrong} (${split})`;
    const other = reading(result);
    if (other !== whole) return `read in another way: ${whole} / ${other} (${split})`;
  }
  return null;
}

/** After the end of the connection every question has been settled. */
function unsettled({ responses, failures, socket }: OurResponses, asked: number): string | null {
  const before = failures.filter((failure) => !failure.startsWith("body ")).length;
  if (responses.length + before !== asked)
    return `${responses.length} answered and ${before} failed of ${asked}`;
  if (responses.some((one, i) => !one.complete && i < responses.length - 1)) return "one behind a broken one";
  const last = responses.at(-1);
  if (last !== undefined && !last.complete && failures.length === before) return "broke off without an error";
  return socket.destroyed ? null : "the connection stays open after the end";
}

function withinLaw(ours: readonly SeenResponse[], theirs: readonly SeenResponse[]): string | null {
  for (const [i, mine] of ours.entries()) {
    const other = theirs[i];
    if (other === undefined) return `answer ${i} (${mine.status}) exists only for us`;
    const wrong = differs(mine, other);
    if (wrong !== null) return `answer ${i}: ${wrong}`;
  }
  return null;
}

function differs(mine: SeenResponse, other: SeenResponse): string | null {
  if (mine.status !== other.status) return `status ${mine.status} / ${other.status}`;
  const fields = fieldsDiffer(mine.fields, other.fields);
  if (fields !== null) return fields;
  if (mine.interims.join("\n") !== other.interims.join("\n")) {
    return `interim answers ${mine.interims.join(" | ")} / ${other.interims.join(" | ")}`;
  }
  if (!mine.complete) return other.body.startsWith(mine.body) ? null : "a body that broke off differs";
  if (!other.complete) return "the body is complete only for us";
  if (mine.body !== other.body) return "the bodies differ";
  return fieldsDiffer(mine.trailers, other.trailers);
}

/** Whether an answer whose body broke off had been passed on before, and how much of it, depends on the packets. */
function reading({ responses, failures }: OurResponses): string {
  const whole = responses.filter((response) => response.complete);
  return JSON.stringify([whole, failures.map((failure) => failure.replace("body ", ""))]);
}
