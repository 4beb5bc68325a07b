import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { codeOf, get, post, Stand } from "../conformance/stand.ts";

describe("a request that a proxy in front got as early data (RFC 8470)", () => {
  let stand: Stand;
  before(async () => {
    stand = await Stand.open();
  });
  after(() => stand.close());

  test("is refused with 425 where repeating it could do harm, and reaches no origin", async () => {
    const response = await stand.ask(post("/evil", "evil", "Early-Data: 1\r\n"));
    assert.deepEqual([response.status, codeOf(response)], [425, "TOO_EARLY"]);
    await stand.audit();
  });

  test("is served, and the origin told, where its method is safe", async () => {
    const response = await stand.ask(get("/early", "Early-Data: 1\r\n"));
    assert.equal(response.status, 200);
    assert.match(stand.origin.text, /Early-Data: 1/);
  });
});
