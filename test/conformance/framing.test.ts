/** H-01 … H-04, H-07: where a message ends is never a matter of opinion. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { type Answer, fieldsOf, ok } from "../harness/origin.ts";
import { parseResponses } from "../harness/raw.ts";
import {
  type Attack,
  assertEnvelope,
  bare,
  CONTROLS,
  each,
  echo,
  eventually,
  get,
  named,
  refuses,
  SMUGGLED,
  Stand,
} from "./stand.ts";

/** A row for `refuses`: fields that frame the body in two ways, and a request hidden in what follows. */
function framed(fields: string, body = `0\r\n\r\n${SMUGGLED}`, version = "1.1"): Attack {
  const bytes = `POST /evil HTTP/${version}\r\nHost: example.com\r\n${fields}\r\n${body}`;
  return { name: JSON.stringify(fields), bytes };
}

describe("the framing of a request", () => {
  let stand: Stand;
  before(async () => {
    stand = await Stand.open();
  });
  after(() => stand.close());

  test("with both Content-Length and Transfer-Encoding is refused, whatever their order and spelling", () => {
    const lengths = ["Content-Length: 5", "content-length:0", "CONTENT-LENGTH: 55"];
    const codings = [
      "Transfer-Encoding: chunked",
      "transfer-encoding:chunked",
      "Transfer-Encoding: CHUNKED ",
    ];
    const between = ["", "X-A: b\r\n", "X-A: chunked\r\nConnection: close\r\n"];
    const attacks = lengths.flatMap((length) =>
      codings.flatMap((coding) =>
        between.flatMap((other) => [
          framed(`${length}\r\n${other}${coding}\r\n`),
          framed(`${coding}\r\n${other}${length}\r\n`),
        ]),
      ),
    );
    const nominated = ["Content-Length", "Transfer-Encoding", "content-length, transfer-encoding"].map(
      (name) => framed(`Connection: ${name}\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n`),
    );
    return refuses(stand, [...attacks, ...nominated], { status: 400, code: "MALFORMED_REQUEST" });
  });

  test("with a repeated Content-Length is refused, be the values equal or not", () => {
    const pairs = [
      ["5", "5"],
      ["0", "5"],
      ["5", "0"],
      ["", "5"],
      ["5", ""],
      ["05", "5"],
    ];
    const attacks = pairs.flatMap(([first, second]) => [
      framed(`Content-Length: ${first}\r\nContent-Length: ${second}\r\n`, SMUGGLED),
      framed(`Content-Length: ${first}\r\nX-A: b\r\ncontent-length: ${second}\r\n`, SMUGGLED),
    ]);
    return refuses(stand, attacks, { status: 400, code: "MALFORMED_REQUEST" });
  });

  test("with a Content-Length that is not one plain decimal number is refused", () => {
    const values = [
      "",
      " ",
      "+1",
      "-0",
      "-1",
      "0x1",
      "0X10",
      "0b1",
      "0o7",
      "1_0",
      "1e0",
      "1.0",
      "1.",
      ".5",
      "1,1",
      "1, 1",
      "1,2",
      "1;q=1",
      "1 1",
      "1\t1",
      '"1"',
      "'1'",
      "(1)",
      "one",
      "NaN",
      "Infinity",
      "12345678901234567890",
      "18446744073709551616",
      "9007199254740993",
      "99999999999999999999999999999999",
      "4294967296abc",
      "\u00a01",
      "1\u00a0",
      "\u00b2",
      "1a",
      "a1",
      "#1",
      "%31",
      "1%",
      "/1",
      ":1",
    ];
    // And each visible character that is no digit, before and after a digit.
    for (let byte = 0x21; byte <= 0xff; byte++) {
      const char = String.fromCharCode(byte);
      if (byte === 0x7f || /[0-9]/.test(char)) continue;
      values.push(`${char}1`, `1${char}`);
    }
    const attacks = values.map((value) => framed(`Content-Length: ${value}\r\n`, `X${SMUGGLED}`));
    return refuses(stand, attacks, { status: 400, code: "MALFORMED_REQUEST", slowly: false });
  });

  test("with a Transfer-Encoding other than `chunked` is refused", () => {
    const codings = [
      "",
      ",",
      ",chunked",
      "chunked,",
      "chunked,chunked",
      "chunked, chunked",
      "gzip, chunked",
      "gzip,chunked",
      "gzip",
      "deflate",
      "chunked, gzip",
      "chunked, identity",
      "identity",
      "identity, chunked",
      "xchunked",
      "chunkedx",
      "chunke",
      "chunked;q=1",
      "chunked;",
      "chunked ; q=1",
      '"chunked"',
      "'chunked'",
      "chunked chunked",
      "chunked\tfoo",
      "foo chunked",
      "trailers",
      "TE",
      "0",
      "chunked\u00a0",
      "chunked ",
      "chunked\t",
      " chunked \t ",
      "\u00a0chunked",
      "\u00c7hunked",
      "chun\u212aed",
      "c\u0068unked\u00ad",
      "chunked/1.1",
      "=chunked",
      "\\chunked",
    ];
    const both = codings.map((coding) =>
      framed(`Transfer-Encoding: ${Buffer.from(coding, "utf8").toString("latin1")}\r\n`),
    );
    return refuses(stand, both, { status: [400, 501] });
  });

  test("with control bytes around or inside `chunked` is refused", () => {
    const attacks = CONTROLS.flatMap((byte) => {
      const char = String.fromCharCode(byte);
      return [`${char}chunked`, `chunked${char}`, `chun${char}ked`, ` ${char} chunked`].map((value) =>
        framed(`Transfer-Encoding: ${value}\r\nX-A: b\r\n`),
      );
    });
    return refuses(stand, attacks, { status: 400, code: "MALFORMED_REQUEST", slowly: false });
  });

  test("with several Transfer-Encoding lines, or one that hides in its name, is refused", () => {
    const fields = [
      "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
      "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
      "Transfer-Encoding: identity\r\ntransfer-encoding: chunked\r\n",
      "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n",
      "Transfer-Encoding:\r\nTransfer-Encoding: chunked\r\n",
      "Transfer-Encoding : chunked\r\n",
      "Transfer-Encoding\t: chunked\r\n",
      " Transfer-Encoding: chunked\r\n",
      "X-A: b\r\n Transfer-Encoding: chunked\r\n",
      "X-A: b\r\n\tTransfer-Encoding: chunked\r\n",
      "Transfer-Encoding:\r\n chunked\r\n",
      "Transfer-Encoding: chunked\r\n ,identity\r\n",
      "Transfer_Encoding: chunked\r\n",
      "Content-Length: 5\r\nTransfer_Encoding: chunked\r\n",
      "Content_Length: 5\r\n",
      "Content-Length : 5\r\n",
      "Content-Length:\r\n 5\r\n",
      "Content-Length\u000b: 5\r\n",
      "Transfer-Encoding\u0000: chunked\r\n",
      "Tr\u00e4nsfer-Encoding: chunked\r\n",
      "Transfer-Encoding\u00a0: chunked\r\n",
      "X-A: b\rTransfer-Encoding: chunked\r\n",
      "X-A: b\nTransfer-Encoding: chunked\r\n",
      "X-A: b\r\n\rTransfer-Encoding: chunked\r\n",
      "\r\rTransfer-Encoding: chunked\r\n",
    ];
    return refuses(
      stand,
      fields.map((text) => framed(text)),
      { status: [400, 501] },
    );
  });

  test("with any Transfer-Encoding in HTTP/1.0 is refused", () => {
    const attacks = ["chunked", "identity", "gzip, chunked", "x"].flatMap((coding) =>
      ["", "Connection: keep-alive\r\n", "Connection: upgrade\r\nUpgrade: HTTP/1.1\r\n"].map((other) =>
        framed(`${other}Transfer-Encoding: ${coding}\r\n`, undefined, "1.0"),
      ),
    );
    return refuses(stand, attacks, { status: [400, 501] });
  });

  test("in `chunked` of any case, with SP and HTAB before it, is understood and sent on as plain `chunked`", async () => {
    const spellings = ["chunked", "Chunked", "CHUNKED", "cHuNkEd", " \t chunked", "\tchunked"];
    await each(
      spellings.map((coding, at) => ({ name: JSON.stringify(coding), coding, path: `/te/${at}` })),
      async ({ coding, path }) => {
        const body = `3\r\nabc\r\nA;x=y\r\n0123456789\r\n0\r\n\r\n`;
        const answer = await stand.ask(bare(path, `Transfer-Encoding:${coding}\r\n`, body));
        assert.equal(answer.body.toString(), `POST ${path} 13`);
        const seen = await stand.arrived(path);
        assert.deepEqual(fieldsOf(seen, "transfer-encoding"), ["chunked"]);
        assert.deepEqual(fieldsOf(seen, "content-length"), []);
        assert.equal(seen.body.toString(), "abc0123456789");
      },
    );
    await stand.audit();
  });

  test("in a Content-Length with leading zeros is sent on as the plain number", async () => {
    await each(
      ["5", "05", "00005", "0000000000005"].map((length, at) => ({
        name: length,
        length,
        path: `/zeros/${at}`,
      })),
      async ({ length, path }) => {
        const answer = await stand.ask(bare(path, `Content-Length: ${length}\r\n`, "abcde"));
        assert.equal(answer.body.toString(), `POST ${path} 5`);
        assert.deepEqual(fieldsOf(await stand.arrived(path), "content-length"), ["5"]);
      },
    );
  });

  test("is read behind any number of fields up to the limit, and refused beyond it (H-01)", async () => {
    const body = SMUGGLED.replaceAll("evil", "hidden");
    const rows = [1, 97, 98, 99, 100, 101, 1999, 2000, 2001, 3900].flatMap((fields) =>
      ["length", "chunked"].flatMap((how) =>
        ["GET", "POST"].map((method) => ({
          name: `${method}, ${fields} fields, ${how}`,
          fields,
          how,
          method,
        })),
      ),
    );
    await each(rows, async ({ fields, how, method }, at) => {
      // Host and the framing field count as well.
      const fits = fields + 2 <= 100;
      const path = fits ? `/count/${at}` : `/evil/${at}`;
      const filler = "a:b\r\n".repeat(fields);
      const framing =
        how === "chunked"
          ? `Transfer-Encoding: chunked\r\n\r\n${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`
          : `Content-Length: ${body.length}\r\n\r\n${body}`;
      const client = await stand.client();
      client.send(`${method} ${path} HTTP/1.1\r\nHost: example.com\r\n${filler}${framing}`);
      if (fits) {
        const response = await client.response();
        assert.equal(response.body.toString(), `${method} ${path} ${body.length}`);
        assert.equal((await stand.arrived(path)).body.toString(), body);
        // Still in step: the next request on it is answered in its turn.
        client.send(get(`${path}/next`));
        const [, next] = await client.responses(2);
        assert.equal(next?.body.toString(), `GET ${path}/next 0`);
      } else {
        await client.untilClosed();
        const [response, second] = parseResponses(client.received);
        assert.equal(response?.status, 431);
        assert.equal(second, undefined);
        if (response !== undefined) assertEnvelope(response, "HEADERS_TOO_LARGE");
      }
      client.destroy();
    });
    assert.ok(!stand.origin.requests.some(({ target }) => target.includes("smuggled")));
    await stand.victim();
    await stand.audit();
  });
});

