import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { fieldName, Headers } from "../core/headers.ts";
import { continueTrace, forwardsBaggage, RANDOM, SAMPLED, type TraceContext } from "./trace-context.ts";

// Most vectors follow the W3C's own suite (github.com/w3c/trace-context, test/test.py).

const TRACE_ID = "12345678901234567890123456789012";
const PARENT_ID = "1234567890123456";
const VALID = `00-${TRACE_ID}-${PARENT_ID}-01`;

/** Any UTF-16, lone surrogates included. */
const anyText = fc.array(fc.nat(0xffff)).map((codes) => String.fromCharCode(...codes));

function received(...fields: readonly [name: string, value: string][]): TraceContext {
  const headers = new Headers();
  headers.append("Host", "api.example.com");
  // Past the checks of `append`, so that these guarantees hold without them.
  for (const [name, value] of fields) headers.received(fieldName(name), value);
  return continueTrace(headers);
}

const withParent = (traceparent: string): TraceContext => received(["traceparent", traceparent]);

/** What follows our own entry in the tracestate that goes with a valid traceparent. */
function passedOn(...lines: readonly string[]): string {
  const context = received(
    ["traceparent", VALID],
    ...lines.map((line): [string, string] => ["tracestate", line]),
  );
  assert.equal(context.traceId, TRACE_ID, "tracestate must not affect traceparent");
  const own = `turnpike=${context.spanId}`;
  if (context.tracestate === own) return "";
  assert.ok(context.tracestate.startsWith(`${own},`), context.tracestate);
  return context.tracestate.slice(own.length + 1);
}

function assertStarted(context: TraceContext): void {
  assert.notEqual(context.traceId, TRACE_ID);
  assert.equal(context.parentId, undefined);
  assert.equal(context.flags, SAMPLED | RANDOM);
  assert.match(context.traceparent, /^00-[0-9a-f]{32}-[0-9a-f]{16}-03$/);
  assert.equal(context.traceparent, `00-${context.traceId}-${context.spanId}-03`);
  assert.equal(context.tracestate, "");
}

describe("continueTrace without traceparent", () => {
  test("starts a sampled trace with a random id", () => assertStarted(received()));

  test("starts a new trace and a new span each time", () => {
    const contexts = Array.from({ length: 1000 }, () => received());
    assert.equal(new Set(contexts.map((context) => context.traceId)).size, 1000);
    assert.equal(new Set(contexts.map((context) => context.spanId)).size, 1000);
  });

  test("drops a tracestate that came alone", () => assertStarted(received(["tracestate", "foo=1,bar=2"])));

  test("does not take other names for it", () => {
    assertStarted(received(["trace-parent", VALID]));
    assertStarted(received(["trace.parent", VALID]));
  });
});

describe("continueTrace with a valid traceparent", () => {
  test("stays in the trace with a span id of its own", () => {
    const context = withParent(VALID);
    assert.equal(context.traceId, TRACE_ID);
    assert.equal(context.parentId, PARENT_ID);
    assert.match(context.spanId, /^[0-9a-f]{16}$/);
    assert.notEqual(context.spanId, PARENT_ID);
    assert.equal(context.traceparent, `00-${TRACE_ID}-${context.spanId}-01`);
  });

  test("gives every call of a trace another span id", () => {
    const spans = new Set(Array.from({ length: 1000 }, () => withParent(VALID).spanId));
    assert.equal(spans.size, 1000);
  });

  const flags: readonly [received: string, sent: string][] = [
    ["00", "00"],
    ["01", "01"],
    ["02", "02"],
    ["03", "03"],
    ["04", "00"],
    ["09", "01"],
    ["fe", "02"],
    ["ff", "03"],
  ];
  for (const [sent, kept] of flags) {
    test(`passes the flags ${sent} on as ${kept}`, () => {
      const context = withParent(`00-${TRACE_ID}-${PARENT_ID}-${sent}`);
      assert.equal(context.traceparent.slice(-2), kept);
      assert.equal(context.flags, Number.parseInt(kept, 16));
    });
  }

  for (const name of ["TraceParent", "TrAcEpArEnT", "TRACEPARENT"]) {
    test(`knows the field as ${name}`, () => assert.equal(received([name, VALID]).traceId, TRACE_ID));
  }

  for (const [before, after] of [
    [" ", ""],
    ["\t", ""],
    ["", " "],
    ["", "\t"],
    ["\t ", " \t"],
  ]) {
    test(`ignores white space around the value: ${JSON.stringify([before, after])}`, () => {
      assert.equal(withParent(`${before}${VALID}${after}`).traceId, TRACE_ID);
    });
  }

  const future: readonly string[] = [
    `cc-${TRACE_ID}-${PARENT_ID}-01`,
    `cc-${TRACE_ID}-${PARENT_ID}-01-what-the-future-will-be-like`,
    `01-${TRACE_ID}-${PARENT_ID}-01-`,
    `fe-${TRACE_ID}-${PARENT_ID}-01-é`,
  ];
  for (const value of future) {
    test(`reads a later version and answers in version 00: ${value}`, () => {
      const context = withParent(value);
      assert.equal(context.traceparent, `00-${TRACE_ID}-${context.spanId}-01`);
    });
  }
});

