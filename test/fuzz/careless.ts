/** A careless origin: what the least strict server there is could take bytes for that the gateway sent it. */

export interface CarelessRequest {
  readonly method: string;
  readonly target: string;
  readonly fields: readonly (readonly [lower: string, value: string])[];
  readonly body: string;
  readonly complete: boolean;
}

/** Which framing wins where both are there. */
export type Preference = "length" | "chunked";

/** Everything on one connection, as requests; the last may be incomplete. */
export function readCarelessly(bytes: string, preference: Preference): CarelessRequest[] {
  const requests: CarelessRequest[] = [];
  for (let rest = bytes; rest.trim() !== ""; ) {
    // Any line end ends a line, and empty lines before a request are nothing.
    const start = /^[\r\n]*/.exec(rest)?.[0].length ?? 0;
    const end = /\r?\n\r?\n/.exec(rest.slice(start));
    const head = end === null ? rest.slice(start) : rest.slice(start, start + end.index);
    const request = readHead(head);
    if (end === null) return [...requests, { ...request, body: "", complete: false }];
    const behind = rest.slice(start + end.index + end[0].length);
    const body = readBody(request.fields, behind, preference);
    requests.push({ ...request, body: body.text, complete: body.length >= 0 });
    if (body.length < 0) return requests;
    rest = behind.slice(body.length);
  }
  return requests;
}

function readHead(head: string): Pick<CarelessRequest, "method" | "target" | "fields"> {
  const [first = "", ...lines] = head.split(/\r?\n|\r/);
  const [method = "", target = ""] = first.trim().split(/\s+/);
  const fields = lines.map((line): [string, string] => {
    const colon = line.indexOf(":");
    // What is no token character is overlooked, `_` is `-`. But `#Transfer-Encoding` is a token and a name of its own
    // (RFC 9110 §5.1), which a proxy passes on like any other: no server cuts a name to what it knows.
    const name = line
      .slice(0, colon)
      .replace(/[^!#$%&'*+\-.^_`|~0-9A-Za-z]/g, "")
      .toLowerCase()
      .replaceAll("_", "-");
    return [name, line.slice(colon + 1).trim()];
  });
  return { method, target, fields };
}

/** `length` is how many bytes it took; -1 if it is not all there. */
function readBody(
  fields: CarelessRequest["fields"],
  bytes: string,
  preference: Preference,
): { text: string; length: number } {
  const value = (name: string) => fields.find(([lower]) => lower === name)?.[1];
  const declared = value("content-length");
  const chunked = fields.some(([name, text]) => name === "transfer-encoding" && /chunked/i.test(text));
  if (chunked && (preference === "chunked" || declared === undefined)) return readChunks(bytes);
  const size = Number.parseInt(declared ?? "0", 10) || 0;
  return { text: bytes.slice(0, size), length: bytes.length >= size ? size : -1 };
}

function readChunks(bytes: string): { text: string; length: number } {
  let text = "";
  for (let at = 0; ; ) {
    const line = bytes.indexOf("\n", at);
    if (line === -1) return { text, length: -1 };
    const size = Number.parseInt(bytes.slice(at, line), 16) || 0;
    if (size === 0) return { text, length: behindTrailers(bytes, line + 1) };
    text += bytes.slice(line + 1, line + 1 + size);
    at = line + 1 + size;
    while (bytes.charAt(at) === "\r" || bytes.charAt(at) === "\n") at++;
    if (at >= bytes.length) return { text, length: -1 };
  }
}

function behindTrailers(bytes: string, from: number): number {
  for (let at = from; ; ) {
    const end = bytes.indexOf("\n", at);
    if (end === -1) return -1;
    if (bytes.slice(at, end).trim() === "") return end + 1;
    at = end + 1;
  }
}
