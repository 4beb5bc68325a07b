import assert from "node:assert/strict";
import { isIP, isIPv6, SocketAddress } from "node:net";
import { describe, test } from "node:test";
import fc from "fast-check";
import type { Request } from "../core/call.ts";
import { fieldName, Headers } from "../core/headers.ts";
import { type ClientAddress, forwardedFields, makeClientAddress } from "./client-address.ts";

interface Received {
  readonly peer?: string;
  readonly secure?: boolean;
  readonly localPort?: number;
  readonly host?: string;
  readonly fields?: readonly (readonly [name: string, value: string])[];
}

function requestFrom(received: Received): Request {
  const headers = new Headers();
  // Past the checks of `append`, so that these guarantees hold without them.
  for (const [name, value] of received.fields ?? []) headers.received(fieldName(name), value);
  return {
    method: "GET",
    target: "/",
    path: "/",
    query: "",
    host: received.host ?? "api.example.com",
    version: "1.1",
    headers,
    body: null,
    upgrade: null,
    peer: {
      address: received.peer ?? "10.0.0.1",
      port: 40000,
      secure: received.secure ?? false,
      localPort: received.localPort ?? 8080,
    },
  };
}

const TRUSTED: readonly string[] = ["10.0.0.0/8", "fd00::/8", "192.0.2.1"];

const seenBy = (trustedProxies: readonly string[], received: Received): ClientAddress =>
  makeClientAddress(trustedProxies)(requestFrom(received));

const clientIp = (...forwardedFor: readonly string[]): string =>
  seenBy(TRUSTED, { fields: forwardedFor.map((value) => ["X-Forwarded-For", value] as const) }).clientIp;

/** The lines for the upstream, by name. */
function sent(received: Received, trustedProxies: readonly string[] = TRUSTED): Record<string, string> {
  const request = requestFrom(received);
  const text = forwardedFields(request, makeClientAddress(trustedProxies)(request));
  assert.match(text, /^(?:[A-Za-z-]+: [\t -~]+\r\n)*$/);
  const lines = text.split("\r\n").slice(0, -1);
  const byName = Object.fromEntries(lines.map((line) => line.split(/: (.*)/, 2) as [string, string]));
  assert.equal(Object.keys(byName).length, lines.length, "one line a name");
  return byName;
}

const SPOOFED: readonly (readonly [string, string])[] = [
  ["X-Forwarded-For", "1.1.1.1"],
  ["x-forwarded-for", "127.0.0.1, 10.0.0.9"],
  ["X-Forwarded-Proto", "https"],
  ["X-Forwarded-Host", "evil.example"],
  ["X-Forwarded-Port", "443"],
  ["X-Real-IP", "1.1.1.1"],
  ["Forwarded", "for=1.1.1.1;proto=https;host=evil.example"],
];

describe("the client of an untrusted peer", () => {
  test("is the peer, whatever it says of itself", () => {
    for (const trustedProxies of [[], TRUSTED]) {
      const client = seenBy(trustedProxies, { peer: "203.0.113.7", fields: SPOOFED });
      assert.equal(client.trusted, false);
      assert.equal(client.clientIp, "203.0.113.7");
      assert.equal(client.scheme, "http");
      assert.equal(client.host, "api.example.com");
      assert.equal(client.port, 8080);
    }
  });

  test("is the same one for a thousand forged addresses, so that a limit per address holds", () => {
    const locate = makeClientAddress(TRUSTED);
    const seen = new Set<string>();
    for (let i = 0; i < 1000; i++) {
      const forged = `${i % 256}.${i % 7}.0.${i % 251}`;
      seen.add(locate(requestFrom({ peer: "203.0.113.7", fields: [["X-Forwarded-For", forged]] })).clientIp);
    }
    assert.deepEqual([...seen], ["203.0.113.7"]);
  });

  test("used https if its connection is secure", () => {
    assert.equal(seenBy([], { peer: "203.0.113.7", secure: true }).scheme, "https");
  });

  test("is told apart by the port and security of each of its connections", () => {
    const locate = makeClientAddress([]);
    const seen = [
      { localPort: 80, secure: false },
      { localPort: 443, secure: true },
      { localPort: 80, secure: false },
    ].map((connection) => locate(requestFrom({ peer: "203.0.113.7", ...connection })));
    assert.deepEqual(
      seen.map(({ port, scheme }) => `${scheme} ${port}`),
      ["http 80", "https 443", "http 80"],
    );
  });

  test("is found for more peers than are remembered", () => {
    const locate = makeClientAddress(TRUSTED);
    for (let i = 0; i < 10_000; i++) {
      const peer = `203.${i >> 16}.${(i >> 8) & 255}.${i & 255}`;
      assert.equal(locate(requestFrom({ peer })).clientIp, peer);
    }
    assert.equal(locate(requestFrom({ peer: "10.0.0.1" })).trusted, true);
  });

  const peers: readonly [address: string, clientIp: string][] = [
    ["::ffff:203.0.113.7", "203.0.113.7"],
    ["2001:DB8:0:0::7", "2001:db8::7"],
    ["fe80::1%eth0", "fe80::1"],
    ["", "unknown"],
  ];
  for (const [address, expected] of peers) {
    test(`is ${expected} for the peer "${address}"`, () => {
      assert.equal(seenBy([], { peer: address }).clientIp, expected);
    });
  }
});

