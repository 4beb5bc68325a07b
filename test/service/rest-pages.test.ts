/** Lists that are read by page, up to where pages end (PAG-11). */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { resourcesOf } from "../../src/config/testdata/resources.ts";
import { type Answer, caller, startService, type TestService } from "../harness/service.ts";
import { type TempStore, tempStore } from "../harness/store.ts";

describe("a list that is longer than pages lead", () => {
  const as = caller("ada", ["items:read", "items:write"]);
  let temp: TempStore;
  let service: TestService;
  const get = (query: string): Promise<Answer> => service.ask("GET", `/items?${query}`, { as });

  before(async () => {
    temp = await tempStore();
    const made = resourcesOf({ items: { list: { maxLimit: 20, deepest: 20 }, fields: { name: "string" } } });
    service = await startService(temp.file, made);
    for (let n = 0; n < 23; n++) await service.ask("POST", "/items", { as, body: { name: `${n}` } });
  });
  after(async () => {
    await service?.close();
    await temp?.remove();
  });

  const linksOf = (answer: Answer): string[] =>
    [...(answer.headers["link"] ?? "").matchAll(/<https?:\/\/[^/]+\/items\?([^>]+)>; rel="(\w+)"/g)].map(
      ([, query, rel]) => `${rel} ${query}`,
    );

  test("links to no page that would be refused", async () => {
    for (const limit of [1, 3, 7, 10, 20]) {
      for (let page = 1; page * limit <= 20; page++) {
        const answer = await get(`limit=${limit}&page=${page}&total=true`);
        assert.equal(answer.status, 200, answer.text);
        for (const link of linksOf(answer)) {
          const [rel, query = ""] = link.split(" ");
          assert.equal((await get(query)).status, 200, `${rel} of page ${page} by ${limit}`);
        }
      }
    }
  });

  test("says of its last page that there is more, and names no way on", async () => {
    const answer = await get("limit=10&page=2&total=true");
    assert.deepEqual([answer.json.has_more, answer.json.total_pages], [true, 3]);
    assert.deepEqual(linksOf(answer), [
      "prev limit=10&total=true&page=1",
      "first limit=10&total=true&page=1",
    ]);
  });

  test("links to its last page where that is not too deep", async () => {
    assert.deepEqual(linksOf(await get("limit=3&page=1&total=true&name[gte]=3")), [
      "next limit=3&total=true&name[gte]=3&page=2",
      "last limit=3&total=true&name[gte]=3&page=3",
    ]);
  });
});
