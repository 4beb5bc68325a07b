import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { singularOf } from "./nouns.ts";

describe("the singular of a resource's name", () => {
  const SURE: readonly (readonly [plural: string, singular: string])[] = [
    ["orders", "order"],
    ["categories", "category"],
    ["currencies", "currency"],
    ["days", "day"],
    ["keys", "key"],
    ["boxes", "box"],
    ["addresses", "address"],
    ["dishes", "dish"],
    ["branches", "branch"],
    ["purchases", "purchase"],
    ["invoices", "invoice"],
    ["images", "image"],
    ["databases", "database"],
    ["order_items", "order_item"],
    ["news_entries", "news_entry"],
  ];
  for (const [plural, singular] of SURE) {
    test(`${plural} is ${singular}`, () => assert.equal(singularOf(plural), singular));
  }

  test("is left to the config where it could be another word, or there is none", () => {
    const unsure = [
      "statuses",
      "houses",
      "status",
      "analysis",
      "analyses",
      "heroes",
      "shoes",
      "knives",
      "archives",
    ];
    const more = [
      "sizes",
      "quizzes",
      "movies",
      "series",
      "caches",
      "news",
      "data",
      "people",
      "staff",
      "as",
      "s",
    ];
    for (const word of [...unsure, ...more, "latest_news", "user_data"])
      assert.equal(singularOf(word), null, word);
  });
});