describe("continueTrace with a traceparent that breaks a rule", () => {
  const broken: readonly [why: string, value: string][] = [
    ["empty", ""],
    ["trace id all zero", `00-${"0".repeat(32)}-${PARENT_ID}-01`],
    ["parent id all zero", `00-${TRACE_ID}-${"0".repeat(16)}-01`],
    ["trace id all zero in a later version", `01-${"0".repeat(32)}-${PARENT_ID}-01`],
    ["upper-case hex in the trace id", `00-${TRACE_ID.slice(0, 31)}A-${PARENT_ID}-01`],
    ["upper-case hex in the parent id", `00-${TRACE_ID}-${PARENT_ID.slice(0, 15)}A-01`],
    ["upper-case hex in the flags", `00-${TRACE_ID}-${PARENT_ID}-0A`],
    ["upper-case hex in the version", `CC-${TRACE_ID}-${PARENT_ID}-01`],
    ["upper-case hex in a later version", `cc-${TRACE_ID.slice(0, 31)}A-${PARENT_ID}-01`],
    ["no hex at the start of the trace id", `00-.${TRACE_ID.slice(1)}-${PARENT_ID}-01`],
    ["no hex at the end of the trace id", `00-${TRACE_ID.slice(1)}.-${PARENT_ID}-01`],
    ["no hex at the start of the parent id", `00-${TRACE_ID}-.${PARENT_ID.slice(1)}-01`],
    ["no hex at the end of the parent id", `00-${TRACE_ID}-${PARENT_ID.slice(1)}.-01`],
    ["no hex in the flags (first)", `00-${TRACE_ID}-${PARENT_ID}-.0`],
    ["no hex in the flags (second)", `00-${TRACE_ID}-${PARENT_ID}-0.`],
    ["no hex in the version (first)", `.0-${TRACE_ID}-${PARENT_ID}-01`],
    ["no hex in the version (second)", `0.-${TRACE_ID}-${PARENT_ID}-01`],
    ["trace id too long", `00-${TRACE_ID}3-${PARENT_ID}-01`],
    ["trace id too short", `00-${TRACE_ID.slice(1)}-${PARENT_ID}-01`],
    ["parent id too long", `00-${TRACE_ID}-${PARENT_ID}7-01`],
    ["parent id too short", `00-${TRACE_ID}-${PARENT_ID.slice(1)}-01`],
    ["flags too long", `00-${TRACE_ID}-${PARENT_ID}-001`],
    ["flags too short", `00-${TRACE_ID}-${PARENT_ID}-1`],
    ["version too long", `000-${TRACE_ID}-${PARENT_ID}-01`],
    ["version much too long", `0000-${TRACE_ID}-${PARENT_ID}-01`],
    ["version too short", `0-${TRACE_ID}-${PARENT_ID}-01`],
    ["version ff", `ff-${TRACE_ID}-${PARENT_ID}-01`],
    ["version ff with more fields", `ff-${TRACE_ID}-${PARENT_ID}-01-x`],
    ["version 00 with a character behind", `00-${TRACE_ID}-${PARENT_ID}-01.`],
    ["version 00 with a dash behind", `00-${TRACE_ID}-${PARENT_ID}-01-`],
    ["version 00 with more fields", `00-${TRACE_ID}-${PARENT_ID}-01-what-the-future-will-be-like`],
    ["later version without a dash behind the flags", `cc-${TRACE_ID}-${PARENT_ID}-01.what-the-future`],
    ["later version that is too short", `cc-${TRACE_ID}-${PARENT_ID}-0`],
    ["other delimiters", `00_${TRACE_ID}_${PARENT_ID}_01`],
    ["white space inside", `00- ${TRACE_ID.slice(1)}-${PARENT_ID}-01`],
    ["white space that is neither space nor tab", `\u00a0${VALID}`],
    ["two values in one line", `${VALID}, ${VALID}`],
  ];
  for (const [why, value] of broken) {
    test(`starts a new trace and drops tracestate: ${why}`, () => {
      assertStarted(received(["traceparent", value], ["tracestate", "foo=1"]));
    });
  }

  test("starts a new trace for two lines, even where they are the same", () => {
    assertStarted(received(["traceparent", VALID], ["traceparent", VALID], ["tracestate", "foo=1"]));
    assertStarted(received(["traceparent", VALID], ["TraceParent", VALID.replace("9012-", "9011-")]));
    assertStarted(received(["traceparent", VALID], ["traceparent", ""]));
  });

  test("always sends a traceparent that it would accept itself", () => {
    fc.assert(
      fc.property(anyText, anyText, (parent, state) => {
        const context = received(["traceparent", parent], ["tracestate", state]);
        assert.equal(withParent(context.traceparent).traceId, context.traceId);
      }),
    );
  });
});

