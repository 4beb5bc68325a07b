import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type Body, type BodyReader, BytesBody } from "./body.ts";
import { type CopyKeeper, CopyRoom, copied } from "./copied-body.ts";
import { GatewayError } from "./errors.ts";
import { Headers } from "./headers.ts";

/** A body that the test feeds. */
class Source implements Body {
  readonly bytes = undefined;
  readonly size: number | undefined;
  limit = Number.POSITIVE_INFINITY;
  reader: BodyReader | null = null;
  readonly calls: string[] = [];

  constructor(size?: number) {
    this.size = size;
  }

  read(reader: BodyReader): void {
    this.reader = reader;
  }
  pause(): void {
    this.calls.push("pause");
  }
  resume(): void {
    this.calls.push("resume");
  }
  cancel(): void {
    this.calls.push("cancel");
  }
}

function stand(limit: number, source: Body, more: Partial<CopyKeeper> = {}, room = new CopyRoom(limit)) {
  const kept: (string | null)[] = [];
  const keeper: CopyKeeper = {
    whole: (copy) => kept.push(copy === null ? null : copy.toString()),
    none: () => kept.push("none"),
    ...more,
  };
  const { body } = copied({ status: 200, headers: new Headers(), body: source }, limit, keeper, room);
  const seen: string[] = [];
  const reader: BodyReader = {
    data: (chunk) => seen.push(chunk.toString()),
    end: () => seen.push("end"),
    error: () => seen.push("error"),
  };
  return { body: body as Body, kept, seen, reader };
}

/** Memory that is overwritten after the call, as the wire's is. */
function lend(source: Source, text: string): void {
  const chunk = Buffer.from(text);
  source.reader?.data(chunk);
  chunk.fill("!");
}

describe("a copy of a body", () => {
  test("is made while it passes, of chunks that are lent", () => {
    const source = new Source();
    const { body, kept, seen, reader } = stand(10, source);
    body.read(reader);
    lend(source, "abc");
    lend(source, "def");
    assert.deepEqual(kept, []);
    source.reader?.end(null);
    assert.deepEqual(kept, ["abcdef"]);
    assert.deepEqual(seen, ["abc", "def", "end"]);
  });

  test("is there when the reader hears of the end", () => {
    const source = new Source();
    const { body, kept } = stand(10, source);
    const then: unknown[] = [];
    body.read({ data() {}, end: () => then.push(...kept), error() {} });
    source.reader?.end(null);
    assert.deepEqual(then, [""]);
  });

  test("of what is here already is made at once, and is no view of it", () => {
    const bytes = Buffer.from("abc");
    const copies: Buffer[] = [];
    stand(10, new BytesBody(bytes), { whole: (copy) => void copies.push(copy as Buffer) });
    bytes.fill("!");
    assert.equal(copies[0]?.toString(), "abc");
    assert.equal(copies[0]?.buffer.byteLength, 3, "and shares its memory with nobody");
  });

  test("of no body is null", () => {
    const kept: unknown[] = [];
    const keeper: CopyKeeper = { whole: (copy) => kept.push(copy), none() {} };
    copied({ status: 204, headers: new Headers(), body: null }, 1, keeper, new CopyRoom(1));
    assert.deepEqual(kept, [null]);
  });

  test("is given up where the body is too large, said or not, and the body passes whole", () => {
    assert.deepEqual(stand(2, new BytesBody(Buffer.from("abc"))).kept, ["none"]);
    const declared = new Source(3);
    const { body: same, kept: none } = stand(2, declared);
    assert.equal(same, declared);
    assert.deepEqual(none, ["none"]);
    const source = new Source();
    const { body, kept, seen, reader } = stand(5, source);
    body.read(reader);
    lend(source, "abc");
    lend(source, "def");
    lend(source, "g");
    source.reader?.end(null);
    assert.deepEqual(kept, ["none"]);
    assert.deepEqual(seen, ["abc", "def", "g", "end"]);
  });

  test("is given up where the body breaks off", () => {
    const source = new Source();
    const { body, kept, seen, reader } = stand(10, source);
    body.read(reader);
    lend(source, "abc");
    source.reader?.error(new GatewayError("UPSTREAM_DISCONNECTED"));
    assert.deepEqual(kept, ["none"]);
    assert.deepEqual(seen, ["abc", "error"]);
  });

  test("leaves back pressure to the reader, and says that it is slow", () => {
    const source = new Source();
    let slow = 0;
    const { body, reader } = stand(10, source, { slow: () => slow++ });
    body.read(reader);
    body.pause();
    body.resume();
    assert.deepEqual(source.calls, ["pause", "resume"]);
    assert.equal(slow, 1);
  });

  test("is given up with its reader", () => {
    const source = new Source();
    const { body, kept, reader } = stand(10, source);
    body.read(reader);
    lend(source, "abc");
    body.cancel();
    assert.deepEqual(kept, ["none"]);
    assert.deepEqual(source.calls, ["cancel"]);
  });

  test("goes on without its reader where somebody waits for it, up to the limit", () => {
    for (const [rest, expected, calls] of [
      ["def", ["abcdef"], ["pause", "resume"]],
      ["defghijklm", ["none"], ["pause", "resume", "cancel"]],
    ] as const) {
      const source = new Source();
      const { body, kept, seen, reader } = stand(10, source, { outlives: () => true });
      body.read(reader);
      lend(source, "abc");
      body.pause();
      body.cancel();
      lend(source, rest);
      if (calls.length === 2) source.reader?.end(null);
      assert.deepEqual(kept, expected);
      assert.deepEqual(source.calls, calls);
      assert.deepEqual(seen, ["abc"]);
    }
  });

  test("takes no more room than all copies together may, and gives it back however it ends", () => {
    const room = new CopyRoom(10);
    const ends: ((source: Source, body: Body) => void)[] = [
      (source) => source.reader?.end(null),
      (source) => source.reader?.error(new GatewayError("UPSTREAM_DISCONNECTED")),
      (_source, body) => body.cancel(),
      (source) => lend(source, "x".repeat(9)),
    ];
    for (const end of ends) {
      const [one, two] = [new Source(), new Source()];
      const first = stand(10, one, {}, room);
      const second = stand(10, two, {}, room);
      first.body.read(first.reader);
      second.body.read(second.reader);
      lend(one, "123456");
      lend(two, "1234");
      lend(two, "5");
      two.reader?.end(null);
      assert.deepEqual(second.kept, ["none"]);
      assert.deepEqual(second.seen, ["1234", "5", "end"]);
      end(one, first.body);
      assert.equal(first.kept.length, 1);
      assert.equal(room.take(10), true, "all of it is there again");
      room.giveBack(10);
    }
  });

  test("goes on, too, where the reader left before it read", () => {
    const source = new Source();
    const { body, kept } = stand(10, source, { outlives: () => true });
    body.cancel();
    lend(source, "abc");
    source.reader?.end(null);
    assert.deepEqual(kept, ["abc"]);
  });
});