/** Complete trailer lines of so many bytes together. */
function fill(size: number): string {
  const line = `a:${"b".repeat(4092)}\r\n`;
  return line.repeat(size / line.length);
}

describe("a chunked body that breaks a rule", () => {
  let stand: Stand;
  before(async () => {
    stand = await Stand.open();
  });
  after(() => stand.close());

  /** `good` chunks first, then the broken one, then what would be a clean end and another request. */
  const tail = `\r\n0\r\n\r\n${SMUGGLED}`;
  const broken: [name: string, bytes: string][] = [
    ["bare LF after the size", "3\nabc"],
    ["bare CR after the size", "3\rabc"],
    ["CR CR LF after the size", "3\r\r\nabc"],
    ["no data line end", "3\r\nabcX"],
    ["LF alone behind the data", "3\r\nabc\n3\r\nabc"],
    ["CR alone behind the data", "3\r\nabc\r3\r\nabc"],
    ["LF CR behind the data", "3\r\nabc\n\r3\r\nabc"],
    ["data longer than said", "3\r\nabcdef"],
    ["no size", "\r\nabc"],
    ["only an extension", ";a=b\r\nabc"],
    ["SP before the size", " 3\r\nabc"],
    ["HTAB before the size", "\t3\r\nabc"],
    ["SP after the size", "3 \r\nabc"],
    ["HTAB after the size", "3\t\r\nabc"],
    ["SP before an extension", "3 ;a=b\r\nabc"],
    ["0x", "0x3\r\nabc"],
    ["0X", "0X3\r\nabc"],
    ["a plus sign", "+3\r\nabc"],
    ["a minus sign", "-3\r\nabc"],
    ["minus zero", "-0\r\n"],
    ["an underscore", "1_0\r\nabc"],
    ["a comma", "3,3\r\nabc"],
    ["a dot", "3.0\r\nabc"],
    ["h suffix", "3h\r\nabc"],
    ["g", "g\r\nabc"],
    ["quotes", '"3"\r\nabc'],
    ["17 hex digits", `${"0".repeat(16)}3\r\nabc`],
    ["16 hex digits, wraps around in 64 bits", "10000000000000003\r\nabc"],
    ["fffffffffffffffd", "fffffffffffffffd\r\nabc"],
    ["ffffffffffffff", "ffffffffffffff\r\nabc"],
    ["; alone", "3;\r\nabc"],
    [";;", "3;;\r\nabc"],
    [";a;", "3;a;\r\nabc"],
    [";=", "3;=\r\nabc"],
    [";a=", "3;a=\r\nabc"],
    [";a=b=c", "3;a=b=c\r\nabc"],
    [";a =b", "3;a =b\r\nabc"],
    ["; a", "3; a\r\nabc"],
    ["; open quote, then the end of the line", '3;a="b\r\nabc'],
    ["text after a quote", '3;a="b"c\r\nabc'],
    ["a quote in a name", '3;a"b"\r\nabc'],
    ["LF in an extension", "3;a\nb\r\nabc"],
    ["CR in an extension", "3;a\rb\r\nabc"],
    ["LF at the end of an extension", "3;a\nabc"],
    ["LF in a quoted extension", '3;a="\n"\r\nabc'],
    ["CR LF in a quoted extension", '3;a="\r\n"\r\nabc'],
    ["an extension of 64 KiB", `3;${"a".repeat(65536)}\r\nabc`],
    ["a quoted extension of 64 KiB", `3;a="${"b".repeat(65536)}"\r\nabc`],
    ["an endless row of zeros", `${"0".repeat(70000)}`],
    ["10,000 one-byte chunks with extensions", "1;abcdefgh\r\nX\r\n".repeat(10_000)],
    ["a trailer without a colon", "0\r\nabc\r\n\r\n"],
    ["a trailer with an empty name", "0\r\n: abc\r\n\r\n"],
    ["a trailer with a space before its colon", "0\r\nabc : d\r\n\r\n"],
    ["a folded trailer", "0\r\nabc: d\r\n e\r\n\r\n"],
    ["a trailer that starts with white space", "0\r\n abc: d\r\n\r\n"],
    ["a bare LF behind the last chunk", "0\n\r\n"],
    ["a bare LF as the end of trailers", "0\r\n\n"],
    ["a bare CR as the end of trailers", "0\r\n\rX"],
    ["a trailer with an underscore", "0\r\na_b: c\r\n\r\n"],
    ["a last chunk with garbage for an extension", "0; x\r\n\r\n"],
    ["trailers of exactly the limit, then bytes that must not be skipped", `0\r\n${fill(16384)}x: y\r\n\r\n`],
    ["101 trailers", `0\r\n${"a:b\r\n".repeat(101)}\r\n`],
    ["17 KiB of trailers", `0\r\n${`a:${"b".repeat(8000)}\r\n`.repeat(3)}\r\n`],
  ];
  for (const byte of CONTROLS) {
    const char = String.fromCharCode(byte);
    if (byte !== 0x0d) broken.push([`${named(byte)} after a size`, `3${char}\r\nabc`]);
    broken.push([`${named(byte)} before a size`, `${char}3\r\nabc`]);
    if (byte !== 0x0d) broken.push([`${named(byte)} in an extension`, `3;a${char}b=c\r\nabc`]);
    broken.push([`${named(byte)} in a quoted extension`, `3;a="b${char}"\r\nabc`]);
    broken.push([`${named(byte)} in a trailer's name`, `0\r\nab${char}c: d\r\n\r\n`]);
    broken.push([`${named(byte)} in a trailer's value`, `0\r\nabc: d${char}e\r\n\r\n`]);
  }

  test("gets 400 (431 for too many trailers), and the origin nothing of it, if it came with its head", async () => {
    const attacks = broken.map(([name, bytes]) => ({
      name,
      bytes: bare("/evil", "Transfer-Encoding: chunked\r\n", `4\r\nabcd\r\n${bytes}${tail}`),
    }));
    await refuses(stand, attacks, { status: [400, 431], slowly: false });
  });

  test("that is already being forwarded breaks the upstream connection off without a last chunk", async () => {
    await each(
      broken.map(([name, bytes]) => ({ name, bytes })),
      async ({ bytes }, at) => {
        const path = `/broken/${at}`;
        const client = await stand.client();
        client.send(bare(path, "Transfer-Encoding: chunked\r\n", "4\r\nabcd\r\n"));
        const index = await eventually(() => {
          const found = stand.origin.bytes.findIndex(
            (seen) => seen.includes(`${path} `) && seen.includes("abcd"),
          );
          return found < 0 ? undefined : found;
        });
        client.send(bytes + tail);
        await client.untilClosed();
        const responses = parseResponses(client.received);
        assert.deepEqual(
          responses.map(({ status }) => status === 400 || status === 431),
          [true],
          `answers ${responses.map(({ status }) => status)}, ${client.closed}`,
        );
        if (responses[0] !== undefined) assertEnvelope(responses[0]);
        const seen = (stand.origin.bytes[index] as Buffer).toString("latin1");
        assert.ok(!seen.includes("\r\n0\r\n"), "the origin got a last chunk");
        client.destroy();
      },
    );
    assert.ok(stand.origin.connections >= broken.length, "a broken upstream connection was used again");
    assert.ok(!stand.origin.requests.some(({ target }) => target.startsWith("/broken/")));
    await stand.victim();
    await stand.audit();
    await eventually(() => (stand.origin.open <= 1 ? true : undefined));
  });

  test("does not end a well-formed one: sizes, extensions and trailers that the grammar allows pass", async () => {
    const fine: [name: string, bytes: string, size: number][] = [
      ["upper and lower case digits", `a\r\n0123456789\r\nA\r\n0123456789\r\n0\r\n\r\n`, 20],
      ["leading zeros", "0003\r\nabc\r\n000\r\n\r\n", 3],
      ["an extension", "3;a\r\nabc\r\n0\r\n\r\n", 3],
      ["extensions with values", `3;a=b;c="d e";f\r\nabc\r\n0;last=yes\r\n\r\n`, 3],
      ["trailers", "3\r\nabc\r\n0\r\nX-Checksum: 1\r\nX-Other: 2\r\n\r\n", 3],
      ["no data", "0\r\n\r\n", 0],
      ["CR LF and chunk lines as data", "a\r\n\r\n0\r\n\r\n3\r\n\r\n0\r\n\r\n", 10],
      ["1,000 one-byte chunks", `${"1\r\nx\r\n".repeat(1000)}0\r\n\r\n`, 1000],
    ];
    await each(
      fine.map(([name, bytes, size]) => ({ name, bytes, size })),
      async ({ bytes, size }, at) => {
        for (const slowly of [false, true]) {
          const path = `/fine/${at}/${slowly}`;
          const client = await stand.client();
          const whole = bare(path, "Transfer-Encoding: chunked\r\n", bytes) + get(`${path}/next`);
          if (slowly) await client.sendSlowly(whole);
          else client.send(whole);
          const [first, second] = await client.responses(2);
          assert.equal(first?.body.toString(), `POST ${path} ${size}`);
          assert.equal(second?.body.toString(), `GET ${path}/next 0`);
          client.destroy();
        }
      },
    );
    await stand.audit();
  });
});