describe("the client behind trusted proxies (FWD-3)", () => {
  const walks: readonly [why: string, expected: string, ...lines: string[]][] = [
    ["the peer, without a list", "10.0.0.1"],
    ["the peer, with an empty list", "10.0.0.1", ""],
    ["the only address", "203.0.113.7", "203.0.113.7"],
    [
      "the right-most address that is no proxy of ours",
      "203.0.113.7",
      "1.1.1.1, 203.0.113.7, 10.0.0.2, 10.0.0.3",
    ],
    ["not the left-most, which is the attacker's", "203.0.113.7", "127.0.0.1, 10.9.9.9, 203.0.113.7"],
    ["the farthest proxy, where there are only proxies", "10.0.0.4", "10.0.0.4, 10.0.0.3"],
    ["found over several lines in order", "203.0.113.7", "1.1.1.1", "203.0.113.7, 10.0.0.2", "10.0.0.3"],
    ["found behind a single trusted address", "203.0.113.7", "203.0.113.7, 192.0.2.1"],
    ["the nearest known address where garbage stops the walk", "10.0.0.2", "203.0.113.7, garbage, 10.0.0.2"],
    ["the peer, where garbage comes first", "10.0.0.1", "203.0.113.7, unknown"],
    ["the peer, behind an obfuscated name", "10.0.0.1", "203.0.113.7, _hidden"],
    ["the peer, behind a host name", "10.0.0.1", "203.0.113.7, proxy.example"],
    ["found past empty items", "203.0.113.7", ", 203.0.113.7 ,, 10.0.0.2,"],
    ["found past tabs", "203.0.113.7", "\t203.0.113.7\t,\t10.0.0.2"],
    ["without its port", "203.0.113.7", "203.0.113.7:567"],
    ["without its brackets", "2001:db8::7", "[2001:db8::7]"],
    ["without its brackets and port", "2001:db8::7", "[2001:db8::7]:5"],
    ["an IPv6 address", "2001:db8::7", "2001:db8::7, fd00::1"],
    ["in the one canonical form", "2001:db8::7", "2001:0DB8:0:0:0:0:0:7"],
    ["IPv4, if it is mapped into IPv6", "203.0.113.7", "::ffff:203.0.113.7"],
    ["IPv4, if it is mapped into IPv6 in hex", "203.0.113.7", "::ffff:cb00:7107"],
    ["behind a proxy that is mapped into IPv6", "203.0.113.7", "203.0.113.7, ::ffff:10.0.0.2"],
    ["not an address with a broken port", "10.0.0.1", "203.0.113.7:x"],
    ["not an address with an empty port", "10.0.0.1", "203.0.113.7:"],
    ["not an address with too long a port", "10.0.0.1", "203.0.113.7:123456"],
    ["not an address with an open bracket", "10.0.0.1", "[2001:db8::7"],
    ["not an address with something behind the bracket", "10.0.0.1", "[2001:db8::7]x"],
    ["not an address with a zone", "10.0.0.1", "fe80::1%eth0"],
    ["not an address in quotes", "10.0.0.1", '"203.0.113.7"'],
    ["not an octal look-alike", "10.0.0.1", "0203.0.113.7"],
    ["not a short form", "10.0.0.1", "203.113"],
    ["not a number", "10.0.0.1", "3405803783"],
    ["not hex", "10.0.0.1", "0xcb.0.113.7"],
    ["not five parts", "10.0.0.1", "203.0.113.7.1"],
    ["not 256", "10.0.0.1", "203.0.113.256"],
    ["not digits of another script", "10.0.0.1", "٢٠٣.0.113.7"],
    ["not a line of its own making", "10.0.0.1", "203.0.113.7\r\nX-Evil: 1"],
  ];
  for (const [why, expected, ...lines] of walks) {
    test(`is ${why}: ${JSON.stringify(lines)}`, () => assert.equal(clientIp(...lines), expected));
  }

  test("is found in any spelling that Node takes for an address, and in no other", () => {
    const part = fc.constantFrom(
      "0",
      "1",
      "db8",
      "ffff",
      "FFFF",
      "10000",
      "",
      "1.2.3.4",
      "255.0.0.1",
      "256.1.1.1",
      "01.2.3.4",
    );
    const address = fc.oneof(
      fc.array(part, { maxLength: 9 }).map((parts) => parts.join(":")),
      fc
        .tuple(fc.array(part, { maxLength: 8 }), fc.array(part, { maxLength: 8 }))
        .map(([a, b]) => `${a.join(":")}::${b.join(":")}`),
      fc.ipV4(),
      fc.ipV6(),
      fc.string({ unit: fc.constantFrom(..."0123456789abcdef:."), maxLength: 20 }),
    );
    fc.assert(
      fc.property(address, (text) => {
        // A list of nothing but proxies: whatever is an address is taken.
        const seen = makeClientAddress(["0.0.0.0/0", "::/0"])(
          requestFrom({ fields: [["X-Forwarded-For", `[${text}]`]] }),
        );
        const plain = makeClientAddress(["0.0.0.0/0", "::/0"])(
          requestFrom({ fields: [["X-Forwarded-For", text]] }),
        );
        if (isIPv6(text)) {
          assert.equal(seen.clientIp, canonical(text));
          assert.equal(plain.clientIp, canonical(text));
        } else if (isIP(text) === 4) assert.equal(plain.clientIp, text);
        else if (!/^[0-9.]+:[0-9]*$/.test(text)) assert.equal(plain.clientIp, "10.0.0.1");
      }),
      { numRuns: 2000 },
    );
  });

  test("costs no more for a very long list", () => {
    const list = Array.from({ length: 100_000 }, () => "10.0.0.2").join(",");
    assert.equal(clientIp(`203.0.113.7,${list}`), "10.0.0.2");
    assert.equal(clientIp(",".repeat(1_000_000)), "10.0.0.1");
  });
});

