/**
 * Bytes as text that people can read and edit: printable ASCII as it is, `\r` `\n` `\t` `\\` and `\xHH` for the rest,
 * and `\{…}*N` for N repetitions. Bytes are held as latin1 strings throughout the fuzzer.
 */
export function toText(bytes: string): string {
  return bytes.replace(/[^\x20-\x5b\x5d-\x7e]/g, (char) => {
    if (char === "\r") return "\\r";
    if (char === "\n") return "\\n";
    if (char === "\t") return "\\t";
    if (char === "\\") return "\\\\";
    return `\\x${char.charCodeAt(0).toString(16).padStart(2, "0")}`;
  });
}

/** One line of escaped bytes for each line of the stream, to be looked at. */
export function toLines(bytes: string): string {
  return toText(bytes).replaceAll("\\n", "\\n\n").replace(/\n$/, "");
}

/** Line ends of the text itself mean nothing. */
export function fromText(text: string): string {
  const joined = text.replace(/\r?\n/g, "");
  const repeated = joined.replace(/\\\{(.*?)\}\*([0-9]+)/g, (_, part: string, times: string) =>
    part.repeat(Number(times)),
  );
  return repeated.replace(
    /\\(r|n|t|\\|x[0-9a-f]{2})/g,
    (_, code: string) => PLAIN[code] ?? String.fromCharCode(Number.parseInt(code.slice(1), 16)),
  );
}

const PLAIN: Readonly<Record<string, string>> = { r: "\r", n: "\n", t: "\t", "\\": "\\" };
