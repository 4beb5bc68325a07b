/** Ways to spoil a stream: those of `reliability.md` H-01 to H-10, and plain accidents. */
import { ODD_HOSTS, ODD_TARGETS } from "./generate.ts";
import type { Random } from "./random.ts";

type Mutation = (stream: string, random: Random, other: () => string) => string;

/** None, one or several mutations. `other` gives a stream to take parts of. */
export function mutate(stream: string, random: Random, other: () => string): string {
  if (random.chance(20)) return stream;
  let mutated = stream;
  for (let left = random.pick([1, 1, 1, 2, 2, 3, 5]); left > 0; left--) {
    mutated = random.pick(MUTATIONS)(mutated, random, other);
  }
  return mutated.slice(0, MAX_STREAM);
}

const MAX_STREAM = 64 * 1024;

const SPECIAL = [
  "\r",
  "\n",
  "\r\n",
  "\r\n\r\n",
  "\n\n",
  "\r\r\n",
  "\n\r",
  "\0",
  " ",
  "\t",
  "\v",
  "\f",
  "\x7f",
  "\x80",
  "\x85",
  "\xa0",
  "\xff",
  ":",
  ",",
  ";",
  "=",
  '"',
  "\\",
  "0",
  "_",
  "#",
  "\x1b",
  "\r\n ",
  "\r\n\t",
];

const replaceAt = (text: string, at: number, length: number, by: string): string =>
  text.slice(0, at) + by + text.slice(at + length);

function flipBit(stream: string, random: Random): string {
  const at = random.below(stream.length);
  return replaceAt(
    stream,
    at,
    1,
    String.fromCharCode((stream.charCodeAt(at) ^ (1 << random.below(8))) & 0xff),
  );
}

function insertSpecial(stream: string, random: Random): string {
  return replaceAt(stream, random.below(stream.length + 1), 0, random.pick(SPECIAL));
}

/** Beside what separates things, where parsers look most closely. */
function insertAtEdge(stream: string, random: Random): string {
  const edges = [...stream.matchAll(/[\r\n:; ,=]/g)].map((match) => match.index);
  if (edges.length === 0) return stream;
  return replaceAt(stream, random.pick(edges) + random.below(2), random.below(2), random.pick(SPECIAL));
}

function deleteBytes(stream: string, random: Random): string {
  return replaceAt(stream, random.below(stream.length), random.pick([1, 1, 2, 5, 30]), "");
}

function duplicateSlice(stream: string, random: Random): string {
  const at = random.below(stream.length);
  const slice = stream.slice(at, at + random.pick([1, 4, 20, 100]));
  return replaceAt(stream, random.chance(50) ? at : random.below(stream.length), 0, slice);
}

function truncate(stream: string, random: Random): string {
  return stream.slice(0, random.below(stream.length));
}

function onLines(change: (lines: string[], random: Random) => void): Mutation {
  return (stream, random) => {
    const lines = stream.split(/(?<=\n)/);
    change(lines, random);
    return lines.join("");
  };
}

const dropLine = onLines((lines, random) => lines.splice(random.below(lines.length), 1));

const repeatLine = onLines((lines, random) => {
  const at = random.below(lines.length);
  const times = random.chance(90) ? 1 : random.pick([98, 99, 100, 101]);
  lines.splice(at, 0, ...new Array<string>(times).fill(lines[at] ?? ""));
});

const moveLine = onLines((lines, random) => {
  const [line = ""] = lines.splice(random.below(lines.length), 1);
  lines.splice(random.below(lines.length + 1), 0, line);
});

const LINE_ENDS = [
  "\n",
  "\r",
  "\r\r\n",
  "\n\r",
  " \r\n",
  "\t\r\n",
  "\r\n ",
  "\r\n\t",
  "\r\n\r\n",
  "\0\r\n",
  "",
];

function changeLineEnd(stream: string, random: Random): string {
  const ends = [...stream.matchAll(/\r\n/g)].map((match) => match.index);
  return ends.length === 0 ? stream : replaceAt(stream, random.pick(ends), 2, random.pick(LINE_ENDS));
}

