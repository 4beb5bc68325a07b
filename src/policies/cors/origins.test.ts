import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { Origins, readOrigin } from "./origins.ts";

/** As a config would have it. */
function origins(entries: readonly string[], nullOrigin = false): Origins {
  const read = entries.map((entry) => {
    const result = readOrigin(entry);
    assert.ok("origin" in result, entry);
    return result.origin;
  });
  return new Origins(read, nullOrigin);
}

describe("an origin of a config", () => {
  const taken: readonly (readonly [written: string, origin: string])[] = [
    ["https://shop.example", "https://shop.example"],
    ["HTTPS://Shop.Example", "https://shop.example"],
    ["https://shop.example:443", "https://shop.example"],
    ["http://shop.example:80", "http://shop.example"],
    ["http://shop.example:443", "http://shop.example:443"],
    ["https://shop.example:8443", "https://shop.example:8443"],
    ["https://shop.example:0443", "https://shop.example"],
    ["https://shop.example:08443", "https://shop.example:8443"],
    ["https://bücher.example", "https://xn--bcher-kva.example"],
    ["http://localhost:3000", "http://localhost:3000"],
    ["http://127.0.0.1:3000", "http://127.0.0.1:3000"],
    ["http://[::1]:3000", "http://[::1]:3000"],
    ["http://[0:0:0:0:0:0:0:1]", "http://[::1]"],
    ["capacitor://localhost", "capacitor://localhost"],
    ["chrome-extension://abcdefghijklmnop", "chrome-extension://abcdefghijklmnop"],
    ["https://*.shop.example", "https://*.shop.example"],
    ["https://*.Shop.Example:8443", "https://*.shop.example:8443"],
    ["https://*.bücher.example", "https://*.xn--bcher-kva.example"],
    ["https://pr-*.shop.example", "https://pr-*.shop.example"],
    ["https://*-shop.vercel.app", "https://*-shop.vercel.app"],
    ["http://*.localhost", "http://*.localhost"],
    ["http://localhost:*", "http://localhost:*"],
    ["*", "*"],
  ];
  for (const [written, origin] of taken) {
    test(`${written} is ${origin}`, () => assert.deepEqual(readOrigin(written), { origin }));
  }

  const refused: readonly (readonly [written: string, problem: RegExp])[] = [
    ["", /starts with a scheme/],
    ["shop.example", /starts with a scheme/],
    ["//shop.example", /starts with a scheme/],
    ["https:shop.example", /starts with a scheme/],
    ["https://", /starts with a scheme/],
    ["null", /write nullOrigin: true/],
    ["https://shop.example/", /has no path, write "https:\/\/shop\.example"/],
    ["https://Shop.example/a/b", /has no path, write "https:\/\/shop\.example"/],
    ["https://shop.example?a", /has no path/],
    ["https://shop.example#a", /has no path/],
    ["https://me@shop.example", /needs the name of a host/],
    ["https://:443", /needs the name of a host/],
    ["https://shop example", /needs the name of a host/],
    ["https://shop..example", /needs the name of a host/],
    ["https://shop.example\r\nX", /needs the name of a host/],
    ["https://shop\n.example", /needs the name of a host/],
    ["https://0x7f.1", /needs the name of a host/],
    ["https://shop.example:", /port is a number, or \*/],
    ["https://shop.example:0", /port is a number/],
    ["https://shop.example:65536", /port is a number/],
    ["https://shop.example:80a", /port is a number/],
    ["https://*", /behind a \* comes a domain/],
    ["https://*:443", /behind a \* comes a domain/],
    ["https://*.", /behind a \* comes a domain/],
    ["https://*.10.0.0.1", /behind a \* comes a domain/],
    ["https://*.[::1]", /port is a number/],
    ["https://*shop.example", /anybody could register such a name/],
    ["https://*-shop.example", /anybody could register such a name/],
    ["https://shop-*.example", /anybody could register such a name/],
    ["https://shop.*.example", /only be in the first label/],
    ["https://shop.*", /only be in the first label/],
    ["https://*.*.shop.example", /one \* only/],
    ["https://*.shop.example:*", /one \* only/],
    ["https://ü*.shop.example", /only be in the first label/],
    ["*://shop.example", /starts with a scheme/],
    ["**", /starts with a scheme/],
  ];
  for (const [written, problem] of refused) {
    test(`${JSON.stringify(written)} is refused`, () => {
      const read = readOrigin(written);
      assert.ok("problem" in read);
      assert.match(read.problem, problem);
    });
  }

  test("is one line whatever comes in, and what is taken is taken again as it is", () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.string(), fc.webUrl(), fc.string({ unit: fc.constantFrom(..."htps:/.*a-[]@0") })),
        (text) => {
          const read = readOrigin(text);
          if ("problem" in read) assert.doesNotMatch(read.problem, /[\r\n]/);
          else assert.deepEqual(readOrigin(read.origin), read);
        },
      ),
      { numRuns: 1000 },
    );
  });
});

