/** What is sent to break in, to a whole service on both databases: a clear 4xx, and nothing stored (OWASP API3, API8). */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Principal } from "../../src/core/principal.ts";
import { type Answer, type Asking, caller } from "../harness/service.ts";
import { onBothDatabases, type Stand } from "./databases.ts";
import { SCOPES } from "./shop.ts";

let people = 0;
/** Somebody whom no other test knows. */
const somebody = (): Principal => caller(`mallory-${++people}`, SCOPES);

const ask = (
  stand: Stand,
  as: Principal,
  method: string,
  target: string,
  more: Asking = {},
): Promise<Answer> => stand().ask(method, target, { as, ...more });

async function stored(stand: Stand, as: Principal): Promise<unknown> {
  const answer = await ask(stand, as, "GET", "/customers?total=true");
  assert.equal(answer.status, 200, answer.text);
  return answer.json.total;
}

const ATTACKS = [
  "'; DROP TABLE customers; --",
  "' OR '1'='1",
  '" OR ""="',
  "\\'; SELECT pg_sleep(10); --",
  "1); DELETE FROM customers; --",
  "$1",
  "?",
  ":name",
  "%",
  "_",
  "#{7*7}{{7*7}}",
  "a\u2028b\u202ec",
  "😀\u{10ffff}",
  "\u0001\u001f\u007f",
];

onBothDatabases("what is sent to break in", (stand) => {
  test("is a text like any other where a text may be: it is stored, found and answered as it is", async () => {
    const as = somebody();
    for (const [index, text] of ATTACKS.entries()) {
      const body = {
        email: `m${people}-${index}@example.com`,
        full_name: text,
        metadata: { [text]: [text] },
      };
      const made = await ask(stand, as, "POST", "/customers", { body });
      assert.equal(made.status, 201, made.text);
      assert.deepEqual([made.json.full_name, made.json.metadata], [text, { [text]: [text] }]);
      const found = await ask(stand, as, "GET", `/customers?full_name=${encodeURIComponent(text)}`);
      assert.deepEqual(found.json.data, [made.json], text);
    }
    assert.equal(await stored(stand, as), ATTACKS.length);
  });

  test("names no column, no statement and no order in a query", async () => {
    const as = somebody();
    for (const text of [...ATTACKS, "owner", "revision", "id;", "id)--", "(SELECT 1)", "password", "note"]) {
      const word = encodeURIComponent(text);
      for (const query of [
        `${word}=1`,
        `${word}[gt]=1`,
        `full_name[${word}]=1`,
        `sort=${word}`,
        `sort=-${word}`,
        `fields=${word}`,
        `expand=${word}`,
        `limit=${word}`,
        `page=${word}`,
        `total=${word}`,
      ]) {
        const answer = await ask(stand, as, "GET", `/customers?${query}`);
        assert.deepEqual([answer.status, answer.json.error.code], [422, "VALIDATION_ERROR"], query);
      }
      const cursor = await ask(stand, as, "GET", `/customers?cursor=${word}`);
      assert.deepEqual([cursor.status, cursor.json.error.code], [400, "INVALID_CURSOR"]);
      const item = await ask(stand, as, "GET", `/customers/${word}`);
      assert.deepEqual([item.status, item.json.error.code], [404, "RESOURCE_NOT_FOUND"]);
    }
  });

  const email = '"email":"x@example.com"';
  const refused: readonly (readonly [what: string, body: string, status: number])[] = [
    ["an id", `{${email},"id":"cus_00000000000000000000000000"}`, 422],
    ["an owner", `{${email},"owner":"somebody"}`, 422],
    ["a time of creation", `{${email},"created_at":"2020-01-01T00:00:00Z"}`, 422],
    ["a revision", `{${email},"revision":99}`, 422],
    ["a deletion", `{${email},"deleted_at":null}`, 422],
    ["a field that needs a scope", `{${email},"note":"x"}`, 422],
    ["__proto__", `{${email},"__proto__":{"owner":"x"}}`, 400],
    ["constructor", `{${email},"constructor":{"name":"x"}}`, 422],
    ["a name twice", `{${email},"email":"y@example.com"}`, 400],
    ["NUL in a text", `{${email},"full_name":"a\\u0000b"}`, 422],
    ["NUL deep inside", `{${email},"metadata":{"a":[{"b":"\\u0000"}]}}`, 422],
    ["half a surrogate pair", `{${email},"full_name":"\\ud800"}`, 400],
    ["2^53 + 1", `{${email},"metadata":{"a":9007199254740993}}`, 422],
    ["1e400", `{${email},"metadata":{"a":1e400}}`, 400],
    ["65 levels", `{${email},"metadata":${'{"a":'.repeat(64)}1${"}".repeat(64)}}`, 400],
    [
      "10,001 names",
      `{${email},"metadata":{${Array.from({ length: 10_001 }, (_, i) => `"k${i}":1`).join()}}}`,
      400,
    ],
    ["10,000 unknown fields", `{${Array.from({ length: 10_000 }, (_, i) => `"k${i}":1`).join()}}`, 422],
    ["a list", `[{${email}}]`, 422],
    ["a byte order mark", `\ufeff{${email}}`, 400],
    ["the half of it", `{${email}`, 400],
    ["nothing", "", 400],
  ];

  test("is refused with what is wrong, and stores nothing", async () => {
    const as = somebody();
    for (const [what, body, status] of refused) {
      const answer = await ask(stand, as, "POST", "/customers", { body });
      assert.equal(answer.status, status, `${what}: ${answer.text}`);
      assert.doesNotMatch(answer.text, /sql|relation|constraint|node_modules/i, what);
    }
    assert.equal(await stored(stand, as), 0);
  });

  test("changes nothing of what is there", async () => {
    const as = somebody();
    const made = await ask(stand, as, "POST", "/customers", { body: { email: `m${people}@example.com` } });
    const place = `/customers/${made.json.id}`;
    for (const [what, body, status] of refused) {
      for (const method of ["PATCH", "PUT"]) {
        const answer = await ask(stand, as, method, place, { body });
        assert.equal(answer.status, status, `${method} ${what}: ${answer.text}`);
      }
    }
    const read = await ask(stand, as, "GET", place);
    assert.equal(read.text, made.text);
    assert.equal(read.headers["etag"], made.headers["etag"]);
  });

  test("is told at once: query, header and body in one refusal", async () => {
    const body = { id: "x", full_name: 1, quantity: 1 };
    const headers = { "If-Match": "no tag" };
    const answer = await ask(stand, somebody(), "POST", "/customers?fields=nope&x=1", { body, headers });
    assert.deepEqual([answer.status, answer.json.error.code], [422, "VALIDATION_ERROR"]);
    assert.deepEqual(
      answer.json.error.details.map(({ field }: { field: string }) => field),
      ["query.x", "query.fields", "header.If-Match", "id", "full_name", "quantity", "email"],
    );
  });
});
