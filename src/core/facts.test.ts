import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Facts, fact } from "./facts.ts";

const caller = fact<string>("caller");
const tenant = fact<number>("tenant");

describe("the facts of a call", () => {
  test("are unknown until they are learnt", () => {
    assert.equal(new Facts().get(caller), undefined);
  });

  test("keep what was learnt, each by itself", () => {
    const facts = new Facts();
    facts.learn(caller, "ada");
    facts.learn(tenant, 0);
    assert.deepEqual([facts.get(caller), facts.get(tenant)], ["ada", 0]);
  });

  test("are written once: a second writer is a mistake with a name", () => {
    const facts = new Facts();
    facts.learn(caller, "ada");
    assert.throws(() => facts.learn(caller, "bob"), /"caller" was learnt twice/);
    assert.equal(facts.get(caller), "ada");
  });

  test("count as learnt even when what was learnt is undefined", () => {
    const facts = new Facts();
    const maybe = fact<string | undefined>("maybe");
    facts.learn(maybe, undefined);
    assert.throws(() => facts.learn(maybe, "late"), /learnt twice/);
  });

  test("are told apart by the fact and not by its name", () => {
    const facts = new Facts();
    facts.learn(fact<string>("caller"), "somebody else's");
    assert.equal(facts.get(caller), undefined);
  });

  test("of one call are not those of another", () => {
    const one = new Facts();
    one.learn(caller, "ada");
    assert.equal(new Facts().get(caller), undefined);
  });
});