describe("a head that is not well-formed", () => {
  let stand: Stand;
  before(async () => {
    stand = await Stand.open();
  });
  after(() => stand.close());

  const lines = (name: string, ...rows: string[]): Attack => ({
    name,
    bytes: `${rows.join("\r\n")}\r\n\r\n`,
  });
  const GET = "GET /evil HTTP/1.1";
  const HOST = "Host: example.com";

  test("in its line ends gets 400: bare LF, bare CR and their mixtures at every place", () => {
    const parts = [GET, HOST, "X-A: b", "X-C: d", ""];
    const ends = [
      "\n",
      "\r",
      "\n\r",
      "\r\r\n",
      "\n\n",
      "\r\n\r",
      " \n",
      "\t\n",
      "\0\r\n",
      "\v\r\n",
      "\f\r\n",
    ];
    const attacks = ends.flatMap((end) =>
      parts.map((_, at): Attack => {
        const text = parts.map((part, index) => `${part}${index === at ? end : "\r\n"}`).join("");
        return { name: `${JSON.stringify(end)} behind line ${at}`, bytes: `${text}${SMUGGLED}` };
      }),
    );
    return refuses(
      stand,
      attacks.filter(({ name }) => !isHarmless(name)),
      { status: 400, code: "MALFORMED_REQUEST" },
    );
  });

  /** That is the end of the head, and the beginning of a next one that is refused: other tests cover it. */
  function isHarmless(name: string): boolean {
    return name === `"\\r\\n\\r" behind line 4`;
  }

  test("in its request line gets 400, at every control byte in every part", () => {
    const attacks = [...CONTROLS, 0x09, 0x20, 0x80, 0xa0, 0xff].flatMap((byte): Attack[] => {
      const char = String.fromCharCode(byte);
      return [
        lines(`${named(byte)} before the method`, `${char}${GET}`, HOST),
        lines(`${named(byte)} in the method`, `G${char}ET /evil HTTP/1.1`, HOST),
        lines(`${named(byte)} after the method`, `GET${char} /evil HTTP/1.1`, HOST),
        lines(`${named(byte)} before the target`, `GET ${char}/evil HTTP/1.1`, HOST),
        lines(`${named(byte)} in the target`, `GET /evil${char}x HTTP/1.1`, HOST),
        lines(`${named(byte)} in the query`, `GET /evil?a=${char}x HTTP/1.1`, HOST),
        lines(`${named(byte)} after the target`, `GET /evil${char} HTTP/1.1`, HOST),
        lines(`${named(byte)} before the version`, `GET /evil ${char}HTTP/1.1`, HOST),
        lines(`${named(byte)} in the version`, `GET /evil HTTP/1${char}.1`, HOST),
        lines(`${named(byte)} after the version`, `GET /evil HTTP/1.1${char}`, HOST),
      ];
    });
    return refuses(stand, attacks, { status: 400, code: "MALFORMED_REQUEST", slowly: false });
  });

  test("for lack of one of its parts gets 400", () => {
    const attacks = [
      lines("HTTP/0.9", "GET /evil"),
      lines("HTTP/0.9 with a space", "GET /evil "),
      lines("no method", " /evil HTTP/1.1", HOST),
      lines("no target", "GET HTTP/1.1", HOST, "X: evil"),
      lines("an empty target", "GET  HTTP/1.1", HOST, "X: evil"),
      lines("two spaces", "GET  /evil HTTP/1.1", HOST),
      lines("two spaces before the version", "GET /evil  HTTP/1.1", HOST),
      lines("a space after the version", "GET /evil HTTP/1.1 ", HOST),
      lines("more after the version", "GET /evil HTTP/1.1 HTTP/1.1", HOST),
      lines("a HTAB for the space", "GET\t/evil\tHTTP/1.1", HOST),
      lines("two empty lines first", "\r\n", GET, HOST),
      lines("a field first", HOST, GET),
      lines("only a colon", GET, HOST, ":"),
      lines("an answer", "HTTP/1.1 200 OK", "X: evil"),
      lines("TLS", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03evil"),
      lines("an empty field name", GET, HOST, ": b"),
      lines("no colon", GET, HOST, "X-A"),
      lines("no colon in the last line", GET, HOST, "X-A b"),
      lines("a field before Host that starts with a space", GET, " X-A: b", HOST),
      lines("Host that starts with a space", GET, ` ${HOST}`),
      lines("Host that starts with HTAB", GET, `\t${HOST}`),
      lines("obs-fold", GET, HOST, "X-A: b", " c"),
      lines("obs-fold with HTAB", GET, HOST, "X-A: b", "\tc"),
      lines("obs-fold of nothing", GET, HOST, "X-A: b", " "),
      lines("obs-fold of Host", GET, "Host: example.com", " .evil"),
    ];
    return refuses(stand, attacks, { status: 400, code: "MALFORMED_REQUEST" });
  });

  test("in a field name gets 400, at every byte that is no token character, first, inside and last", () => {
    const attacks: Attack[] = [];
    for (let byte = 0; byte <= 0xff; byte++) {
      const char = String.fromCharCode(byte);
      if (/[!#$%&'*+\-.^`|~0-9A-Za-z]/.test(char) || char === ":") continue;
      for (const [where, field] of [
        ["first", `${char}X-A: b`],
        ["inside", `X${char}A: b`],
        ["last", `X-A${char}: b`],
      ] as const) {
        attacks.push(lines(`${named(byte)} ${where}`, GET, HOST, field, "X-C: d"));
      }
    }
    return refuses(stand, attacks, { status: 400, code: "MALFORMED_REQUEST", slowly: false });
  });

  test("in a field value gets 400, at every control byte, first, inside and last, and in Host", () => {
    const attacks = CONTROLS.flatMap((byte): Attack[] => {
      const char = String.fromCharCode(byte);
      return [
        lines(`${named(byte)} first`, GET, HOST, `X-A: ${char}b`, "X-C: d"),
        lines(`${named(byte)} at once`, GET, HOST, `X-A:${char}b`, "X-C: d"),
        lines(`${named(byte)} inside`, GET, HOST, `X-A: b${char}c`, "X-C: d"),
        lines(`${named(byte)} last`, GET, HOST, `X-A: b${char}`, "X-C: d"),
        lines(`${named(byte)} in Host`, GET, `Host: exa${char}mple.com`),
        lines(`${named(byte)} in Content-Length`, GET, HOST, `Content-Length: 0${char}`),
        lines(`${named(byte)} in Connection`, GET, HOST, `Connection: close${char}`),
      ];
    });
    return refuses(stand, attacks, { status: 400, code: "MALFORMED_REQUEST", slowly: false });
  });

  test("in its version gets 505 where it names another one, and 400 where it names none", async () => {
    const others = ["0.9", "1.2", "1.9", "2.0", "2.1", "3.0", "9.9", "0.0", "0.1"];
    await refuses(
      stand,
      others.map((version) => lines(version, `GET /evil HTTP/${version}`, HOST)),
      { status: 505, code: "HTTP_VERSION_NOT_SUPPORTED" },
    );
    const none = [
      "HTTP/1",
      "HTTP/1.",
      "HTTP/.1",
      "HTTP/11",
      "HTTP/1.10",
      "HTTP/01.1",
      "HTTP/1.1x",
      "HTTP/1,1",
      "HTTP1.1",
    ];
    const odd = [
      "http/1.1",
      "Http/1.1",
      "HTTPS/1.1",
      "HTTP /1.1",
      "HTTP/ 1.1",
      "HTTP/1 .1",
      "ICY/1.1",
      "RTSP/1.0",
      "HTTP/+1.1",
      "HTTP/a.b",
      "HTTP/-1.1",
      "HTTP/\u0661.\u0661",
    ];
    await refuses(
      stand,
      [...none, ...odd].map((version) => lines(version, `GET /evil ${version}`, HOST)),
      { status: 400, code: "MALFORMED_REQUEST" },
    );
  });

  test("may have one empty line before it, and nothing else", async () => {
    const answer = await stand.ask(`\r\n${get("/after-empty-line")}`);
    assert.equal(answer.body.toString(), "GET /after-empty-line 0");
    const attacks = ["\n", "\r", "\r\n\r\n", "\n\r\n", " ", "\t", "\0", "x\r\n", "\ufeff"].map((prefix) => ({
      name: JSON.stringify(prefix),
      bytes: `${Buffer.from(prefix).toString("latin1")}${get("/evil")}`,
    }));
    await refuses(stand, attacks, { status: 400 });
  });
});

describe("two requests on one connection", () => {
  test("are answered in order even where the first has a body that looks like requests", async () => {
    const answer: Answer = (request, socket) => echo(request, socket);
    await using stand = await Stand.open({}, { answer });
    const body = "GET /never HTTP/1.1\r\nHost: a\r\n\r\n".repeat(50);
    const bodies = [
      `Content-Length: ${body.length}\r\n\r\n${body}`,
      `Transfer-Encoding: chunked\r\n\r\n${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`,
      `Transfer-Encoding: chunked\r\n\r\n20\r\nGET /never HTTP/1.1\r\nHost: abc\r\n\r\n0\r\nX: GET /never HTTP/1.1\r\n\r\n`,
    ];
    const methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "QUERY"];
    const rows = methods.flatMap((method) =>
      bodies.map((framing) => ({ name: `${method} ${framing.slice(0, 30)}`, method, framing })),
    );
    await each(rows, async ({ method, framing }, at) => {
      const client = await stand.client();
      client.send(`${method} /in-order/${at} HTTP/1.1\r\nHost: a\r\n${framing}${get(`/next/${at}`)}`);
      if (method === "HEAD") {
        await client.until(() => client.text.includes(`GET /next/${at} 0`));
      } else {
        const [first, second] = await client.responses(2);
        assert.match(first?.body.toString() ?? "", new RegExp(`^${method} /in-order/${at} `));
        assert.equal(second?.body.toString(), `GET /next/${at} 0`);
      }
      client.destroy();
    });
    assert.equal(stand.origin.requests.length, rows.length * 2);
    assert.ok(!stand.origin.requests.some(({ target }) => target.includes("never")));
    await stand.audit();
  });

  test("are two even where 300 of them come in one packet", async () => {
    await using stand = await Stand.open({}, { answer: ({ target }) => ok(target) });
    const client = await stand.client();
    const paths = Array.from({ length: 300 }, (_, at) => `/many/${at}`);
    client.send(paths.map((path) => get(path)).join(""));
    const responses = await client.responses(300);
    assert.deepEqual(
      responses.map(({ body }) => body.toString()),
      paths,
    );
    client.destroy();
    await stand.audit();
  });

  test("and 2,000 more are all answered, also if the client has sent FIN behind them and reads late", async () => {
    const size = 5_000;
    await using stand = await Stand.open(
      { limits: { requestsPerConnection: 10_000 } },
      { answer: ({ target }) => ok(target.padEnd(size, ".")) },
    );
    const client = await stand.client();
    client.socket.pause();
    const paths = Array.from({ length: 2_000 }, (_, at) => `/late/${at}`);
    client.send(paths.map((path) => get(path)).join(""));
    client.end();
    await new Promise((resolve) => setTimeout(resolve, 200));
    const pieces: Buffer[] = [];
    client.socket.removeAllListeners("data");
    client.socket.on("data", (chunk: Buffer) => pieces.push(chunk));
    client.socket.resume();
    await client.untilClosed(20_000);
    const bodies = parseResponses(Buffer.concat(pieces)).map(({ body }) => body.toString("latin1"));
    assert.equal(bodies.length, paths.length);
    assert.ok(bodies.every((body, at) => body === paths[at]?.padEnd(size, ".")));
    client.destroy();
  });
});
