import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { fieldName, Headers, Kind } from "./headers.ts";

function made(...fields: readonly (readonly [string, string])[]): Headers {
  const headers = new Headers();
  for (const [name, value] of fields) headers.append(name, value);
  return headers;
}

describe("a list of header fields", () => {
  const headers = made(["Accept", "a"], ["X-One", "1"], ["ACCEPT", "b"]);

  test("keeps order, spelling and repetition", () => {
    assert.deepEqual(
      [...headers],
      [
        ["Accept", "a"],
        ["X-One", "1"],
        ["ACCEPT", "b"],
      ],
    );
  });

  test("finds fields by their lower-case name, however they were spelt", () => {
    assert.equal(headers.get("accept"), "a");
    assert.deepEqual(headers.all("accept"), ["a", "b"]);
    assert.equal(headers.has("x-one"), true);
    assert.equal(headers.get("x-two"), undefined);
    assert.deepEqual(headers.all("x-two"), []);
  });

  test("knows an empty value from no field", () => {
    assert.equal(made(["X-Empty", ""]).has("x-empty"), true);
  });

  test("has exactly one field of a name that was set", () => {
    const changed = made(["A", "1"], ["B", "2"], ["a", "3"]);
    changed.set("A", "4");
    assert.deepEqual(
      [...changed],
      [
        ["B", "2"],
        ["A", "4"],
      ],
    );
  });

  test("has no field of a name that was deleted, neighbours included", () => {
    const changed = made(["A", "1"], ["a", "2"], ["B", "3"], ["A", "4"]);
    changed.delete("a");
    assert.deepEqual([...changed], [["B", "3"]]);
    assert.equal(changed.size, 1);
  });

  test("refuses a name that would break the message apart", () => {
    for (const name of ["", "a b", "a:", "a\r\nb", "ä", "a\0", "(a)", "a\t"]) {
      assert.throws(() => made([name, "x"]), TypeError, JSON.stringify(name));
    }
  });

  test("refuses a value that would break the message apart", () => {
    for (const value of ["a\r\nb", "a\nb", "a\rb", "a\0b", "\x7f", "\x1b[0m", "€"]) {
      assert.throws(() => made(["X", value]), TypeError, JSON.stringify(value));
    }
  });

  test("takes tabs and bytes from 0x80 in a value", () => {
    assert.equal(made(["X", "a\tb\x80\xff"]).get("x"), "a\tb\x80\xff");
  });

  test("does not blame a value of one line for looking like two in the message that it throws", () => {
    assert.throws(() => made(["X", "a\nb"]), { message: /^[^\n]*$/ });
  });

  test("says at once which kinds of fields it holds", () => {
    const kinds = made(["Connection", "x"], ["Content-Length", "1"]).kinds;
    assert.equal(kinds & Kind.hop, Kind.hop);
    assert.equal(kinds & Kind.framing, Kind.framing);
    assert.equal(kinds & Kind.provenance, 0);
  });
});

describe("the name of a header field", () => {
  test("is one object for one spelling", () => {
    assert.equal(fieldName("X-Interned"), fieldName("X-Interned"));
    assert.notEqual(fieldName("x-interned"), fieldName("X-Interned"));
  });

  const kinds: readonly (readonly [kind: keyof typeof Kind, names: string])[] = [
    // RFC 9110 §7.6.1 and the fields that come from it.
    ["hop", "Connection Keep-Alive Proxy-Connection TE Trailer Upgrade Expect Proxy-Authorization"],
    ["framing", "Transfer-Encoding Content-Length Host"],
    ["provenance", "Via Forwarded X-Forwarded-For X-Forwarded-Proto X-Real-IP X-Request-Id traceparent"],
    ["software", "Server X-Powered-By"],
    ["secured", "Authorization Cookie Set-Cookie Host Content-Type X-Forwarded-For Cache-Control"],
  ];
  for (const [kind, names] of kinds) {
    test(`is of kind ${kind} in any case: ${names}`, () => {
      for (const name of names.split(" ")) {
        for (const spelt of [name, name.toLowerCase(), name.toUpperCase()]) {
          assert.notEqual(fieldName(spelt).kind & Kind[kind], 0, spelt);
        }
      }
    });
  }

  test("is of no kind when it is the application's", () => {
    for (const name of ["X-User", "Accept", "Content-Language", "Hosts", "X-Connection"]) {
      assert.equal(fieldName(name).kind, 0, name);
    }
  });

  test("is right past the number of spellings that are remembered", () => {
    for (let i = 0; i < 5000; i++) fieldName(`X-Many-${i}`);
    assert.deepEqual(fieldName("X-Many-4999"), {
      name: "X-Many-4999",
      lower: "x-many-4999",
      start: "X-Many-4999: ",
      kind: 0,
    });
    assert.notEqual(fieldName("tRaNsFeR-eNcOdInG").kind & Kind.framing, 0);
  });
});

describe("what an answer depends on", () => {
  const rows: readonly (readonly [said: readonly string[], added: readonly string[], all: string])[] = [
    [[], ["Origin"], "Origin"],
    [["Accept"], ["Origin"], "Accept, Origin"],
    [["Accept", "Accept-Language"], ["Origin"], "Accept, Accept-Language, Origin"],
    [["Accept"], ["Origin", "API-Version"], "Accept, Origin, API-Version"],
    [["accept,origin"], ["Origin"], "accept, origin"],
    [["Accept"], ["*"], "*"],
    [["*"], ["Origin"], "*"],
    [[""], ["Origin"], "Origin"],
    [["Origin"], [" , "], "Origin"],
  ];
  for (const [said, added, all] of rows) {
    test(`is ${all} after ${JSON.stringify(said)} and ${JSON.stringify(added)}`, () => {
      const headers = made(["X-One", "1"], ...said.map((value) => ["Vary", value] as const));
      for (const value of added) headers.vary(value);
      assert.deepEqual(headers.all("vary"), [all]);
      assert.equal(headers.get("x-one"), "1");
    });
  }
});

test("a copy without some kinds of fields keeps the others in order, and leaves the original alone", () => {
  const headers = made(
    ["A", "1"],
    ["Vary", "x"],
    ["Access-Control-Max-Age", "1"],
    ["Set-Cookie", "b"],
    ["A", "2"],
  );
  headers.nominated = ["a"];
  const copy = headers.without(Kind.cors | Kind.vary);
  assert.deepEqual(
    [...copy],
    [
      ["A", "1"],
      ["Set-Cookie", "b"],
      ["A", "2"],
    ],
  );
  assert.equal(copy.kinds & (Kind.cors | Kind.vary), 0);
  assert.equal(copy.kinds & Kind.secured, Kind.secured);
  assert.deepEqual(copy.nominated, ["a"]);
  assert.equal(headers.size, 5);
});
