import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { type Body, type BodyReader, BytesBody } from "../../core/body.ts";
import { GatewayError } from "../../core/errors.ts";
import { takeIn } from "./intake.ts";

/** A body that comes when the test says so, in memory that is used again, as the wire's is. */
class LentBody implements Body {
  readonly bytes = undefined;
  readonly size: number | undefined;
  limit = Number.POSITIVE_INFINITY;
  reader: BodyReader | null = null;
  paused = false;
  cancelled = false;

  constructor(size?: number) {
    this.size = size;
  }

  read(reader: BodyReader): void {
    this.reader = reader;
  }

  send(text: string): void {
    const memory = Buffer.from(text);
    this.reader?.data(memory);
    memory.fill("!");
  }

  end(): void {
    this.reader?.end(null);
  }

  fail(): void {
    this.reader?.error(new GatewayError("UPSTREAM_DISCONNECTED"));
  }

  pause(): void {
    this.paused = true;
  }

  resume(): void {
    this.paused = false;
  }

  cancel(): void {
    this.cancelled = true;
  }
}

/** A reader that takes `greed` chunks, then wants a pause. */
class SlowReader implements BodyReader {
  text = "";
  over: "end" | "error" | null = null;
  readonly #body: Body;
  #greed: number;

  constructor(body: Body, greed = Number.POSITIVE_INFINITY) {
    this.#body = body;
    this.#greed = greed;
  }

  data(chunk: Buffer): void {
    assert.equal(this.over, null);
    this.text += chunk.toString();
    if (--this.#greed <= 0) this.#body.pause();
  }

  more(greed: number): void {
    this.#greed = greed;
    this.#body.resume();
  }

  end(): void {
    assert.equal(this.over, null);
    this.over = "end";
  }

  error(): void {
    assert.equal(this.over, null);
    this.over = "error";
  }
}

/** What was taken of a body that sends these pieces. */
async function overflowing(pieces: readonly string[], most: number): Promise<[LentBody, Body]> {
  const source = new LentBody();
  const taken = takeIn(source, most);
  for (const piece of pieces) source.send(piece);
  const body = await taken;
  assert.ok(!(body instanceof Uint8Array));
  return [source, body];
}

describe("the intake of an answer", () => {
  test("gives what is here already as it is", () => {
    const body = new BytesBody(Buffer.from("abc"));
    assert.equal(takeIn(body, 3), body.bytes);
    assert.equal(takeIn(body, 2), body);
  });

  test("leaves alone what says that it is too large", () => {
    const body = new LentBody(4);
    assert.equal(takeIn(body, 3), body);
    assert.equal(body.reader, null);
  });

  test("gives the whole of what comes in pieces", async () => {
    const source = new LentBody();
    const taken = takeIn(source, 6);
    for (const piece of ["ab", "cd", "ef"]) source.send(piece);
    source.end();
    assert.equal(String(await taken), "abcdef");
  });

  test("fails where the source does, however much has come", async () => {
    const source = new LentBody();
    const taken = takeIn(source, 6);
    source.send("abcdef");
    source.fail();
    await assert.rejects(taken as Promise<unknown>, GatewayError);
  });

  test("stops reading at the byte that is too many, and goes on for whoever reads then", async () => {
    const [source, body] = await overflowing(["abc", "def"], 5);
    assert.ok(source.paused);
    const reader = new SlowReader(body);
    body.read(reader);
    assert.deepEqual([reader.text, source.paused], ["abcdef", false]);
    source.send("ghi");
    source.end();
    assert.deepEqual([reader.text, reader.over], ["abcdefghi", "end"]);
  });

  test("passes on that the source failed, behind what came before", async () => {
    const [source, body] = await overflowing(["abc"], 2);
    source.fail();
    const reader = new SlowReader(body);
    body.read(reader);
    assert.deepEqual([reader.text, reader.over], ["abc", "error"]);
  });

  test("passes on that nobody wants the rest", async () => {
    const [source, body] = await overflowing(["abc"], 2);
    const reader = new SlowReader(body, 1);
    body.read(reader);
    body.cancel();
    assert.ok(source.cancelled);
  });

  test("loses and repeats nothing, whatever the pace of the two", async () => {
    const steps = fc.array(fc.oneof(fc.constant("send" as const), fc.nat(3)), { maxLength: 40 });
    await fc.assert(
      fc.asyncProperty(steps, fc.nat(6), fc.boolean(), async (steps, most, fails) => {
        const [source, body] = await overflowing(["0123456"], most);
        const reader = new SlowReader(body, 1);
        body.read(reader);
        let sent = "0123456";
        for (const [i, step] of steps.entries()) {
          if (step !== "send") reader.more(step + 1);
          // What is under way when the source is asked to pause comes all the same.
          else if (!source.paused || i % 5 === 0) {
            source.send(`<${i}>`);
            sent += `<${i}>`;
          }
        }
        if (fails) source.fail();
        else source.end();
        for (let i = 0; i < 50; i++) reader.more(1);
        assert.deepEqual([reader.text, reader.over], [sent, fails ? "error" : "end"]);
      }),
    );
  });
});