const LENGTHS = [
  "1, 1",
  "5,5",
  "+1",
  "-0",
  "-1",
  "00001",
  "0x1",
  "1_0",
  "1e0",
  "",
  " ",
  "12345678901234567890",
  "18446744073709551617",
  "1 1",
  "1\t",
  "1.0",
  "5;",
  "\xa05",
  "0",
  "1",
  "1048577",
  "4294967296",
];

const CODINGS = [
  ",chunked",
  "chunked,",
  "gzip, chunked",
  "chunked, identity",
  "identity",
  "xchunked",
  "chunked;q=1",
  '"chunked"',
  "\vchunked",
  "chunked\f",
  "chunked\0",
  "\xa0chunked",
  "chunked\xa0",
  "chun\r\n ked",
  "\r\n chunked",
  "chunked, chunked",
  "",
  "cHuNkEd",
  "\tchunked ",
  "chunked ,",
  "gzip",
  "chunke",
];

const LENGTH_NAMES = [
  "Content-Length",
  "content-length",
  "Content-Length ",
  " Content-Length",
  "Content_Length",
];
const CODING_NAMES = [
  "Transfer-Encoding",
  "transfer-encoding",
  "Transfer-Encoding ",
  "Transfer-Encoding\t",
  " Transfer-Encoding",
  "Transfer_Encoding",
  "Transfer-Encoding\0",
  "\xa0Transfer-Encoding",
];

function framingField(random: Random): string {
  return random.chance(50)
    ? `${random.chance(75) ? "Content-Length" : random.pick(LENGTH_NAMES)}: ${random.pick(LENGTHS)}`
    : `${random.chance(75) ? "Transfer-Encoding" : random.pick(CODING_NAMES)}: ${random.chance(40) ? "chunked" : random.pick(CODINGS)}`;
}

/** Behind any line of a head. */
function addFraming(stream: string, random: Random): string {
  const ends = [...stream.matchAll(/\r\n/g)].map((match) => match.index);
  return ends.length === 0 ? stream : replaceAt(stream, random.pick(ends), 0, `\r\n${framingField(random)}`);
}

function changeFraming(stream: string, random: Random): string {
  const found = [...stream.matchAll(/(?:content-length|transfer-encoding):[^\r\n]*/gi)];
  if (found.length === 0) return addFraming(stream, random);
  const chosen = random.pick(found);
  return replaceAt(stream, chosen.index, chosen[0].length, framingField(random));
}

const SIZES = [
  "",
  ";",
  ";;",
  ";a=",
  ";=a",
  ';a="b',
  ';a="b"c',
  ';a="b\\"c"',
  ";a =b",
  "; a",
  ";a;",
  ";a=b=c",
  ";\0",
  ";a\n",
  ";a\rb",
  ' ;a="b"',
  " ",
  "\t",
  "\n",
  "\r",
  ";\x80",
  ';a="\x80"',
  ';a="\t"',
  ";a=b,c",
  `;${"a".repeat(5000)}`,
];
const SIZE_NUMBERS = [
  "0x1",
  "+1",
  "-1",
  "1_0",
  "",
  "00000000000000000",
  "fffffffffffffffff",
  "10000000000000001",
  "g",
  "1 ",
  " 1",
  "A",
  "0",
];

function changeChunkLine(stream: string, random: Random): string {
  const found = [...stream.matchAll(/(?<=\n)([0-9a-f]+)((?:;[^\r\n]*)?)\r\n/gi)];
  if (found.length === 0) return stream;
  const chosen = random.pick(found);
  const size = random.chance(40) ? random.pick(SIZE_NUMBERS) : (chosen[1] as string);
  const rest = random.chance(60) ? random.pick(SIZES) : (chosen[2] as string);
  return replaceAt(stream, chosen.index, chosen[0].length, `${size}${rest}\r\n`);
}

const NUMBERS = [
  "0",
  "1",
  "-1",
  "+1",
  "00",
  "9",
  "10",
  "99",
  "999",
  "4294967296",
  "9007199254740993",
  "1e1",
  "0x10",
  "",
];

function changeNumber(stream: string, random: Random): string {
  const found = [...stream.matchAll(/[0-9]+/g)];
  if (found.length === 0) return stream;
  const chosen = random.pick(found);
  return replaceAt(stream, chosen.index, chosen[0].length, random.pick(NUMBERS));
}

