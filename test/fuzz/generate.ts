/** Streams of well-formed messages in many shapes: what the mutations start from. */
import type { Random } from "./random.ts";

export const METHODS = ["GET", "GET", "GET", "POST", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"];
const RARE_METHODS = ["QUERY", "TRACE", "CONNECT", "get", "PROPFIND", "M-SEARCH", "G", "PRI"];

const TARGETS = [
  "/",
  "/a",
  "/a/b/c",
  "/a?b=c&d=e",
  "/?",
  "/a?",
  "/%41%7e%2e",
  "/a;b=c/d",
  "/a??b=?/",
  "/[]{}|^`<>\"'",
  "/a?x=%",
  "/a:80",
  "/~user/!$&'()*+,=@",
  "/a\\b",
];

export const ODD_TARGETS = [
  "http://example/a",
  "http://EXAMPLE:80/a?b",
  "https://example",
  "HTTP://a.example.?x",
  "http://[::1]:8080/",
  "http:///a",
  "http://a@b/",
  "ftp://a/",
  "*",
  "//a/b",
  "a",
  "a:80",
  "/a#b",
  "/a\tb",
  "/a\x00",
  "/\x80",
  "",
  "?a",
  "/..",
  "/%",
];

export const HOSTS = [
  "example",
  "Example.COM:80",
  "a.b.c.",
  "127.0.0.1:8080",
  "[::1]",
  "[::1]:80",
  "x_y",
  "a",
];

export const ODD_HOSTS = [
  "",
  "a, b",
  "a b",
  "u@a",
  "a/b",
  "a:98777",
  "a:1:2",
  ".",
  "a:",
  "[::1",
  "a..b",
  "%61",
  `${"a".repeat(300)}`,
  "a\t",
  "é",
  "a:08",
];

const NAMES = [
  "Accept",
  "User-Agent",
  "X-A",
  "x",
  "Cookie",
  "Authorization",
  "Content-Type",
  "If-None-Match",
  "X-Forwarded-For",
  "Via",
  "!#$%&'*+-.^`|~",
  "Date",
  "Cache-Control",
  "Trailer",
  "TE",
  "Keep-Alive",
  "Proxy-Connection",
  "Priority",
  "Max-Forwards",
  "traceparent",
  "baggage",
  "X-Request-Id",
];

const VALUES = [
  "",
  "a",
  "*/*",
  "text/html, application/json;q=0.9",
  '"quoted, \\"text"',
  "a\tb",
  "a  b",
  "a: b:c",
  "\xe9\x80\xff",
  "chunked",
  "10",
  "trailers",
  "close",
  "a=b; c=d",
  '=?{}[]<>@,;:\\"/',
  "\xa0a\xa0",
  "0",
];

const CONNECTIONS = [
  "close",
  "keep-alive",
  "Keep-Alive, X-A",
  "close, TE",
  "upgrade",
  "",
  ",",
  "X-A",
  "Close",
];
const UPGRADES = ["websocket", "h2c", "foo/1, websocket", ""];

const OWS = ["", " ", " ", " ", " ", "\t", "  ", " \t "];

/** A body, in the framing that is announced for it. */
interface Framed {
  readonly fields: readonly string[];
  readonly bytes: string;
}

export function requestStream(random: Random): string {
  let stream = random.chance(3) ? "\r\n" : "";
  const count = random.pick([1, 1, 1, 2, 2, 3, 5]);
  for (let i = 0; i < count; i++) stream += request(random);
  return stream;
}

function request(random: Random): string {
  const method = random.chance(4) ? random.pick(RARE_METHODS) : random.pick(METHODS);
  const target = random.chance(6) ? random.pick(ODD_TARGETS) : random.pick(TARGETS);
  const version = random.chance(8) ? "HTTP/1.0" : "HTTP/1.1";
  const wantsBody = method === "POST" || method === "PUT" || method === "PATCH" || random.chance(8);
  const body = wantsBody ? framedBody(random, version === "HTTP/1.1") : NO_BODY;
  const host = random.chance(3) ? [] : [field(random, "Host", random.pick(HOSTS))];
  const fields = shuffled(random, [...host, ...otherFields(random), ...body.fields]);
  return `${method} ${target} ${version}\r\n${fields.map((line) => `${line}\r\n`).join("")}\r\n${body.bytes}`;
}

const NO_BODY: Framed = { fields: [], bytes: "" };

function otherFields(random: Random): string[] {
  const fields: string[] = [];
  for (let left = random.pick([0, 0, 1, 2, 3, 6]); left > 0; left--) {
    fields.push(field(random, random.pick(NAMES), random.pick(VALUES)));
  }
  if (random.chance(12)) fields.push(field(random, "Connection", random.pick(CONNECTIONS)));
  if (random.chance(3)) fields.push("Expect: 100-continue");
  if (random.chance(4)) {
    fields.push(field(random, "Upgrade", random.pick(UPGRADES)), "Connection: Upgrade");
    if (random.chance(60))
      fields.push("Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==");
  }
  return fields;
}

function field(random: Random, name: string, value: string): string {
  const spelled = random.chance(10) ? name.toUpperCase() : random.chance(10) ? name.toLowerCase() : name;
  return `${spelled}:${random.pick(OWS)}${value}${random.chance(8) ? random.pick(OWS) : ""}`;
}

function framedBody(random: Random, mayChunk: boolean): Framed {
  const bytes = content(random);
  if (mayChunk && random.chance(55)) {
    const coding = random.pick(["chunked", "chunked", "chunked", "Chunked", "CHUNKED"]);
    return { fields: [field(random, "Transfer-Encoding", coding)], bytes: chunkedBody(random, bytes) };
  }
  const length = random.chance(5) ? `0${bytes.length}` : String(bytes.length);
  return { fields: [field(random, "Content-Length", length)], bytes };
}

const CONTENTS = [
  "",
  "a",
  "hello",
  "GET /evil HTTP/1.1\r\nHost: evil\r\n\r\n",
  "0\r\n\r\nGET /evil HTTP/1.1\r\nHost: evil\r\n\r\n",
  "\r\n",
  "\r\n\r\n",
  "\x00\xff\x80",
  "5\r\n",
  '{"a":1}',
  "x".repeat(300),
  "a\r\n0\r\n\r\n",
];

const content = (random: Random): string =>
  random.pick(CONTENTS) + (random.chance(30) ? random.pick(CONTENTS) : "");

const EXTENSIONS = [";a", ";a=b", ';a="b c"', ";a=b;c", ';a="";b="x;y=z"', ";!#=~"];
const TRAILERS = ["X-Sum: 1", "X-A:", "Expires: 0", "Server-Timing: a;dur=1\t", "x: \xff", 'ETag: "a"'];

/** The chunked form of a body, with sizes, extensions and trailers of every legal kind. */
export function chunkedBody(random: Random, bytes: string): string {
  let text = "";
  for (let at = 0; at < bytes.length; ) {
    const size = random.between(1, random.pick([1, 5, 40, 400]));
    const piece = bytes.slice(at, at + size);
    text += `${chunkSize(random, piece.length)}${extension(random)}\r\n${piece}\r\n`;
    at += piece.length;
  }
  text += `${random.pick(["0", "0", "0", "000"])}${extension(random)}\r\n`;
  if (random.chance(25)) {
    for (let left = random.between(1, 3); left > 0; left--) text += `${random.pick(TRAILERS)}\r\n`;
  }
  return `${text}\r\n`;
}

function chunkSize(random: Random, size: number): string {
  const hex = size.toString(16);
  if (random.chance(10)) return `00${hex}`;
  return random.chance(20) ? hex.toUpperCase() : hex;
}

const extension = (random: Random): string => (random.chance(15) ? random.pick(EXTENSIONS) : "");

export function chunkedRequest(random: Random): string {
  const head = "POST /c HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
  const next = random.chance(50) ? "GET /next HTTP/1.1\r\nHost: b\r\n\r\n" : "";
  return head + chunkedBody(random, content(random)) + next;
}

const STATUSES = [200, 200, 200, 201, 204, 301, 304, 400, 404, 500, 599];
const INTERIMS = [
  "HTTP/1.1 100 Continue\r\n\r\n",
  "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n",
  "HTTP/1.1 102 \r\n\r\n",
];
const REASONS = [" OK", " ", "", " Not Found", " \xe9\t!", " a:b"];
const KEEP_ALIVES = ["timeout=5", "timeout=5, max=100", "timeout=", "max=1", "timeout=0"];

/** Answers to as many requests as `count`; `HEAD` ones may carry a length that no body follows. */
export function responseStream(random: Random, methods: readonly string[]): string {
  let stream = "";
  for (const method of methods) stream += response(random, method);
  return stream;
}

function response(random: Random, method: string): string {
  let text = "";
  while (random.chance(6)) text += random.pick(INTERIMS);
  const status = random.chance(3) ? random.pick([101, 199, 99, 600, 299]) : random.pick(STATUSES);
  const version = random.chance(8) ? "HTTP/1.0" : "HTTP/1.1";
  const body = responseBody(random, version === "HTTP/1.1");
  const bodyless = method === "HEAD" || status === 204 || status === 304;
  const fields = shuffled(random, [...otherFields(random), ...keepAlive(random), ...body.fields]);
  const lines = fields.map((line) => `${line}\r\n`).join("");
  return `${text}${version} ${status}${random.pick(REASONS)}\r\n${lines}\r\n${bodyless ? "" : body.bytes}`;
}

const keepAlive = (random: Random): string[] =>
  random.chance(10) ? [field(random, "Keep-Alive", random.pick(KEEP_ALIVES))] : [];

function responseBody(random: Random, mayChunk: boolean): Framed {
  // Until the connection closes.
  if (random.chance(8)) return { fields: [], bytes: content(random) };
  return framedBody(random, mayChunk);
}

function shuffled<T>(random: Random, items: readonly T[]): T[] {
  const left = [...items];
  const result: T[] = [];
  while (left.length > 0) result.push(...left.splice(random.below(left.length), 1));
  return result;
}