/** What the C library makes of an IPv6 address, without its dotted form for what is not IPv4. */
function canonical(text: string): string {
  const { address } = new SocketAddress({ address: text, family: "ipv6" });
  if (address.startsWith("::ffff:") && address.includes(".")) return address.slice("::ffff:".length);
  const dotted = /^::(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(address);
  if (dotted === null) return address;
  const [a = 0, b = 0, c = 0, d = 0] = dotted.slice(1).map(Number);
  return `::${(a * 256 + b).toString(16)}:${(c * 256 + d).toString(16)}`;
}

test("a trusted proxy that is no address and no network is refused when the plan is made", () => {
  assert.throws(
    () => makeClientAddress(["10.0.0.0/8", "proxy.internal"]),
    /"proxy\.internal" is no IP address/,
  );
});

describe("scheme, host and port behind a trusted proxy (FWD-5)", () => {
  const behind = (fields: Received["fields"], more: Received = {}): string => {
    const { scheme, host, port } = seenBy(TRUSTED, { ...more, fields: fields ?? [] });
    return `${scheme}://${host} ${port}`;
  };

  const vectors: readonly [why: string, expected: string, ...fields: [string, string][]][] = [
    ["are the connection's without any word", "http://api.example.com 8080"],
    [
      "are the proxy's word",
      "https://shop.example 8443",
      ["X-Forwarded-Proto", "https"],
      ["X-Forwarded-Host", "shop.example"],
      ["X-Forwarded-Port", "8443"],
    ],
    ["default to the scheme's port", "https://api.example.com 443", ["X-Forwarded-Proto", "https"]],
    ["default to the scheme's port", "http://api.example.com 80", ["X-Forwarded-Proto", "http"]],
    [
      "default to the port with the host",
      "https://shop.example:8443 8443",
      ["X-Forwarded-Proto", "https"],
      ["X-Forwarded-Host", "shop.example:8443"],
    ],
    [
      "ignore case",
      "https://shop.example 443",
      ["X-FORWARDED-PROTO", "HTTPS"],
      ["x-forwarded-host", "Shop.Example."],
    ],
    [
      "are the nearest proxy's in a list",
      "http://b.example 80",
      ["X-Forwarded-Proto", "https, http"],
      ["X-Forwarded-Host", "a.example, b.example"],
    ],
    [
      "are the nearest proxy's over lines",
      "http://b.example 80",
      ["X-Forwarded-Proto", "https"],
      ["X-Forwarded-Host", "a.example"],
      ["X-Forwarded-Proto", "http"],
      ["X-Forwarded-Host", "b.example"],
    ],
    ["ignore another scheme", "http://api.example.com 8080", ["X-Forwarded-Proto", "javascript"]],
    ["ignore an empty scheme", "http://api.example.com 8080", ["X-Forwarded-Proto", ""]],
    ["ignore port 0", "http://api.example.com 8080", ["X-Forwarded-Port", "0"]],
    ["ignore port 65536", "http://api.example.com 8080", ["X-Forwarded-Port", "65536"]],
    ["ignore a port that is no number", "http://api.example.com 8080", ["X-Forwarded-Port", "80x"]],
    ["take an IPv6 host", "http://[2001:db8::1]:81 81", ["X-Forwarded-Host", "[2001:DB8::1]:81"]],
    ...[
      "a b",
      "a/b",
      "a@b",
      "a..b",
      ".a",
      "a:b",
      "a:0",
      "a:99999",
      "a:1:2",
      "[::1",
      "[:::]",
      "a\r\nb",
      "é.example",
      "",
      "x".repeat(300),
    ].map((host): [string, string, [string, string]] => [
      "ignore a host that is none",
      "http://api.example.com 8080",
      ["X-Forwarded-Host", host],
    ]),
  ];
  for (const [why, expected, ...fields] of vectors) {
    test(`${why}: ${JSON.stringify(fields)}`, () => assert.equal(behind(fields), expected));
  }

  test("take the connection's security where the proxy says nothing", () => {
    assert.equal(behind([], { secure: true, localPort: 8443 }), "https://api.example.com 8443");
  });
});

describe("forwardedFields", () => {
  test("tells the upstream only what is known of an untrusted peer", () => {
    const expected = {
      "X-Forwarded-For": "203.0.113.7",
      "X-Real-IP": "203.0.113.7",
      "X-Forwarded-Proto": "http",
      "X-Forwarded-Port": "8080",
      "X-Forwarded-Host": "api.example.com",
    };
    assert.deepEqual(sent({ peer: "203.0.113.7" }), expected);
    assert.deepEqual(sent({ peer: "203.0.113.7", fields: SPOOFED }), expected);
    assert.deepEqual(sent({ peer: "203.0.113.7", fields: SPOOFED }, []), expected);
  });

  test("appends a trusted peer to its list and passes on what it says", () => {
    assert.deepEqual(
      sent({
        fields: [
          ["X-Forwarded-For", "1.1.1.1, 203.0.113.7:99"],
          ["X-Forwarded-For", "[::ffff:10.0.0.3]:5"],
          ["X-Forwarded-Proto", "https"],
          ["X-Forwarded-Host", "shop.example"],
          ["X-Real-IP", "6.6.6.6"],
        ],
      }),
      {
        "X-Forwarded-For": "1.1.1.1, 203.0.113.7, 10.0.0.3, 10.0.0.1",
        "X-Real-IP": "203.0.113.7",
        "X-Forwarded-Proto": "https",
        "X-Forwarded-Port": "443",
        "X-Forwarded-Host": "shop.example",
      },
    );
  });

  test("cuts off what stands left of garbage", () => {
    const fields = [["X-Forwarded-For", "6.6.6.6, <script>, 203.0.113.7"]] as const;
    assert.equal(sent({ fields })["X-Forwarded-For"], "203.0.113.7, 10.0.0.1");
  });

  test("leaves X-Forwarded-Host out where the client named no host", () => {
    assert.equal("X-Forwarded-Host" in sent({ peer: "203.0.113.7", host: "" }), false);
  });

  test("writes the host with its port", () => {
    assert.equal(
      sent({ peer: "203.0.113.7", host: "api.example.com:8080" })["X-Forwarded-Host"],
      "api.example.com:8080",
    );
  });

  for (const host of ["a\r\nX-Evil: 1", "a\nb", "a\rb", "a b", "a,b", "a\0", "é"]) {
    test(`sends no host that could break the message apart: ${JSON.stringify(host)}`, () => {
      assert.equal("X-Forwarded-Host" in sent({ peer: "203.0.113.7", host }), false);
      assert.equal("X-Forwarded-Host" in sent({ host, fields: [["Forwarded", "for=1.1.1.1"]] }), false);
    });
  }

  test("sends nothing but its own well-formed lines, whatever comes in", () => {
    const anyText = fc.array(fc.nat(0xffff), { maxLength: 30 }).map((codes) => String.fromCharCode(...codes));
    const text = fc.oneof(anyText, fc.string({ unit: fc.constantFrom(...'1.,:[]"\\;= \t\r\n') }));
    const names = fc.constantFrom(
      "X-Forwarded-For",
      "X-Forwarded-Proto",
      "X-Forwarded-Host",
      "X-Forwarded-Port",
      "Forwarded",
    );
    fc.assert(
      fc.property(
        fc.array(fc.tuple(names, text)),
        text,
        fc.constantFrom("10.0.0.1", "203.0.113.7", "fd00::1"),
        (fields, host, peer) => {
          const lines = sent({ peer, host, fields });
          assert.equal(lines["X-Forwarded-For"]?.split(", ").at(-1), peer);
        },
      ),
    );
  });
});

describe("Forwarded (RFC 7239)", () => {
  const forwarded = (value: string, more: Received = {}): string | undefined =>
    sent({ ...more, fields: [["Forwarded", value]] })["Forwarded"];

  const OWN = 'for=10.0.0.1;proto=http;host="api.example.com"';

  test("is not sent where nobody spoke it", () => assert.equal("Forwarded" in sent({}), false));

  test("is dropped from an untrusted peer", () => {
    assert.equal(forwarded("for=1.1.1.1", { peer: "203.0.113.7" }), undefined);
  });

  test("gets an element for a trusted peer behind its list", () => {
    assert.equal(forwarded("for=203.0.113.7;proto=https"), `for=203.0.113.7;proto=https, ${OWN}`);
    assert.equal(
      forwarded('for="[2001:db8::7]:4711", for=_hidden;by="a\\"b"'),
      `for="[2001:db8::7]:4711", for=_hidden;by="a\\"b", ${OWN}`,
    );
  });

  test("joins several lines in order", () => {
    const fields = [
      ["Forwarded", "for=1.1.1.1"],
      ["forwarded", "for=2.2.2.2"],
    ] as const;
    assert.equal(sent({ fields })["Forwarded"], `for=1.1.1.1, for=2.2.2.2, ${OWN}`);
  });

  test("brackets and quotes an IPv6 peer, and names its scheme", () => {
    assert.equal(
      forwarded("for=1.1.1.1", { peer: "fd00::1", secure: true, host: "[2001:db8::1]:81" }),
      'for=1.1.1.1, for="[fd00::1]";proto=https;host="[2001:db8::1]:81"',
    );
  });

  for (const value of [
    'for="1.1.1.1',
    'for="a\\"',
    'for="a\\',
    "for=é",
    "for=a\x7f",
    "for=1.1.1.1\r\nX: 1",
    "",
    "a".repeat(5000),
  ]) {
    test(`starts anew where our element would not be read as one: ${JSON.stringify(value.slice(0, 40))}`, () => {
      assert.equal(forwarded(value), OWN);
    });
  }
});