describe("tracestate", () => {
  const members = (from: number, to: number): string =>
    Array.from({ length: to - from + 1 }, (_, i) => `bar${from + i}=${from + i}`).join(",");

  const keyCharacters = "abcdefghijklmnopqrstuvwxyz0123456789_-*/@";
  const valueCharacters = String.fromCharCode(...Array.from({ length: 95 }, (_, i) => 0x20 + i)).replace(
    /[,=]/g,
    "",
  );

  const accepted: readonly [why: string, lines: readonly string[], sent: string][] = [
    ["one member", ["foo=1"], "foo=1"],
    ["two members in order", ["foo=1,bar=2"], "foo=1,bar=2"],
    [
      "several lines in order",
      ["foo=1,bar=2", "rojo=1,congo=2", "baz=3"],
      "foo=1,bar=2,rojo=1,congo=2,baz=3",
    ],
    ["no field at all", [], ""],
    ["an empty line", [""], ""],
    ["an empty line behind", ["foo=1", ""], "foo=1"],
    ["an empty line before", ["", "foo=1"], "foo=1"],
    ["empty members", [",foo=1,, \t ,bar=2,"], "foo=1,bar=2"],
    ["white space around members", ["foo=1 \t , \t bar=2, \t baz=3"], "foo=1,bar=2,baz=3"],
    ["white space around the line", ["\t foo=1 \t"], "foo=1"],
    ["a space at the start of a value, which belongs to it", ["foo= 1"], "foo= 1"],
    ["spaces inside a value", ["foo=a  b"], "foo=a  b"],
    ["duplicate keys of others, which are kept", ["foo=1,foo=1", "foo=2"], "foo=1,foo=1,foo=2"],
    ["every character of a key", [`${keyCharacters}=1`], `${keyCharacters}=1`],
    ["every character of a value", [`foo=${valueCharacters}`], `foo=${valueCharacters}`],
    ["a key that starts with a digit", ["0a=1"], "0a=1"],
    ["a key of several @, which level 2 allows", ["foo@@bar@=1"], "foo@@bar@=1"],
    ["a key of 256 characters", [`foo=1,${"z".repeat(256)}=1`], `foo=1,${"z".repeat(256)}=1`],
    ["a value of 256 characters", [`foo=${"z".repeat(256)}`], `foo=${"z".repeat(256)}`],
    ["our entry of an earlier passage, replaced", ["foo=1,turnpike=00f067aa0ba902b7,bar=2"], "foo=1,bar=2"],
    ["several old entries of ours", ["turnpike=1,turnpike=2"], ""],
    ["a key that only starts like ours", ["turnpike2=1"], "turnpike2=1"],
    ["31 members", [members(1, 31)], members(1, 31)],
    ["32 members, the last of which makes room for ours", [members(1, 32)], members(1, 31)],
    ["32 members over lines", [members(1, 10), members(11, 32)], members(1, 31)],
    ["32 members with ours among them", [`${members(1, 31)},turnpike=1`], members(1, 31)],
    ["32 members and empty ones", [`,${members(1, 31)},,`], members(1, 31)],
  ];
  for (const [why, lines, sent] of accepted) {
    test(`passes on: ${why}`, () => assert.equal(passedOn(...lines), sent));
  }

  const dropped: readonly [why: string, ...lines: string[]][] = [
    ["33 members", members(1, 33)],
    ["33 members over lines", members(1, 10), members(11, 33)],
    ["a key of 257 characters", `foo=1,${"z".repeat(257)}=1`],
    ["a value of 257 characters", `foo=1,bar=${"z".repeat(257)}`],
    ["a space behind a key", "foo =1"],
    ["an upper-case key", "FOO=1"],
    ["a dot in a key", "foo.bar=1"],
    ["a key that starts with @", "@foo=1,bar=2"],
    ["a key that starts with _", "_foo=1"],
    ["no key", "=1"],
    ["no value", "foo=,bar=3"],
    ["a value of spaces", "foo=  ,bar=3"],
    ["no equals sign", "foo,bar=3"],
    ["an equals sign in a value", "foo=bar=baz"],
    ["a tab in a value", "foo=a\tb"],
    ["a value beyond ASCII", "foo=é"],
    ["a control character in a value", "foo=a\x7fb"],
    ["one bad line among good ones", "foo=1", "BAR=2"],
  ];
  for (const [why, ...lines] of dropped) {
    test(`is dropped as a whole, but not the trace: ${why}`, () => assert.equal(passedOn(...lines), ""));
  }

  test("names us first, with our span id", () => {
    const context = received(["traceparent", VALID], ["tracestate", "congo=t61rcWkgMzE"]);
    assert.equal(context.tracestate, `turnpike=${context.spanId},congo=t61rcWkgMzE`);
  });

  test("never has more than 32 members, one of ours, and no line break", () => {
    const member = fc.string({ unit: fc.constantFrom(..."ab=, \t\r\n"), maxLength: 6 });
    fc.assert(
      fc.property(fc.array(fc.oneof(member, fc.constant("turnpike=1"), fc.constant("a=1"))), (parts) => {
        const { tracestate } = received(["traceparent", VALID], ["tracestate", parts.join(",")]);
        const list = tracestate.split(",");
        assert.ok(list.length <= 32);
        assert.equal(list.filter((entry) => entry.startsWith("turnpike=")).length, 1);
        assert.doesNotMatch(tracestate, /[\r\n]/);
      }),
    );
  });
});

describe("forwardsBaggage", () => {
  const headersWith = (...values: readonly string[]): Headers => {
    const headers = new Headers();
    for (const value of values) headers.append("Baggage", value);
    return headers;
  };

  test("lets a trusted peer's baggage through up to 8192 bytes, all lines together", () => {
    assert.equal(forwardsBaggage(headersWith("userId=alice"), true), true);
    assert.equal(forwardsBaggage(headersWith("a".repeat(8192)), true), true);
    assert.equal(forwardsBaggage(headersWith("a".repeat(4096), "b".repeat(4095)), true), true);
    assert.equal(forwardsBaggage(headersWith("a".repeat(8193)), true), false);
    assert.equal(forwardsBaggage(headersWith("a".repeat(4096), "b".repeat(4096)), true), false);
  });

  test("strips baggage of anybody else", () => {
    assert.equal(forwardsBaggage(headersWith("userId=alice"), false), false);
  });

  test("has nothing to forward where there is none", () => {
    assert.equal(forwardsBaggage(headersWith(), true), false);
  });
});
