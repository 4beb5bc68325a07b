import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { hasFormat, readDate, readDatetime } from "./field-formats.ts";
import type { FieldFormat } from "./resource.ts";

describe("a format of strings", () => {
  const cases: Readonly<Record<FieldFormat, { yes: readonly string[]; no: readonly string[] }>> = {
    email: {
      yes: ["a@b.co", "first.last+tag@sub.example.org", `${"a".repeat(64)}@b.co`],
      no: [
        "",
        "a",
        "a@b",
        "@b.co",
        "a@",
        "a b@c.de",
        "a@b.co\n",
        "a..b@c.de",
        `${"a".repeat(65)}@b.co`,
        "a@b@c.de",
      ],
    },
    uri: {
      yes: ["https://example.org/a?b=c#d", "urn:isbn:0451450523", "mailto:a@b.co", "https://[::1]:80/"],
      no: ["", "/relative", "example.org", "https://a b", "https://a/%zz", `https://a/${"a".repeat(9_000)}`],
    },
    uuid: {
      yes: ["9f1b3c1e-2d4a-7c8e-9b0a-1c2d3e4f5a6b", "9F1B3C1E-2D4A-7C8E-9B0A-1C2D3E4F5A6B"],
      no: [
        "",
        "9f1b3c1e2d4a7c8e9b0a1c2d3e4f5a6b",
        "urn:uuid:9f1b3c1e-2d4a-7c8e-9b0a-1c2d3e4f5a6b",
        "{9f1b3c1e}",
      ],
    },
    hostname: { yes: ["a", "a.example.org", "xn--bcher-kva.de"], no: ["", "-a.de", "a_b.de", "a..b", "a b"] },
    ipv4: { yes: ["127.0.0.1", "255.255.255.255"], no: ["", "256.1.1.1", "1.1.1", "01.1.1.1", "1.1.1.1 "] },
    ipv6: { yes: ["::", "2001:db8::1", "::ffff:1.2.3.4"], no: ["", ":::", "1:2:3", "g::", "::1%eth0 "] },
    phone: {
      yes: ["+493012345678", "+12025550123"],
      no: ["", "030123", "+0123456", "+49 30 1", "+1234567890123456"],
    },
    currency: { yes: ["EUR", "USD", "JPY"], no: ["", "eur", "EURO", "QQQ"] },
    country: { yes: ["DE", "US", "GB"], no: ["", "de", "DEU", "UK", "ZZ"] },
  };
  for (const [format, { yes, no }] of Object.entries(cases)) {
    test(`${format} takes what is one, and nothing else`, () => {
      for (const text of yes) assert.equal(hasFormat(format as FieldFormat, text), true, text);
      for (const text of no) assert.equal(hasFormat(format as FieldFormat, text), false, text);
    });
  }
});

describe("a point in time", () => {
  const cases: readonly (readonly [text: string, normal: string])[] = [
    ["2026-11-22T15:30:18Z", "2026-11-22T15:30:18.000Z"],
    ["2026-11-22t15:30:18z", "2026-11-22T15:30:18.000Z"],
    ["2026-11-22T15:30:18.1Z", "2026-11-22T15:30:18.100Z"],
    ["2026-11-22T15:30:18.123456Z", "2026-11-22T15:30:18.123456Z"],
    ["2026-11-22T15:30:18.123000999Z", "2026-11-22T15:30:18.123Z"],
    ["2026-11-22T15:30:18.000001+05:30", "2026-11-22T10:00:18.000001Z"],
    ["2026-01-01T00:30:00+01:00", "2025-12-31T23:30:00.000Z"],
    ["2026-12-31T23:30:00-01:00", "2027-01-01T00:30:00.000Z"],
    ["2026-11-22T15:30:18-00:00", "2026-11-22T15:30:18.000Z"],
    ["2024-02-29T00:00:00Z", "2024-02-29T00:00:00.000Z"],
    ["0001-01-01T00:00:00Z", "0001-01-01T00:00:00.000Z"],
  ];
  for (const [text, normal] of cases) {
    test(`${text} is kept as ${normal}`, () => assert.equal(readDatetime(text), normal));
  }

  const refused = [
    "2026-11-22",
    "2026-11-22T15:30Z",
    "2026-11-22T15:30:18",
    "2026-11-22 15:30:18Z",
    "2026-11-22T15:30:18+0100",
    "2026-11-22T24:00:00Z",
    "2026-11-22T23:60:00Z",
    "2016-12-31T23:59:60Z",
    "2026-02-29T00:00:00Z",
    "2026-02-30T00:00:00Z",
    "2026-13-01T00:00:00Z",
    "2026-00-01T00:00:00Z",
    "2026-11-00T00:00:00Z",
    "2026-11-22T15:30:18+24:00",
    "2026-11-22T15:30:18.Z",
    "0000-01-01T00:00:00Z",
    "0001-01-01T00:00:00+01:00",
    "9999-12-31T23:59:59-01:00",
    "+012026-11-22T15:30:18Z",
    "2026-11-22T15:30:18Z\n",
    "２026-11-22T15:30:18Z",
    "1763825418",
    "now",
    "infinity",
    "",
  ];
  for (const text of refused) {
    test(`${JSON.stringify(text)} is none`, () => assert.equal(readDatetime(text), null));
  }

  test("is the same moment as the language reads, to the millisecond, and is its own normal form", () => {
    const offset = fc.tuple(fc.constantFrom("+", "-"), fc.nat(23), fc.nat(59));
    const time = fc.date({ min: new Date("0002-01-01"), max: new Date("9998-12-31"), noInvalidDate: true });
    fc.assert(
      fc.property(time, offset, fc.nat(999), (date, [sign, hour, minute], micros) => {
        const two = (number: number) => String(number).padStart(2, "0");
        const text = `${date.toISOString().slice(0, 23)}${String(micros).padStart(3, "0")}${sign}${two(hour)}:${two(minute)}`;
        const normal = readDatetime(text);
        assert.ok(normal !== null, text);
        assert.equal(
          Date.parse(`${normal.slice(0, 23)}Z`),
          Date.parse(`${text.slice(0, 23)}${text.slice(26)}`),
        );
        assert.equal(readDatetime(normal), normal);
        assert.equal(normal.length, micros === 0 ? 24 : 27);
      }),
    );
  });
});

describe("a day", () => {
  test("is one that exists, in years with four digits", () => {
    for (const text of ["2026-11-22", "2024-02-29", "2000-02-29", "0001-01-01", "9999-12-31"]) {
      assert.equal(readDate(text), text);
    }
    for (const text of [
      "2026-02-29",
      "1900-02-29",
      "2026-04-31",
      "0000-01-01",
      "2026-1-1",
      "22.11.2026",
      "2026-11-22T00:00:00Z",
      "",
    ]) {
      assert.equal(readDate(text), null, text);
    }
  });
});
