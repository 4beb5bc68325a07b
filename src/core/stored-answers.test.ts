import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { heldBytes } from "../../test/harness/memory.ts";
import { Headers } from "./headers.ts";
import { replyOf, StoredAnswers, storedAnswer, weightOf } from "./stored-answers.ts";

const reply = (fields: Readonly<Record<string, string>> = {}) => ({
  status: 200,
  headers: Headers.of(fields),
  body: null,
});

describe("stored answers", () => {
  test("give back what was kept last under a key", () => {
    const answers = new StoredAnswers<string>(1000);
    assert.equal(answers.get("a"), undefined);
    answers.set("a", "one", 10);
    answers.set("a", "two", 20);
    assert.equal(answers.get("a"), "two");
    assert.equal(answers.size, 1);
    assert.equal(answers.bytes, 21);
    answers.delete("a");
    answers.delete("a");
    assert.equal(answers.get("a"), undefined);
    assert.equal(answers.bytes, 0);
  });

  test("forget what nobody has asked for longest, and only as much as they must", () => {
    const answers = new StoredAnswers<number>(40);
    for (const [i, key] of ["a", "b", "c"].entries()) answers.set(key, i, 9);
    answers.get("a");
    answers.set("d", 3, 19);
    // 20 for the new one leave room for two of the old, and "a" has been asked for since.
    assert.deepEqual(
      ["a", "b", "c", "d"].filter((key) => answers.get(key) !== undefined),
      ["a", "c", "d"],
    );
    assert.ok(answers.bytes <= 40);
  });

  test("take nothing that is larger than all they may hold, and lose what it was to replace", () => {
    const answers = new StoredAnswers<number>(40);
    answers.set("a", 1, 10);
    answers.set("b", 1, 10);
    assert.equal(answers.set("a", 2, 40), false);
    assert.equal(answers.get("a"), undefined);
    assert.equal(answers.get("b"), 1);
  });

  test("count the bytes of keys, too", () => {
    const answers = new StoredAnswers<number>(100);
    assert.equal(answers.set("x".repeat(100), 1, 1), false);
    assert.equal(answers.set("x".repeat(99), 1, 1), true);
    assert.equal(answers.bytes, 100);
  });
});

describe("an answer that is stored", () => {
  test("lacks what is about the connection, the framing and the one call", () => {
    const names = [
      "Connection",
      "Keep-Alive",
      "Transfer-Encoding",
      "Content-Length",
      "X-Request-Id",
      "X-Kept",
    ];
    const all = reply(Object.fromEntries(names.map((name) => [name, "x"])));
    assert.deepEqual([...storedAnswer(all, null).headers], [["X-Kept", "x"]]);
  });

  test("is given as a reply of its own each time", () => {
    const stored = storedAnswer(reply({ "X-A": "1" }), Buffer.from("abc"));
    const [one, two] = [replyOf(stored), replyOf(stored)];
    one.headers.set("X-A", "2");
    assert.equal(two.headers.get("x-a"), "1");
    assert.equal(two.body?.bytes?.toString(), "abc");
  });

  test("weighs at least what the engine takes for it", async () => {
    const made = Array.from({ length: 20_000 }, (_, i) =>
      reply({ "Content-Type": `text/plain; i=${i}`, ETag: `"${i}"`, "Cache-Control": `max-age=${i}` }),
    );
    const answers = new StoredAnswers<unknown>(Number.POSITIVE_INFINITY);
    const before = await heldBytes();
    for (const [i, one] of made.entries()) {
      const stored = storedAnswer(one, Buffer.allocUnsafeSlow(100));
      answers.set(`key ${i}`.padEnd(80, "x"), stored, weightOf(stored));
    }
    const taken = (await heldBytes()) - before;
    assert.ok(answers.bytes > 0.9 * taken, `${answers.bytes} counted, ${taken} taken`);
    assert.ok(answers.bytes < 3 * taken, `${answers.bytes} counted, ${taken} taken`);
  });
});