const VERSIONS = [
  "HTTP/0.9",
  "HTTP/1.2",
  "HTTP/2.0",
  "HTTP/1",
  "HTTP/1.10",
  "http/1.1",
  "HTTP/11",
  "",
  "HTTP/1.1 ",
  "HTTPS/1.1",
];
const START_LINE = /(?<=^|\n)([A-Za-z-]+) ([^\r\n]*) (HTTP\/1\.[01])\r\n/g;

function changeStartLine(stream: string, random: Random): string {
  const found = [...stream.matchAll(START_LINE)];
  if (found.length === 0) return stream;
  const chosen = random.pick(found);
  const [whole, method, target, version] = chosen as unknown as [string, string, string, string];
  const changed = [
    () => `${method} ${random.pick(ODD_TARGETS)} ${version}\r\n`,
    () => `${method} ${target} ${random.pick(VERSIONS)}\r\n`,
    () => `${method}  ${target} ${version}\r\n`,
    () => `${method}\t${target} ${version}\r\n`,
    () => `${method} ${target}\r\n`,
    () => `${random.pick(["CONNECT", "OPTIONS", "PRI", "HEAD", "POST"])} ${target} ${version}\r\n`,
    () => `\r\n${whole}`,
    () => `\n${whole}`,
  ];
  return replaceAt(stream, chosen.index, whole.length, random.pick(changed)());
}

function changeHost(stream: string, random: Random): string {
  const found = [...stream.matchAll(/host:[^\r\n]*/gi)];
  if (found.length === 0) return stream;
  const chosen = random.pick(found);
  const line = `Host: ${random.pick(ODD_HOSTS)}`;
  const changed = random.chance(30) ? `${chosen[0]}\r\n${line}` : line;
  return replaceAt(stream, chosen.index, chosen[0].length, changed);
}

const STATUS_LINES = [
  "HTTP/1.1 099 Low",
  "HTTP/1.1 999 High",
  "HTTP/1.1 20 OK",
  "HTTP/1.1 2000 OK",
  "HTTP/1.1  200 OK",
  "HTTP/1.1 200OK",
  "HTTP/1.1\t200 OK",
  "HTTP/1.1 +20 OK",
  "HTTP/1.2 200 OK",
  "HTTP/2 200",
  "HTTP/0.9 200 OK",
  "http/1.1 200 OK",
  "ICY 200 OK",
  "HTTP/1.1 101 Switching Protocols",
  "HTTP/1.1 204 No Content",
  "HTTP/1.1 304 Not Modified",
  "HTTP/1.1 100 Continue",
  "HTTP/1.1 200 a\0b",
  "HTTP/1.1 200 a\rb",
  "HTTP/1.1 200",
];

function changeStatusLine(stream: string, random: Random): string {
  const found = [...stream.matchAll(/HTTP\/1\.[01] [0-9]{3}[^\r\n]*/g)];
  if (found.length === 0) return stream;
  const chosen = random.pick(found);
  return replaceAt(stream, chosen.index, chosen[0].length, random.pick(STATUS_LINES));
}

function splice(stream: string, random: Random, other: () => string): string {
  const donor = other();
  const at = random.below(donor.length);
  const part = random.chance(50) ? donor.slice(at) : donor.slice(at, at + random.between(1, 80));
  return replaceAt(stream, random.below(stream.length + 1), 0, part);
}

const FILLERS = [99, 100, 101, 1999, 2000, 2001, 3900];

function addFillers(stream: string, random: Random): string {
  const end = stream.indexOf("\r\n");
  if (end === -1 || !random.chance(20)) return stream;
  return replaceAt(stream, end, 0, "\r\na:b".repeat(random.pick(FILLERS)));
}

const MUTATIONS: readonly Mutation[] = [
  flipBit,
  insertSpecial,
  insertSpecial,
  insertAtEdge,
  insertAtEdge,
  deleteBytes,
  duplicateSlice,
  truncate,
  dropLine,
  repeatLine,
  moveLine,
  changeLineEnd,
  changeLineEnd,
  addFraming,
  changeFraming,
  changeFraming,
  changeChunkLine,
  changeChunkLine,
  changeNumber,
  changeStartLine,
  changeStatusLine,
  changeHost,
  splice,
  addFillers,
];
