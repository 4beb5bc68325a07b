import assert from "node:assert/strict";
import { BlockList, isIPv6 } from "node:net";
import { describe, test } from "node:test";
import fc from "fast-check";
import { addressOfCustomer, Networks, parseAddress } from "./networks.ts";

describe("networks", () => {
  const contains = (network: string, address: string): boolean => new Networks([network]).has(address);

  const members: readonly [network: string, inside: string, outside: string][] = [
    ["10.0.0.0/8", "10.255.255.255", "11.0.0.0"],
    ["10.1.2.3/8", "10.9.9.9", "11.1.2.3"],
    ["192.0.2.1", "192.0.2.1", "192.0.2.2"],
    ["192.0.2.1/32", "192.0.2.1", "192.0.2.0"],
    ["192.0.2.0/31", "192.0.2.1", "192.0.2.2"],
    ["128.0.0.0/1", "255.255.255.255", "127.255.255.255"],
    ["0.0.0.0/0", "203.0.113.7", "2001:db8::1"],
    ["::/0", "2001:db8::1", "203.0.113.7"],
    ["::1", "::1", "::2"],
    ["2001:db8::/32", "2001:db8:ffff::1", "2001:db9::1"],
    ["2001:db8::/33", "2001:db8:7fff::1", "2001:db8:8000::1"],
    ["fd00::/8", "fdff::1", "fe00::1"],
    ["2001:db8::1/128", "2001:db8::1", "2001:db8::"],
    ["::ffff:10.0.0.0/104", "10.2.3.4", "11.0.0.1"],
    ["::ffff:192.0.2.1", "192.0.2.1", "192.0.2.2"],
    ["10.0.0.0/8", "::ffff:10.0.0.1", "::ffff:11.0.0.1"],
  ];
  for (const [network, inside, outside] of members) {
    test(`${network} holds ${inside} and not ${outside}`, () => {
      assert.equal(contains(network, inside), true);
      assert.equal(contains(network, outside), false);
    });
  }

  const refused: readonly [entry: string, message: RegExp][] = [
    ["", /"" is no IP address or network/],
    ["10.0.0.0/33", /prefix length "33"; it must be a number from 0 to 32/],
    ["2001:db8::/129", /prefix length "129"; it must be a number from 0 to 128/],
    ["10.0.0.0/", /prefix length ""/],
    ["10.0.0.0/-1", /prefix length "-1"/],
    ["10.0.0.0/08", /prefix length "08"/],
    ["10.0.0.0/8/8", /prefix length "8\/8"/],
    ["10.0.0.0/255.0.0.0", /prefix length "255\.0\.0\.0"/],
    ["10.0.0/8", /is no IP address or network; write it like 10\.0\.0\.0\/8/],
    ["10.0.0.256", /is no IP address/],
    [" 10.0.0.0/8", /is no IP address/],
    ["loadbalancer.internal", /is no IP address/],
    ["*", /is no IP address/],
    ["::ffff:0:0/90", /covers more than IPv4/],
    ["fe80::1%eth0", /is no IP address/],
  ];
  for (const [entry, message] of refused) {
    test(`do not take ${JSON.stringify(entry)}`, () => {
      assert.throws(() => new Networks(["10.0.0.0/8", entry]), message);
    });
  }

  test("hold the same addresses as Node's BlockList", () => {
    const v4 = fc.tuple(fc.ipV4(), fc.integer({ min: 0, max: 32 }), fc.integer({ min: 0, max: 31 }));
    const v6 = fc.tuple(fc.ipV6(), fc.integer({ min: 0, max: 128 }), fc.integer({ min: 0, max: 127 }));
    fc.assert(
      fc.property(fc.oneof(v4, v6), fc.ipV4(), ([network, prefix], other) => {
        const family = isIPv6(network) ? "ipv6" : "ipv4";
        if (family === "ipv6" && parseAddress(network)?.ipv4) return;
        const list = new BlockList();
        list.addSubnet(network, prefix, family);
        assert.equal(contains(`${network}/${prefix}`, network), true);
        assert.equal(contains(`${network}/${prefix}`, other), family === "ipv4" && list.check(other, "ipv4"));
      }),
      { numRuns: 500 },
    );
  });

  test("hold nothing that is no address", () => {
    const all = new Networks(["0.0.0.0/0", "::/0"]);
    for (const text of [
      "",
      "unknown",
      "1.2.3",
      "01.2.3.4",
      "fe80::1%eth0",
      "[::1]",
      "1.2.3.4:80",
      "1.2.3.4 ",
    ])
      assert.equal(all.has(text), false, text);
  });

  test("are none without entries", () => {
    assert.equal(new Networks([]).has("127.0.0.1"), false);
  });
});

describe("the address of a customer", () => {
  for (const [text, expected] of [
    ["192.0.2.1", "192.0.2.1"],
    ["::ffff:192.0.2.1", "192.0.2.1"],
    ["2001:db8::1", "20010db800000000/64"],
    ["2001:db8:0:0:ffff::", "20010db800000000/64"],
    ["2001:db8:0:1::1", "20010db800000001/64"],
    ["no:address", ""],
  ] as const)
    test(`of ${text} is "${expected}"`, () => assert.equal(addressOfCustomer(text), expected));
});
