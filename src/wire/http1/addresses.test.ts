import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Addresses, type ResolvedAddress } from "./addresses.ts";

const EVERY = 30_000;

/** A name whose look-ups the test answers, in order. */
class Name {
  readonly questions: ((error: Error | null, found: readonly ResolvedAddress[]) => void)[] = [];
  asked = 0;
  changes = 0;
  readonly addresses = new Addresses(
    "orders.internal",
    EVERY,
    0,
    () => {
      this.changes++;
    },
    (name, done) => {
      assert.equal(name, "orders.internal");
      this.asked++;
      this.questions.push(done);
    },
  );

  answer(...found: string[]): void {
    this.questions.shift()?.(
      null,
      found.map((address) => ({ address, family: address.includes(":") ? 6 : 4 })),
    );
  }

  fail(): void {
    this.questions.shift()?.(new Error("no such name"), []);
  }

  /** What a new connection gets, as `net.connect` asks for it. */
  lookUp(): Promise<string[]> {
    return new Promise((resolve, reject) => {
      this.addresses.lookup("orders.internal", { all: true }, (error, found) => {
        if (error !== null) reject(error);
        else resolve((found as ResolvedAddress[]).map(({ address }) => address));
      });
    });
  }
}

describe("the addresses of a name", () => {
  test("are looked up when the first connection needs them, once for all that wait", async () => {
    const name = new Name();
    name.addresses.sweep(10 * EVERY);
    assert.equal(name.asked, 0);
    const both = Promise.all([name.lookUp(), name.lookUp()]);
    assert.equal(name.asked, 1);
    name.answer("10.0.0.1");
    assert.deepEqual(await both, [["10.0.0.1"], ["10.0.0.1"]]);
    assert.deepEqual(await name.lookUp(), ["10.0.0.1"]);
    assert.equal(name.asked, 1);
  });

  test("are given in turn, the others behind for where the first refuses", async () => {
    const name = new Name();
    const first = name.lookUp();
    name.answer("10.0.0.1", "10.0.0.2", "::1");
    assert.deepEqual(await first, ["10.0.0.1", "10.0.0.2", "::1"]);
    assert.deepEqual(await name.lookUp(), ["10.0.0.2", "::1", "10.0.0.1"]);
    assert.deepEqual(await name.lookUp(), ["::1", "10.0.0.1", "10.0.0.2"]);
    const single = await new Promise((resolve) => {
      name.addresses.lookup("orders.internal", {}, (_, address, family) => resolve([address, family]));
    });
    assert.deepEqual(single, ["10.0.0.1", 4]);
  });

  test("are looked up again in the background, while connections get those of before", async () => {
    const name = new Name();
    const first = name.lookUp();
    name.answer("10.0.0.1");
    await first;
    name.addresses.sweep(EVERY - 1);
    assert.equal(name.asked, 1);
    name.addresses.sweep(EVERY);
    name.addresses.sweep(EVERY + 100);
    assert.equal(name.asked, 2);
    assert.deepEqual(await name.lookUp(), ["10.0.0.1"]);
    name.answer("10.0.0.2");
    assert.deepEqual(await name.lookUp(), ["10.0.0.2"]);
    assert.equal(name.changes, 1);
    assert.equal(name.addresses.has("10.0.0.1"), false);
    name.addresses.sweep(2 * EVERY + 99);
    assert.equal(name.asked, 2);
    name.addresses.sweep(2 * EVERY + 100);
    assert.equal(name.asked, 3);
  });

  test("that come in another order are no change", async () => {
    const name = new Name();
    const first = name.lookUp();
    name.answer("10.0.0.1", "10.0.0.2");
    await first;
    name.addresses.sweep(EVERY);
    name.answer("10.0.0.2", "10.0.0.1");
    assert.equal(name.changes, 0);
  });

  test("stay what they were where the name cannot be looked up, or has none for now", async () => {
    const name = new Name();
    const first = name.lookUp();
    name.answer("10.0.0.1");
    await first;
    name.addresses.sweep(EVERY);
    name.fail();
    assert.deepEqual(await name.lookUp(), ["10.0.0.1"]);
    name.addresses.sweep(2 * EVERY);
    name.answer();
    assert.deepEqual(await name.lookUp(), ["10.0.0.1"]);
    assert.equal(name.changes, 0);
  });

  test("that have never been found fail the connection, and the next one asks again", async () => {
    const name = new Name();
    const first = name.lookUp();
    name.fail();
    await assert.rejects(first, /no such name/);
    const second = name.lookUp();
    name.answer();
    await assert.rejects(second, /no address/);
    const third = name.lookUp();
    name.answer("10.0.0.1");
    assert.deepEqual(await third, ["10.0.0.1"]);
  });
});