describe("allowed origins", () => {
  const rows: readonly (readonly [entry: string, allowed: readonly string[], others: readonly string[]])[] = [
    [
      "https://shop.example",
      ["https://shop.example"],
      [
        "",
        "null",
        "*",
        "http://shop.example",
        "https://shop.example:443",
        "https://shop.example:8443",
        "https://shop.example/",
        "https://shop.example.",
        "https://SHOP.example",
        "HTTPS://shop.example",
        "https://www.shop.example",
        "https://shop.example.evil.io",
        "https://evilshop.example",
        "https://shop.exampleevil",
        "https://shop.example, https://evil.io",
        "https://shop.example https://evil.io",
        "https://evil.io/https://shop.example",
        "https://shop.example@evil.io",
        "shop.example",
      ],
    ],
    [
      "https://*.a.com",
      [
        "https://x.a.com",
        "https://x-y.a.com",
        "https://x_y.a.com",
        "https://0.a.com",
        "https://xn--bcher-kva.a.com",
      ],
      [
        "https://a.com",
        "https://.a.com",
        "https://eviLa.com",
        "https://evila.com",
        "https://x.y.a.com",
        "https://x.a.com.evil.io",
        "https://evil.io/.a.com",
        "https://evil.io#.a.com",
        "https://evil.io?.a.com",
        "https://evil.io:80.a.com",
        "https://me@x.a.com",
        "https://x.a.com:8443",
        "http://x.a.com",
        "https://X.a.com",
        "https://*.a.com",
        "https://x a.a.com",
        "https://x%00.a.com",
      ],
    ],
    [
      "https://pr-*.shop.example:8443",
      ["https://pr-1.shop.example:8443", "https://pr-a-b.shop.example:8443"],
      [
        "https://pr-.shop.example:8443",
        "https://pr-1.shop.example",
        "https://pr-1.x.shop.example:8443",
        "https://xpr-1.shop.example:8443",
      ],
    ],
    [
      "http://localhost:*",
      ["http://localhost:3000", "http://localhost:5173"],
      [
        "http://localhost",
        "http://localhost:",
        "https://localhost:3000",
        "http://localhost:3000.evil.io",
        "http://localhost:3000/",
        "http://localhost.evil.io:3000",
      ],
    ],
    ["http://[::1]:3000", ["http://[::1]:3000"], ["http://[::1]", "http://[::2]:3000"]],
  ];
  for (const [entry, allowed, others] of rows) {
    const compiled = origins([entry]);
    for (const origin of allowed)
      test(`of ${entry} are ${origin}`, () => assert.equal(compiled.allow(origin), true));
    for (const origin of others)
      test(`of ${entry} are not ${JSON.stringify(origin)}`, () =>
        assert.equal(compiled.allow(origin), false));
  }

  test("are all with *", () => {
    const all = origins(["*"]);
    assert.equal(all.any, true);
    for (const origin of ["null", "https://a.com", "x"]) assert.equal(all.allow(origin), true);
  });

  test("have null only where it is asked for", () => {
    assert.equal(origins(["https://a.com"]).allow("null"), false);
    assert.equal(origins(["https://a.com"], true).allow("null"), true);
  });

  test("of a pattern are one label under its domain, for whatever is sent", () => {
    const pattern = origins(["https://*.a.com"]);
    const text = fc.string({
      unit: fc.constantFrom(..."ab.:/-@*[ ", "a.com", "https://", ".a.com"),
      maxLength: 8,
    });
    fc.assert(
      fc.property(
        fc.oneof(
          text,
          text.map((middle) => `https://${middle}.a.com`),
        ),
        (origin) => {
          const url = URL.parse(origin);
          const label = url?.origin === origin ? /^([a-z0-9_-]+)\.a\.com$/.exec(url.host)?.[1] : undefined;
          // What URLs refuse as a host (a hyphen at an end of Punycode) no browser sends.
          if (label !== undefined) assert.equal(pattern.allow(origin), url?.protocol === "https:");
          else if (pattern.allow(origin)) assert.match(origin, /^https:\/\/[a-z0-9_-]+\.a\.com$/);
        },
      ),
      { numRuns: 2000 },
    );
  });
});
